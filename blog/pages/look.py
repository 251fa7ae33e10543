"""What an author chose of the looks, as one small stylesheet after the theme's."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

from flask import Flask, Response, abort, current_app, request, url_for

from blog.config import Settings
from blog.pages.assets import FOR_GOOD
from blog.pages.blueprint import pages
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


def install_look(app: Flask, settings: Settings) -> None:
    """Give every template the `look` that the settings choose."""
    colours = choose_colours(settings.palette, settings.accent)
    css = ""
    if (settings.palette, settings.accent) != (DEFAULT, ""):
        css = app.jinja_env.get_template("look.css").render(colours=colours)
    version = blake2b(css.encode(), digest_size=6).hexdigest()
    app.extensions["look"] = app.jinja_env.globals["look"] = Look(colours, css, version)


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
