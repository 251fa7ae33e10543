"""The address of each post's card, the picture that other sites show with a link to it."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response, abort, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ServiceUnavailable

from blog.cards import Card, Cards
from blog.config import Settings
from blog.native import BusyError
from blog.pages.assets import FOR_GOOD
from blog.pages.catalogue import Catalogues
from blog.pages.format import write_day
from blog.posts.model import Post

RETRY_SECONDS = 5


def add_cards(pages: Blueprint, settings: Settings, catalogues: Catalogues, cards: Cards) -> None:
    """Add `/cards/<post id>.png`."""

    @pages.get("/cards/<path:post_id>.png", endpoint="card")
    def answer(post_id: str) -> ResponseReturnValue:
        post = catalogues.latest.index.by_id.get(post_id) or abort(404)
        card = make_card(settings, post)
        version = cards.version(card) or abort(404)
        try:
            drawn = cards.draw(card, datetime.now(UTC))
        except BusyError:
            raise ServiceUnavailable(retry_after=RETRY_SECONDS) from None
        response = Response(drawn.png, mimetype="image/png")
        response.set_etag(version)
        response.last_modified = drawn.drawn_at
        if request.args.get("v") == version:
            response.headers["Cache-Control"] = FOR_GOOD
        response.make_conditional(request)
        # Set by make_conditional(), and once more by the server.
        response.headers.pop("Date", None)
        return response


def find_card(settings: Settings, post: Post, cards: Cards) -> str:
    """Return the path of a post's card; "" where its title cannot be written in our font."""
    version = cards.version(make_card(settings, post))
    return url_for("pages.card", post_id=post.id, v=version) if version else ""


def make_card(settings: Settings, post: Post) -> Card:
    """Say what a post's card shows."""
    return Card(
        title=post.title,
        site=settings.title,
        date=write_day(post.date) if post.date else "",
        authors=post.authors,
        tags=post.tags,
    )
