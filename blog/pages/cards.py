"""Answers each post's card, the picture that other sites show with a link to it."""

from __future__ import annotations

from datetime import UTC, datetime
from gettext import GNUTranslations

from flask import Response, abort, request, url_for
from flask.typing import ResponseReturnValue

from blog.cards import Card, CardColours
from blog.config import Settings
from blog.pages.blueprint import content, pages
from blog.pages.format import write_day
from blog.pages.picture_files import FOR_GOOD
from blog.palettes import choose_colours
from blog.posts.model import Post


@pages.get("/cards/<path:post_id>.png")
def card(post_id: str) -> ResponseReturnValue:
    """Answer with the picture, drawn when it is first asked for."""
    cards = content().cards
    post = content().catalogue.index.by_id.get(post_id) or abort(404)
    shown = make_card(content().settings, content().words, post)
    version = cards.version(shown) or abort(404)
    drawn = cards.draw(shown, datetime.now(UTC))
    response = Response(drawn.png, mimetype="image/png")
    response.set_etag(version)
    response.last_modified = drawn.drawn_at
    if request.args.get("v") == version:
        response.headers["Cache-Control"] = FOR_GOOD
    response.make_conditional(request)
    # Set by make_conditional(), and once more by the server.
    response.headers.pop("Date", None)
    return response


def find_card(post: Post) -> str:
    """Return the path of a post's card; "" where its title cannot be written in our font."""
    version = content().cards.version(make_card(content().settings, content().words, post))
    return url_for("pages.card", post_id=post.id, v=version) if version else ""


def make_card(settings: Settings, words: GNUTranslations, post: Post) -> Card:
    """Say what a post's card shows."""
    colours = choose_colours(settings.palette, settings.accent)
    return Card(
        title=post.title,
        site=settings.title,
        description=post.description,
        date=write_day(words, post.date) if post.date else "",
        authors=post.authors,
        comma=words.gettext(", "),
        tags=post.tags,
        colours=CardColours(*[colours[name][0] for name in CardColours._fields]),
    )
