"""Cut a list into pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")

_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


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
