"""The pages that list posts: the index, tags, the archive."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import normalize

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue

from blog.pages.catalogue import Catalogues, Year
from blog.pages.linked_data import describe_site
from blog.pages.paging import PageOf, cut_page
from blog.pages.render import PageRenderer
from blog.pages.search import Question
from blog.pages.slugs import read_slug, write_slug
from blog.posts.model import Post
from blog.posts.page_names import INDEX_PAGE

# The archive's first page shows whole years until it has so many posts; earlier years are links.
MAX_ARCHIVE_POSTS = 500


def add_lists(pages: Blueprint, catalogues: Catalogues, renderer: PageRenderer) -> None:
    """Add the index, the tags and the archive."""

    def cut(posts: Sequence[Post]) -> PageOf[Post]:
        """Return the page that the request asks for; 404 if there is none of that number."""
        shown = cut_page(posts, request.args.get("page"), renderer.settings.posts_per_page)
        return shown or abort(404)

    @pages.get("/")
    @pages.get("/blog")
    def index() -> ResponseReturnValue:
        catalogue = catalogues.latest
        shown = cut(catalogue.posts)
        path = url_for("pages.index", page=shown.number_if_not_first)
        title = f"Posts, page {shown.number}" if shown.number > 1 else ""
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
        listed = [(tag, len(posts)) for tag, posts in catalogues.latest.tags.items()]
        path = url_for("pages.tags")
        return renderer.render("tags.html", INDEX_PAGE, path, title="Tags", listed=listed)

    @pages.get("/tags/<slug>")
    def tag(slug: str) -> ResponseReturnValue:
        name = normalize("NFC", read_slug(slug))
        posts = catalogues.latest.tags.get(name)
        if posts is None:
            abort(404)
        shown = cut(posts)
        slug = write_slug(name)
        path = url_for("pages.tag", slug=slug, page=shown.number_if_not_first)
        title = f"Posts about {name}" + (f", page {shown.number}" if shown.number > 1 else "")
        return renderer.render(
            "tag.html", INDEX_PAGE, path, title=title, tag=name, slug=slug, shown=shown
        )

    @pages.get("/archive")
    def archive() -> ResponseReturnValue:
        whole, others = divide_years(catalogues.latest.years)
        path = url_for("pages.archive")
        return renderer.render(
            "archive.html", INDEX_PAGE, path, title="Archive", years=whole, others=others
        )

    @pages.get("/archive/<int:number>")
    def year(number: int) -> ResponseReturnValue:
        found = catalogues.latest.find_year(number) or abort(404)
        path = url_for("pages.year", number=number)
        return renderer.render(
            "year.html", INDEX_PAGE, path, title=f"Posts of {number}", year=found
        )


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
