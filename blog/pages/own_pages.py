"""The author's own pages, each at the root: `/impressum`, and the files beside them."""

from __future__ import annotations

from typing import Any
from unicodedata import normalize

from flask import abort, redirect, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from blog.pages.assets import send_beside
from blog.pages.blueprint import content, pages
from blog.pages.picture_tags import add_copies
from blog.posts.model import Post
from blog.posts.page_names import COUNTING_PAGE


@pages.get("/<page_id>")
def page(page_id: str) -> ResponseReturnValue:
    """Answer with a page."""
    found = find_page(page_id) or abort(404)
    path = url_for("pages.page", page_id=found.id)
    if found.id != page_id:
        return redirect(path, 308)
    is_dev = content().settings.dev
    context = describe_page(found)
    context["is_hidden"] = found.id in content().pages.index.hidden
    if not found.presence and is_dev:
        context["live"] = None  # the stream is there to follow what is saved
    name = found.id if found.presence or is_dev else None
    return content().renderer.render("page.html", name, path, **context)


@pages.get("/counting")
def counting() -> ResponseReturnValue:
    """Answer with what the numbers mean: the blog's own words, unless the author has a page."""
    if find_page(COUNTING_PAGE):
        return page(COUNTING_PAGE)
    title = content().words.gettext("What is counted, and what is not")
    path = url_for("pages.counting")
    return content().renderer.render("counting.html", COUNTING_PAGE, path, title=title)


@pages.get("/<page_id>/")
def page_slash(page_id: str) -> ResponseReturnValue:
    """Lead to the page, whose address has no slash at its end."""
    found = find_page(page_id) or abort(404)
    return redirect(url_for("pages.page", page_id=found.id), 308)


@pages.get("/<page_id>/<path:name>")
def page_file(page_id: str, name: str) -> ResponseReturnValue:
    """Answer with a file beside a page."""
    return send_beside(content().pages.index, find_page(page_id), name)


def find_page(page_id: str) -> Post | None:
    """Return a page that may be seen: the author sees hidden ones, too."""
    index, name = content().pages.index, normalize("NFC", page_id)
    found = index.by_id.get(name)
    return index.hidden.get(name) if found is None and content().settings.dev else found


def describe_page(page: Post) -> dict[str, Any]:
    """Return what the template shows of a page."""
    body = add_copies(content().pages.render(page).html, page, has_first=True)
    context = {
        "title": page.title,
        "description": page.description,
        "post": page,
        "body": Markup(body),  # noqa: S704 - the author's own
    }
    return context | ({"canonical": page.canonical} if page.canonical else {})
