"""What the pages need of others, as protocols, so that features never import each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from markupsafe import Markup

from blog.cards import Card, DrawnCard
from blog.posts.model import Post, RenderedPost
from blog.posts.state import SeriesPlace
from blog.search import Found, Query


class Fragments(Protocol):
    """The words of one page's live elements, as text.

    `total` is "5 readers online"; `here` is "2 reading now", or "" on a page that shows the total
    only; `notice` is "", or says why the numbers are not live. `being_read` is HTML: the posts with
    most readers, or ""; `reads` is what a post's card says, or "": both of the index only.
    """

    @property
    def total(self) -> str: ...
    @property
    def here(self) -> str: ...
    @property
    def notice(self) -> str: ...
    @property
    def being_read(self) -> Markup: ...
    def reads(self, post_id: str) -> str: ...


class LiveNumbers(Protocol):
    """Who is here, as the pages show it. Never waits and never raises for a known page.

    `reads_class` is the class of the element on a post's card with how many read it.
    """

    def fragments(self, page: str) -> Fragments: ...
    def reads_class(self, post_id: str) -> str: ...


class IndexLike(Protocol):
    """One frozen state of a library; a request takes it once and uses it to its end."""

    @property
    def posts(self) -> Sequence[Post]: ...
    @property
    def by_id(self) -> Mapping[str, Post]: ...
    @property
    def hidden(self) -> Mapping[str, Post]: ...
    def find_alias(self, path: str) -> Post | None: ...
    def find_media(self, post: Post, name: str) -> Path | None: ...
    def find_series(self, post: Post) -> SeriesPlace | None: ...


class LibraryLike(Protocol):
    """The posts: `index` is swapped as a whole, `render` is cheap for a post already rendered."""

    @property
    def index(self) -> IndexLike: ...
    def render(self, post: Post) -> RenderedPost: ...


class SearchLike(Protocol):
    """The search index. Waits for its own answer only; finds nothing before it was made."""

    def find(
        self, query: Query, *, tag: str = "", year: int | None = None, offset: int, limit: int
    ) -> Found: ...


class CardsLike(Protocol):
    """The cards. `version` is cheap, and empty for a card that cannot be drawn."""

    def version(self, card: Card) -> str: ...
    def draw(self, card: Card, now: datetime) -> DrawnCard: ...


# The about page is a library too: every section is a file.
AboutLike = LibraryLike
