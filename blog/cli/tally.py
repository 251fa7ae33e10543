"""Presences by page. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from flask_presence.tracking import Presence


@dataclass(frozen=True, slots=True)
class PageTally:
    """How many tabs of how many readers are on a page."""

    name: str
    tabs: int
    readers: int


def tally_pages(presences: Iterable[Presence]) -> tuple[PageTally, list[PageTally]]:
    """Return the tally of all, and of each page: the one with the most tabs first."""
    tabs: Counter[str] = Counter()
    readers: dict[str, set[str]] = defaultdict(set)
    for presence in presences:
        page = str(presence.meta.get("page", "?"))
        tabs[page] += 1
        readers[page].add(presence.key)
    pages = [PageTally(page, count, len(readers[page])) for page, count in tabs.items()]
    pages.sort(key=lambda page: (-page.tabs, page.name))
    return PageTally("", tabs.total(), len(set().union(*readers.values()))), pages
