"""Previews: a hidden post or page and the files beside it, for who has a signed link."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, abort
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from blog.pages.assets import send_beside
from blog.pages.blueprint import content, pages
from blog.pages.catalogue import Catalogue
from blog.pages.own_pages import describe_page
from blog.pages.picture_tags import move_picture
from blog.pages.post import describe_post_page
from blog.posts import Index
from blog.posts.addresses import POSTS_ROOT, post_path
from blog.posts.markup.html_tags import rewrite_addresses
from blog.posts.model import Post
from blog.posts.preview import preview_path, read_preview


@pages.get("/preview/<token>")
def preview(token: str) -> ResponseReturnValue:
    """Answer with a hidden post, for those who have the link."""
    catalogue = content().catalogue
    post, until, index = find_previewed(token, catalogue)
    is_page = index is not catalogue.index
    context = describe_page(post) if is_page else describe_post_page(post, catalogue)
    # Who has the link sees what is not published; nobody is to find it by another way.
    context |= {"canonical": "", "linked_data": None, "preview_until": until}
    # The files of a hidden post are hidden, too, but not from here.
    root = "" if is_page else POSTS_ROOT
    base_path = content().settings.base_path
    own = f"{base_path}{post_path(post.id, root)}/"
    ours = f"{base_path}{preview_path(token)}/"
    if context.get("opening"):
        context["opening"] = move_picture(context["opening"], own, ours)
    if own in context["body"]:
        body = rewrite_addresses(
            context["body"],
            lambda address: ours + address[len(own) :] if address.startswith(own) else address,
        )
        context["body"] = Markup(body)  # noqa: S704 - the author's own
    template = "page.html" if is_page else "post.html"
    return hide(Response(content().renderer.render_without_stream(template, **context)))


@pages.get("/preview/<token>/<path:name>")
def preview_file(token: str, name: str) -> ResponseReturnValue:
    """Answer with a file beside such a post."""
    post, _, index = find_previewed(token, content().catalogue)
    return hide(send_beside(index, post, name))


def find_previewed(token: str, catalogue: Catalogue) -> tuple[Post, datetime, Index]:
    """Return the post that a link is for, when the link ends, and where it is; 404 for none.

    A page's name begins with a slash.
    """
    known = read_preview(content().settings.secret_key, token, datetime.now(UTC))
    if known is None:
        abort(404)
    name, until = known
    index = content().pages.index if name.startswith("/") else catalogue.index
    post_id = name.removeprefix("/")
    return index.by_id.get(post_id) or index.hidden.get(post_id) or abort(404), until, index


def hide(response: Response) -> Response:
    """Have nobody keep an answer, or tell another site the link that led to it."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
