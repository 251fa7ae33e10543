"""Static files, whose addresses carry a version, so that browsers may keep them for good.

And the files beside a text: pictures, films, sounds, documents.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from flask import Flask, Response, abort, request, send_from_directory, url_for
from werkzeug.security import safe_join

from blog.posts import Index, Post
from blog.posts.finding import find_on_disk
from flask_presence.web import htmx

from .cache.fast_send import GZIP, choose_codings, tag_of
from .picture_files import FOR_GOOD, VERSION_DIGITS, send_authors_file

# The files that pages load; nothing else is served from the folders of fetched packages.
VENDORED = "vendor/"
FONTS = "fonts/"
HTMX = f"{VENDORED}htmx.org/dist/"
SCRIPTS = tuple([HTMX + name for name in htmx.FILES])
CHECK_SECONDS = 0.1
# Texts; pictures and fonts are compressed already.
COMPRESSED_TYPES = {"text/css", "text/javascript", "text/plain", "image/svg+xml"}

# A comment of a stylesheet; what only looks like one, in a string or an address, is the group.
_COMMENT = re.compile(
    rb"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|url\([^"')]*\))|/\*.*?\*/""", re.DOTALL
)

# Time and size of a file.
Mark = tuple[int, int]


class Assets:
    """The versions of static files: a hash of the content. The first folder that has one counts.

    A time would not do, since every file in an npm package is dated 1985. A file is hashed once
    and again only if its time or size changed, so a new stylesheet shows without a restart.
    """

    def __init__(self, *folders: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._folders = folders
        self._now = now
        self._known: dict[str, _Known] = {}
        self._compressed: dict[str, tuple[str, bytes]] = {}  # by file: of which version
        self._state = object()
        self._check_after = 0.0

    def find(self, filename: str) -> Path:
        """Return where a file is; if no folder has it, its place in the last one."""
        if filename in SCRIPTS:
            return htmx.find_folder() / filename.removeprefix(HTMX)
        *others, last = [folder / filename for folder in self._folders]
        return next((path for path in others if path.is_file()), last)

    def has(self, filename: str) -> bool:
        """Tell whether there is such a file."""
        return bool(self.version(filename))

    def version(self, filename: str) -> str:
        """Return the version of a file, or "" if it is not there: pages work without it."""
        known = self._known.get(filename)
        path = self.find(filename)
        mark = _stat(path)
        if known is None or known.mark != mark or known.path != path:
            if known is not None:
                self._state = object()
            known = self._known[filename] = _Known(path, mark, _hash(path))
        return known.version

    def compress(self, filename: str) -> bytes:
        """Return a file compressed with gzip: made once for each version. Raises OSError.

        A stylesheet goes without the words of its comments, a fifth of ours. Each stays as an empty
        one, since it may stand between two words.
        """
        version = self.version(filename)
        held = self._compressed.get(filename)
        if held is None or held[0] != version:
            whole = self.find(filename).read_bytes()
            if filename.endswith(".css"):
                whole = _COMMENT.sub(lambda found: found[1] or b"/**/", whole)
            held = self._compressed[filename] = version, gzip.compress(whole, mtime=0)
        return held[1]

    def state(self) -> object:
        """Return the same object as long as no file changed whose version was ever asked for.

        The files are looked at ten times a second at most: it takes a tenth of what a cached page
        costs. Until then a page may link an old version, which is answered with the new content.
        """
        now = self._now()
        if now < self._check_after:
            return self._state
        self._check_after = now + CHECK_SECONDS
        if any(_stat(known.path) != known.mark for known in self._known.values()):
            self._known.clear()
            self._state = object()
        return self._state

    def url(self, filename: str) -> str:
        """Return the address of a static file with its version: `/static/style.css?v=…`."""
        return url_for("static", filename=filename, v=self.version(filename) or None)


class _Known(NamedTuple):
    path: Path
    mark: Mark | None  # None: it was not there
    version: str


def _stat(path: Path) -> Mark | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:VERSION_DIGITS]
    except OSError:
        return ""


def install_assets(app: Flask, *folders: Path) -> Assets:
    """Serve the static files of some folders, by default the application's; the first one wins.

    Every template has `versioned_static(filename)` and `has_static(filename)`.

    May be called more than once for one app. A request for another version than the present one
    (an old page, or a worker not yet replaced) is answered, but not for a browser to keep.
    """
    installed: Assets | None = app.extensions.get("assets")
    if installed is not None:
        return installed
    folders = folders or (Path(app.static_folder or "static"),)
    assets = app.extensions["assets"] = Assets(*folders)
    app.jinja_env.globals["versioned_static"] = assets.url
    app.jinja_env.globals["has_static"] = assets.has

    def serve(filename: str) -> Response:
        if filename in SCRIPTS:
            return send_from_directory(htmx.find_folder(), filename.removeprefix(HTMX))
        if filename.startswith(VENDORED):
            abort(404)  # the rest of a package, which no page asks for
        # What is outside of a folder is not served.
        places = [Path(safe_join(str(folder), filename) or folder) for folder in folders]
        return send_authors_file(next((path for path in places if path.is_file()), places[-1]))

    app.view_functions["static"] = serve

    def set_headers(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code in (200, 206, 304):
            filename = (request.view_args or {}).get("filename", "")
            asked = request.args.get("v")
            # style.css, which names fonts, knows no hash: it says the version of their package.
            is_named = asked == assets.version(filename) or filename.startswith(FONTS)
            if asked and is_named:
                response.headers["Cache-Control"] = FOR_GOOD
            if response.mimetype in COMPRESSED_TYPES:
                _compress(response, lambda: assets.compress(filename))
        return response

    def find_name(endpoint: str | None, values: dict[str, Any] | None) -> None:
        """Find a file by its name in either form of Unicode, as files beside posts are."""
        name = (values or {}).get("filename", "")
        if endpoint == "static" and not name.isascii() and ".." not in name and values:
            for folder in folders:
                found = find_on_disk(folder / name)
                if found.exists():
                    values["filename"] = found.relative_to(folder).as_posix()
                    return

    app.url_value_preprocessor(find_name)
    app.after_request(set_headers)
    return assets


def _compress(response: Response, read: Callable[[], bytes]) -> None:
    """Answer with gzip, if the request prefers it, instead of the file as it is."""
    response.vary.add("Accept-Encoding")
    coding = choose_codings(request.headers.get("Accept-Encoding", ""))[0]
    if coding != GZIP or response.status_code != 200:
        return
    response.call_on_close(response.response.close)  # type: ignore[union-attr]
    response.direct_passthrough = False
    response.set_data(read())
    response.headers["Content-Encoding"] = GZIP
    response.set_etag(tag_of(response.get_etag()[0] or "", GZIP))
    response.make_conditional(request)
    # Set by make_conditional(), and once more by the server.
    response.headers.pop("Date", None)


def send_beside(index: Index, owner: Post | None, name: str) -> Response:
    """Answer with a file beside a text; 404 where there is no such text or no such file."""
    media = index.find_media(owner, name) if owner else None
    if media is None:
        abort(404)
    return send_authors_file(media)
