"""The pictures of the faces."""

from __future__ import annotations

from flask import Response, abort
from flask.typing import ResponseReturnValue

from blog.pages.blueprint import content, pages
from blog.pages.picture_files import FOR_GOOD


@pages.get("/faces/<version>/<int:number>.svg")
def face(version: str, number: int) -> ResponseReturnValue:
    """Answer with a face: the present one, whatever the version."""
    drawn = content().live.draw_face(number) or abort(404)
    response = Response(drawn, mimetype="image/svg+xml")
    response.headers["Cache-Control"] = FOR_GOOD
    return response
