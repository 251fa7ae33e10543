"""The application beside a site of files: a fragment with the number of a page, and its stream.

A page of the site has two tags: the script, and an element that htmx fills with the fragment. Which
page it is, htmx says in a header; which pages there are, the sitemap does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask, Response, render_template, request
from jinja2 import ChoiceLoader, FileSystemLoader
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as BaseResponse

from ..web import htmx
from ..web.extension import Presence
from .pages import Pages, find_pages

SCRIPT_SECONDS = 3600


class StaticSite:
    """What a worker starts and closes: see `server.hooks.Life`."""

    def __init__(self, app: Flask, pages: Pages) -> None:
        self._live = app.extensions["presence"]
        self._pages = pages

    @property
    def presence(self) -> Any:
        """What gunicorn's hooks drain."""
        return self._live.presence

    def start(self) -> None:
        """Read the sitemap, and begin to count."""
        self._pages.start()
        self._live.start()

    def close(self) -> None:
        """Stop; a few seconds at most."""
        self._pages.close()
        self._live.close()


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """Make the application of `PRESENCE_…` variables, as `flask-presence serve` sets them.

    Raises `ValueError` for pages that are none.
    """
    environ = os.environ if environ is None else environ
    prefix = environ.get("PRESENCE_URL_PREFIX", "")
    refresh_seconds = float(environ.get("PRESENCE_REFRESH_SECONDS", "60"))
    pages = find_pages(environ["PRESENCE_PAGES"], refresh_seconds=refresh_seconds)
    app = Flask(__package__)
    app.secret_key = environ["PRESENCE_SECRET_KEY"]
    app.config["PRESENCE_HTMX"] = "0"  # the pages have it before they know of any number
    if folder := environ.get("PRESENCE_TEMPLATES"):
        own = FileSystemLoader(folder)
        app.jinja_loader = ChoiceLoader(
            [own, FileSystemLoader(Path(__file__).parent / "templates")]
        )

    def say(name: str, count: int) -> str:
        words = app.jinja_env.get_template("words.html").module
        return str(getattr(words, name)(count)).strip()

    Presence(
        app,
        counter_words=lambda count: say("reading_now", count),
        total_words=lambda count: say("online", count),
    )
    proxies = int(environ.get("PRESENCE_PROXIES", "1"))
    if proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies
        )
    app.extensions["static_site"] = StaticSite(app, pages)

    @app.get(f"{prefix}/here")
    def show_here() -> Response:
        """Answer the fragment of the page that asks; nothing, for one that the site has not."""
        page = pages.find(request.headers.get("HX-Current-URL", ""))
        if page is None:
            return Response(status=204)
        fragment = render_template("here.html", page=page, has_total="total" in request.args)
        return Response(fragment, headers={"Cache-Control": "no-store"})

    script = _write_script()

    @app.get(f"{prefix}/presence.js")
    def send_script() -> BaseResponse:
        """Answer htmx, its settings, and its extension for streams."""
        answer = Response(script, mimetype="text/javascript")
        answer.cache_control.max_age = SCRIPT_SECONDS
        answer.add_etag()
        return answer.make_conditional(request)

    return app


def _write_script() -> str:
    core, extension = ((htmx.find_folder() / name).read_text("utf-8") for name in htmx.FILES)
    # This replaces <meta name="htmx-config">, which each page would otherwise need.
    config = f"Object.assign(htmx.config, {json.dumps(htmx.make_config())});"
    return "\n".join((core, config, extension, ""))
