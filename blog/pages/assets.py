"""Addresses of static files that carry a version, so that browsers may keep them for good."""

from __future__ import annotations

import hashlib
from pathlib import Path

from flask import Flask, Response, request, url_for

# A year, the longest that RFC 9111 caches are asked to believe; `immutable` is RFC 8246.
FOR_GOOD = "public, max-age=31536000, immutable"
VERSION_DIGITS = 12


class Assets:
    """The versions of the files in one static folder: a hash of the content.

    A time would not do, since every file in an npm package is dated 1985. A file is hashed once
    and again only if its time or size changed, so a new stylesheet shows without a restart.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[tuple[int, int], str]] = {}

    def version(self, filename: str) -> str:
        """Return the version of a file, or "" if it is not there: pages work without it."""
        path = self._folder / filename
        try:
            stat = path.stat()
            mark = (stat.st_mtime_ns, stat.st_size)
            known = self._known.get(filename)
            if known is None or known[0] != mark:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()[:VERSION_DIGITS]
                known = (mark, digest)
                self._known[filename] = known
        except OSError:
            return ""
        return known[1]

    def url(self, filename: str) -> str:
        """Return the address of a static file with its version: `/static/style.css?v=…`."""
        return url_for("static", filename=filename, v=self.version(filename) or None)


def install_assets(app: Flask) -> None:
    """Give every template `versioned_static(filename)`, and versioned files a long life.

    May be called more than once for one app. A request for another version than the present one
    (an old page, or a worker not yet replaced) is answered, but not kept.
    """
    if "versioned_static" in app.jinja_env.globals:
        return
    assets = Assets(Path(app.static_folder or "static"))
    app.jinja_env.globals["versioned_static"] = assets.url

    def keep_versioned(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code in (200, 206, 304):
            filename = (request.view_args or {}).get("filename", "")
            asked = request.args.get("v")
            if asked and asked == assets.version(filename):
                response.headers["Cache-Control"] = FOR_GOOD
        return response

    app.after_request(keep_versioned)
