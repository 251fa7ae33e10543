"""The pages of posts: each post, the files beside it, its old addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from typing import Any
from unicodedata import normalize

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.urls import iri_to_uri

from blog.cards import HEIGHT, WIDTH
from blog.pages.assets import send_beside
from blog.pages.blueprint import content, pages
from blog.pages.cards import find_card
from blog.pages.catalogue import Catalogue
from blog.pages.linked_data import describe_post, find_image
from blog.pages.picture_tags import add_copies, find_shared, show_opening
from blog.posts.addresses import is_shown_elsewhere
from blog.posts.model import Heading, Post, RenderedPost
from blog.posts.page_names import POST_PREFIX
from flask_presence.web.htmx import stream_url

# A table of contents helps from here on; with more than the second number, only top headings.
LEAST_HEADINGS = 3
MANY_HEADINGS = 14

_HEADING = re.compile(r'<h[1-6]\b[^>]*\bid="([^"]*)"[^>]*>')
_MARK = Markup(
    '<span class="mark" data-hx-post="{}" data-hx-vals="{{&quot;section&quot;:&quot;{}&quot;}}"'
    ' data-hx-include=".live-tab input" data-hx-swap="none" data-hx-trigger="intersect once"'
    # Else a section that was passed could be told after the one that is read.
    ' data-hx-sync="closest body:queue last"></span>'
)


def post_page(post: Post) -> str:
    """Name the page of a post, as presence knows it."""
    return POST_PREFIX + post.id


@pages.get("/blog/<path:post_id>")
def post(post_id: str) -> ResponseReturnValue:
    """Answer with a post, or with what else is at such an address."""
    catalogue = content().catalogue
    is_dev = content().settings.dev
    found = find_visible(post_id, catalogue)
    if found is None:
        return answer_beside(catalogue, post_id)
    context = describe_post_page(found, catalogue)
    context["is_hidden"] = found.id in catalogue.index.hidden
    if not found.presence and is_dev:
        context["live"] = None  # the stream is there to follow what is saved
    path = url_for("pages.post", post_id=found.id)
    has_stream = found.presence or is_dev
    page = post_page(found) if has_stream else None
    if content().settings.sections and found.presence and context["contents"]:
        context["has_sections"] = True
        address = content().settings.base_path + stream_url(post_page(found))
        context["body"] = mark_sections(context["body"], context["contents"], address)
    return content().renderer.render("post.html", page, path, **context)


def answer_beside(catalogue: Catalogue, path: str) -> ResponseReturnValue:
    """Answer an address below /blog that is no post's: another spelling, or a file beside a
    post.
    """
    bare_id = normalize("NFC", path).rstrip("/")
    if bare_id != path and bare_id in catalogue.index.by_id:
        return redirect(url_for("pages.post", post_id=bare_id), 308)
    post_id, _, name = path.partition("/")
    owner = find_visible(normalize("NFC", post_id), catalogue)
    if owner is None and name:
        # What other sites show of a post whose address was another then.
        owner = catalogue.index.find_alias(f"/blog/{post_id}")
    if owner is None and not name and content().settings.dev:
        return answer_author(path)
    return send_beside(catalogue.index, owner, name)


def answer_author(post_id: str) -> ResponseReturnValue:
    """Answer that no post is here, with a stream: it may come, or be mended."""
    gettext = content().words.gettext
    heading = gettext("No post is here")
    page = content().renderer.render(
        "error.html",
        POST_PREFIX + post_id,
        url_for("pages.post", post_id=post_id),
        code=404,
        title=heading,
        heading=heading,
        words=gettext("As soon as one is saved that can be read, this page shows it."),
    )
    return page, 404


@pages.after_app_request
def follow_alias(response: Response) -> Response:
    """Lead from an old address to its post or page; an address that something has is left alone."""
    if response.status_code == 404 and request.method in ("GET", "HEAD"):
        path = find_new_address(request.path)
        if path:
            response.status_code = 301
            response.headers["Location"] = path
            response.set_data(b"")
    return response


def find_new_address(path: str) -> str:
    """Return the address of the post or the page that had another one; "" for none."""
    if found := content().catalogue.index.find_alias(path):
        return url_for("pages.post", post_id=found.id)
    if found := content().pages.index.find_alias(path):
        return url_for("pages.page", page_id=found.id)
    return ""


def find_visible(post_id: str, catalogue: Catalogue) -> Post | None:
    """Return a post that may be seen: the author sees hidden ones, too."""
    found = catalogue.index.by_id.get(post_id)
    if found is None and content().settings.dev:
        found = catalogue.index.hidden.get(post_id)
    return found


def describe_post_page(post: Post, catalogue: Catalogue) -> dict[str, Any]:
    """Return what the template shows of a post beside its number of readers."""
    renderer = content().renderer
    rendered = content().library.render(post)
    newer, older = catalogue.find_neighbours(post)
    path = url_for("pages.post", post_id=post.id)
    opening = show_opening(post, rendered.html)
    body = add_copies(rendered.html, post, has_first=opening is None)
    context = {
        "title": post.title,
        "description": post.description,
        "post": post,
        "opening": opening,
        "body": Markup(body),  # noqa: S704 - the author's own, and the only one
        "contents": choose_contents(rendered),
        "newer": newer,
        "older": older,
        "related": catalogue.find_related(post),
        "series": catalogue.index.find_series(post),
        "canonical": post.canonical or renderer.site_url + path,
    }
    if renderer.site_url:
        url = renderer.site_url + path
        image_url = find_image(post, url, request.script_root)
        if not is_shown_elsewhere(image_url):
            image_url = ""
        elif shared := find_shared(post):
            image_url = iri_to_uri(renderer.site_url + shared)
        card_path = "" if image_url else find_card(post)
        if card_path:
            image_url = renderer.site_url + card_path
            context["image_facts"] = {"width": WIDTH, "height": HEIGHT, "alt": post.title}
        elif image_url and post.image_alt:
            context["image_facts"] = {"alt": post.image_alt}
        context["image_url"] = image_url
        context["linked_data"] = describe_post(renderer.settings, post, url, image_url)
    return context


def mark_sections(body: Markup, contents: Iterable[Heading], address: str) -> Markup:
    """Return a post's HTML with a mark in each heading of the contents.

    A mark posts once, as it comes into view, at which section its page is. Before the stream has
    opened it is nowhere (`.mark` in static/style.css), and so it never does.
    """
    anchors = {heading.anchor for heading in contents}

    def add_mark(found: re.Match[str]) -> str:
        anchor = unescape(found[1])
        if anchor not in anchors:
            return found[0]
        return found[0] + str(_MARK.format(address, content().live.section_class(anchor)))

    return Markup(_HEADING.sub(add_mark, body))  # noqa: S704 - the author's own


def choose_contents(rendered: RenderedPost) -> list[Heading]:
    """Return the headings of the table of contents; none where it would not help."""
    headings = [heading for heading in rendered.headings if heading.level in (2, 3)]
    if len(headings) > MANY_HEADINGS:
        top = min(heading.level for heading in headings)
        headings = [heading for heading in headings if heading.level == top]
    return headings if len(headings) >= LEAST_HEADINGS else []
