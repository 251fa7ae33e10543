"""The files beside a text: pictures, films, sounds, documents."""

from __future__ import annotations

from flask import Response, abort, send_file

from blog.pages.contracts import IndexLike
from blog.posts.model import Post


def send_beside(index: IndexLike, owner: Post | None, name: str) -> Response:
    """Answer with a file beside a text; 404 where there is no such text or no such file."""
    media = index.find_media(owner, name) if owner else None
    if media is None:
        abort(404)
    try:
        return send_file(media.absolute(), conditional=True)
    except OSError:  # taken away since it was listed
        abort(404)
