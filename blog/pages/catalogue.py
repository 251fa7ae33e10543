"""What the pages derive from one index: neighbours, related posts, years, tags. Made once each.

And a list of any of it, cut into pages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log
from typing import Generic, TypeVar

from blog.posts import Index, Library
from blog.posts.model import Post
from blog.posts.tags import fold_tag

MAX_RELATED = 3
# Of a tag that many posts have, the newest are enough to choose from.
MAX_COMPARED = 500

Item = TypeVar("Item")
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class Year:
    """The posts of one year, the newest first; `number` is None for posts without a date."""

    number: int | None
    posts: Sequence[Post]


class Catalogue:
    """The views of one index. Everything that takes long is made when first asked for, and kept.

    `made_at` is when this worker first saw the index, not a date that an author wrote: it is newer
    than any answer of the posts as they were before.
    """

    def __init__(self, index: Index, made_at: datetime) -> None:
        self.index = index
        self.made_at = made_at
        self.posts = index.posts
        self.tags: Mapping[str, Sequence[Post]] = group_by_tag(index.posts)
        self._spellings = {fold_tag(tag): tag for tag in self.tags}
        self.years: Sequence[Year] = group_by_year(index.posts)
        self._places = {post.id: at for at, post in enumerate(index.posts)}
        self._related: dict[str, tuple[Post, ...]] = {}

    def find_tag(self, asked: str) -> str:
        """Return a tag as it is spelled here, whatever its case; "" if no post has it."""
        return self._spellings.get(fold_tag(asked), "")

    def find_year(self, number: int) -> Year | None:
        """Return a year in which something was published."""
        return next((year for year in self.years if year.number == number), None)

    def find_neighbours(self, post: Post) -> tuple[Post | None, Post | None]:
        """Return the next newer and the next older post; none for a post that is not listed."""
        at = self._places.get(post.id)
        if at is None or self.posts[at] is not post:
            return None, None
        newer = self.posts[at - 1] if at else None
        older = self.posts[at + 1] if at + 1 < len(self.posts) else None
        return newer, older

    def find_related(self, post: Post) -> tuple[Post, ...]:
        """Return the posts that share most with this one, at most three; none without a tag.

        A tag that few posts have weighs more than one that many have; among equals, the newest.
        """
        if post.id not in self._related:
            self._related[post.id] = self._choose_related(post)
        return self._related[post.id]

    def _choose_related(self, post: Post) -> tuple[Post, ...]:
        weights: dict[int, float] = {}
        for tag in set(post.tags):
            posts = self.tags.get(tag, ())
            # Shared tags first: one more of them outweighs any rarity, which is below 1.
            weight = 1 + (1 - log(len(posts) + 1) / log(len(self.posts) + 2)) / (len(post.tags) + 1)
            for other in posts[:MAX_COMPARED]:
                if other.id != post.id:
                    at = self._places[other.id]
                    weights[at] = weights.get(at, 0.0) + weight
        best = sorted(weights, key=lambda at: (-round(weights[at], 9), at))[:MAX_RELATED]
        return tuple(self.posts[at] for at in best)


class Catalogues:
    """The catalogue of a library's present index; the one before is forgotten."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._latest = Catalogue(library.index, datetime.now(UTC))

    @property
    def latest(self) -> Catalogue:
        """What a request takes once and uses to its end."""
        index = self._library.index
        latest = self._latest
        if latest.index is not index:
            latest = self._latest = Catalogue(index, datetime.now(UTC))
        return latest


def group_by_tag(posts: Sequence[Post]) -> dict[str, list[Post]]:
    """Return the posts of each tag; the tags in the order of the alphabet."""
    groups: dict[str, list[Post]] = {}
    for post in posts:
        for tag in dict.fromkeys(post.tags):
            groups.setdefault(tag, []).append(post)
    return {tag: groups[tag] for tag in sorted(groups, key=lambda tag: (tag.casefold(), tag))}


def group_by_year(posts: Sequence[Post]) -> list[Year]:
    """Return the years, the newest first; posts without a date stand last."""
    groups: dict[int | None, list[Post]] = {}
    for post in posts:
        groups.setdefault(post.date.year if post.date else None, []).append(post)
    dated = sorted((number for number in groups if number is not None), reverse=True)
    ordered: list[int | None] = [*dated, *([None] if None in groups else [])]
    return [Year(number, groups[number]) for number in ordered]


@dataclass(frozen=True, slots=True)
class PageOf(Generic[Item]):
    """One page of a list: its items, its number from 1, how many pages and items there are."""

    items: Sequence[Item]
    number: int
    count: int
    total: int

    @property
    def number_if_not_first(self) -> int | None:
        """For an address: the first page has no number in it."""
        return self.number if self.number > 1 else None

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number < self.count else None


def cut_page(items: Sequence[Item], asked: str | None, size: int) -> PageOf[Item] | None:
    """Return the page that a query string asks for, or None if there is no such page.

    `asked` is the text of `?page=`, None if there was none. An empty list has one empty page.
    """
    if asked is not None and not _NUMBER.fullmatch(asked):
        return None
    number = int(asked or 1)
    count = max(1, -(-len(items) // size))
    if number > count:
        return None
    return PageOf(items[(number - 1) * size : number * size], number, count, len(items))
