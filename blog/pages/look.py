"""Small stylesheets after the theme's: what the author chose of the looks, and what the reader
did.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import urlsplit

from flask import (
    Flask,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from blog.config import Settings
from blog.cookies import name_cookie
from blog.pages.blueprint import content, pages, read_own_form
from blog.pages.picture_files import FOR_GOOD
from blog.palettes import DEFAULT, Colours, choose_colours


class Look(NamedTuple):
    """The colours of the pages; `css` says what is not as the theme has it, or is empty."""

    colours: Colours
    css: str
    version: str

    @property
    def url(self) -> str:
        """The address of the stylesheet; empty where there is none."""
        return url_for("pages.look", v=self.version) if self.css else ""


def install_look(app: Flask, settings: Settings) -> Look:
    """Give every template the `look` that the settings choose, and return it."""
    colours = choose_colours(settings.palette, settings.accent)
    css = ""
    if (settings.palette, settings.accent, settings.font) != (DEFAULT, "", "serif"):
        template = app.jinja_env.get_template("look.css")
        css = template.render(colours=colours, font=settings.font)
    version = blake2b(css.encode(), digest_size=6).hexdigest()
    look = app.extensions["look"] = app.jinja_env.globals["look"] = Look(colours, css, version)
    return look


@pages.get("/look.css")
def look() -> Response:
    """Answer with the stylesheet; 404 where everything is as the theme has it."""
    found: Look = current_app.extensions["look"]
    if not found.css:
        abort(404)
    response = Response(found.css, mimetype="text/css")
    if request.args.get("v") == found.version:
        response.headers["Cache-Control"] = FOR_GOOD
    return response


# What a reader may choose: light or dark pages, or as the device has it.
SCHEMES = ("light", "dark", "auto")
SCHEME_COOKIE = "viblog_scheme"
YEAR_SECONDS = 365 * 24 * 3600
# Asked for with every page: `Vary: Cookie` alone does not reach Chromium's memory cache.
KEEP_SCHEME = "private, no-cache"


@pages.get("/scheme.css")
def scheme() -> Response:
    """Answer with the stylesheet of what this reader chose: the one answer that a cookie changes.

    Pages link it, so they are the same for everybody, and no script is needed.
    """
    _need_switch()
    chosen = request.cookies.get(_name_cookie(), "")
    chosen = chosen if chosen in SCHEMES else "auto"
    response = Response(render_template("scheme.css", chosen=chosen), mimetype="text/css")
    response.headers["Cache-Control"] = KEEP_SCHEME
    response.vary.add("Cookie")
    return response


@pages.post("/scheme.css")
def choose_scheme() -> ResponseReturnValue:
    """Keep what a reader chooses in a cookie of their own, and lead back to the page."""
    _need_switch()
    chosen = read_own_form().get("scheme")
    if chosen not in SCHEMES:
        abort(400)
    response = redirect(_find_page() or url_for("pages.index"), 303)
    max_age = 0 if chosen == "auto" else YEAR_SECONDS
    response.set_cookie(
        _name_cookie(),
        "" if chosen == "auto" else chosen,
        max_age=max_age,
        path=_cookie_path(),
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response


def _cookie_path() -> str:
    return request.script_root or "/"


def _name_cookie() -> str:
    return name_cookie(SCHEME_COOKIE, _cookie_path(), is_secure=request.is_secure)


def _find_page() -> str:
    """Return the page of ours that a request came from; empty for none.

    Never another host's: neither by its name nor by a path such as //other.example.
    """
    try:
        came_from = urlsplit(request.referrer or "")
    except ValueError:
        return ""
    if came_from.netloc != request.host:
        return ""
    path = "/" + came_from.path.lstrip("/")
    return f"{path}?{came_from.query}" if came_from.query else path


def _need_switch() -> None:
    if not content().settings.scheme_switch:
        abort(404)
