"""The pages that list posts: the index, tags, the archive."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import normalize

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from blog.pages.blueprint import content, pages
from blog.pages.catalogue import PageOf, Year, cut_page
from blog.pages.format import read_slug, write_slug
from blog.pages.linked_data import describe_site
from blog.pages.search import Question
from blog.posts.model import Post
from blog.posts.page_names import INDEX_PAGE

# The archive's first page shows whole years until it has so many posts; earlier years are links.
MAX_ARCHIVE_POSTS = 500


def cut(posts: Sequence[Post]) -> PageOf[Post]:
    """Return the page that the request asks for; 404 if there is none of that number."""
    shown = cut_page(posts, request.args.get("page"), content().settings.posts_per_page)
    return shown or abort(404)


@pages.get("/")
@pages.get("/blog")
def index() -> ResponseReturnValue:
    """Answer with a page of the list of all posts."""
    catalogue, renderer = content().catalogue, content().renderer
    shown = cut(catalogue.posts)
    path = url_for("pages.index", page=shown.number_if_not_first)
    title = number_title(content().words.gettext("Posts"), shown) if shown.number > 1 else ""
    linked_data = None
    if renderer.site_url and shown.number == 1:
        linked_data = describe_site(
            renderer.settings,
            renderer.site_url + path,
            renderer.site_url + url_for("pages.search"),
        )
    return renderer.render(
        "index.html",
        INDEX_PAGE,
        path,
        searches=True,
        title=title,
        shown=shown,
        linked_data=linked_data,
        question=Question(),
    )


@pages.get("/tags")
def tags() -> ResponseReturnValue:
    """Answer with the list of all tags."""
    listed = [(tag, len(posts)) for tag, posts in content().catalogue.tags.items()]
    path, title = url_for("pages.tags"), content().words.gettext("Tags")
    return content().renderer.render("tags.html", INDEX_PAGE, path, title=title, listed=listed)


@pages.get("/tags/<slug>")
def tag(slug: str) -> ResponseReturnValue:
    """Answer with a page of the posts that have a tag."""
    catalogue = content().catalogue
    asked = normalize("NFC", read_slug(slug))
    name = catalogue.find_tag(asked) or abort(404)
    slug = write_slug(name)
    if name != asked:
        return redirect(url_for("pages.tag", slug=slug, page=request.args.get("page")), 308)
    shown = cut(catalogue.tags[name])
    path = url_for("pages.tag", slug=slug, page=shown.number_if_not_first)
    title = content().words.gettext("Posts about %(tag)s") % {"tag": name}
    title = number_title(title, shown)
    return content().renderer.render(
        "tag.html", INDEX_PAGE, path, title=title, tag=name, slug=slug, shown=shown
    )


@pages.get("/archive")
def archive() -> ResponseReturnValue:
    """Answer with the newest years whole, and links to the others."""
    whole, others = divide_years(content().catalogue.years)
    path, title = url_for("pages.archive"), content().words.gettext("Archive")
    return content().renderer.render(
        "archive.html", INDEX_PAGE, path, title=title, years=whole, others=others
    )


@pages.get("/archive/<int:number>")
def year(number: int) -> ResponseReturnValue:
    """Answer with the posts of a year."""
    found = content().catalogue.find_year(number) or abort(404)
    path = url_for("pages.year", number=number)
    title = content().words.gettext("Posts of %(year)s") % {"year": number}
    return content().renderer.render("year.html", INDEX_PAGE, path, title=title, year=found)


def number_title(title: str, shown: PageOf[Post]) -> str:
    """Return the title of one page of a list: all but the first have their number in it."""
    if shown.number == 1:
        return title
    parts = {"title": title, "number": shown.number}
    return content().words.gettext("%(title)s, page %(number)s") % parts


def divide_years(years: Sequence[Year]) -> tuple[list[Year], list[Year]]:
    """Return the years that the archive shows whole (one at least), and those it only links."""
    whole: list[Year] = []
    others: list[Year] = []
    count = 0
    for year in years:
        count += len(year.posts)
        # Posts without a date have no page of their own to link to.
        fits = not whole or count <= MAX_ARCHIVE_POSTS or year.number is None
        (whole if fits else others).append(year)
    return whole, others
