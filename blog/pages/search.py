"""The search page: words, tag and year; a plain form, which htmx submits while one types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, abort, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ServiceUnavailable

from blog.native import BusyError
from blog.pages.blueprint import content, pages
from blog.pages.catalogue import Catalogue, PageOf, cut_page
from blog.posts.model import Post
from blog.posts.page_names import INDEX_PAGE
from blog.search import (
    MAX_QUERY_CHARS,
    CannotSearchError,
    Query,
    Segments,
    page_name,
    read_query,
)

# Further pages of results are of no use, and would walk through the index for nothing.
MAX_PAGE = 1000
# When to ask again where too many search, and where the index cannot be read.
RETRY_SECONDS = 2
UNREADABLE_RETRY_SECONDS = 60
# Longer, a list of tags is nothing to choose from.
MAX_TAGS = 100
_YEAR = re.compile(r"[1-9][0-9]{3}")


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for. An empty one is every post."""

    words: str = ""
    tag: str = ""
    year: int | None = None
    is_cut: bool = False

    def url(self, page: int | None = None) -> str:
        """Return the address of its answer, the same for every way it was asked."""
        words, tag = self.words or None, self.tag or None
        return url_for("pages.search", q=words, tag=tag, year=self.year, page=page)


@dataclass(frozen=True, slots=True)
class Result:
    """One text of an answer: its title and an excerpt, in pieces that are marked or not."""

    post: Post
    title: Segments
    excerpt: Segments
    is_page: bool = False


@dataclass(frozen=True, slots=True)
class Choices:
    """The tags and the years that the form offers."""

    tags: Sequence[str]
    years: Sequence[int]


@pages.get("/search")
def search() -> ResponseReturnValue:
    """Answer with what is found, or with the posts of a tag and a year."""
    catalogue = content().catalogue
    question = read_question(catalogue)
    query = read_query(question.words)
    title = content().words.gettext("Search")
    is_complete = True
    if query.terms:
        shown, is_complete = look_up(catalogue, question, query)
    else:
        shown = list_results(choose(catalogue, question))
    response = Response(
        content().renderer.render(
            "search.html",
            INDEX_PAGE,
            url_for("pages.search"),
            searches=True,
            title=f"{title}: {question.words}" if question.words else title,
            question=question,
            shown=shown,
            total=shown.total,
            is_cut=query.is_cut or question.is_cut,
            is_complete=is_complete,
            choices=list_choices(catalogue, question.tag),
        )
    )
    # The form sends empty fields, too; the address in the browser shall not have them.
    response.headers["HX-Replace-Url"] = question.url(shown.number_if_not_first)
    return response


def look_up(catalogue: Catalogue, question: Question, query: Query) -> tuple[PageOf[Result], bool]:
    """Return a page of results, and whether they are all. Aborts with 503 or 404."""
    size = content().settings.posts_per_page
    number = read_number()
    gettext = content().words.gettext
    try:
        found = content().search.find(
            query,
            tag=question.tag,
            year=question.year,
            offset=(number - 1) * size,
            limit=size,
        )
    except BusyError:
        raise ServiceUnavailable(
            gettext("Many are searching just now. Please try again in a moment."),
            retry_after=RETRY_SECONDS,
        ) from None
    except CannotSearchError:
        raise ServiceUnavailable(
            gettext("The blog cannot search right now; all its pages can be read."),
            retry_after=UNREADABLE_RETRY_SECONDS,
        ) from None
    own_pages = {page_name(page): page for page in content().pages.index.posts}
    posts = catalogue.index.by_id
    # The index may be a moment behind: what is no longer published is not shown.
    results = [
        Result(text, hit.title, hit.excerpt, hit.id in own_pages)
        for hit in found.hits
        if (text := own_pages.get(hit.id) or posts.get(hit.id))
    ]
    count = max(1, -(-found.total // size))
    if number > count:
        abort(404)
    return PageOf(results, number, count, found.total), found.is_complete


def list_results(posts: Sequence[Post]) -> PageOf[Result]:
    """Return a page of posts as results, where no words were asked for."""
    cut = cut_page(posts, request.args.get("page"), content().settings.posts_per_page)
    if cut is None:
        abort(404)
    results = [
        Result(post, ((post.title, False),), ((post.description, False),)) for post in cut.items
    ]
    return PageOf(results, cut.number, cut.count, cut.total)


def read_number() -> int:
    """Return the number of the page that the request asks for; 404 if there never is one."""
    asked = request.args.get("page", "1")
    if not re.fullmatch("[1-9][0-9]{0,3}", asked) or int(asked) > MAX_PAGE:
        abort(404)
    return int(asked)


def read_question(catalogue: Catalogue) -> Question:
    """Read the form. Unknown tags and years are ignored."""
    words = " ".join(request.args.get("q", "").split())
    tag = request.args.get("tag", "")
    year = request.args.get("year", "")
    known = _YEAR.fullmatch(year) and catalogue.find_year(int(year))
    return Question(
        words[:MAX_QUERY_CHARS].strip(),
        catalogue.find_tag(tag),
        int(year) if known else None,
        is_cut=len(words) > MAX_QUERY_CHARS,
    )


def list_choices(catalogue: Catalogue, chosen: str = "") -> Choices:
    """Return what the form offers: every year, and the tags that most posts have."""
    tags = list(catalogue.tags)
    if len(tags) > MAX_TAGS:
        most = sorted(tags, key=lambda tag: -len(catalogue.tags[tag]))[:MAX_TAGS]
        tags = [tag for tag in tags if tag == chosen or tag in set(most)]
    return Choices(tags, [year.number for year in catalogue.years if year.number is not None])


def choose(catalogue: Catalogue, question: Question) -> Sequence[Post]:
    """Return the posts of a tag and a year, the newest first."""
    posts = catalogue.tags[question.tag] if question.tag else catalogue.posts
    if question.year is None:
        return posts
    return [post for post in posts if post.date and post.date.year == question.year]
