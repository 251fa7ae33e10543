"""How many read, and the widest words for it: a page keeps room for them, so that nothing moves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple
from unicodedata import combining, east_asian_width

from markupsafe import Markup

# Between them they have every plural form of the blog's languages, with one digit or two.
_NUMBERS = (0, 1, 2, 5, 22, 25)
_READERS, _TABS = (1, 2, 5), (2, 5, 12)
# How wide a letter is depends on the font: the browser takes the widest of these.
_MOST_LINES = 3
_DIGITS = re.compile(r"\d+")


class Count(NamedTuple):
    """How many read: tabs, and their browsers. Where browsers are counted, both are the same."""

    readers: int
    tabs: int


def find_widest(say: Callable[[Count], Markup], *, counts_readers: bool) -> str:
    """Return the longest that is said of counts, a line each, without markup.

    With `counts_readers` nothing is ever said of tabs. Three digits are wider still, and rare.
    """
    lines = {say(count).striptags() for count in _list_counts(counts_readers=counts_readers)}
    lines_by_words = {
        _DIGITS.sub("", line): line for line in sorted(lines, key=lambda line: (len(line), line))
    }
    widest = sorted(lines_by_words.values(), key=_measure, reverse=True)
    return "\n".join(widest[:_MOST_LINES])


def _list_counts(*, counts_readers: bool) -> Iterator[Count]:
    yield from (Count(number, number) for number in _NUMBERS)
    if not counts_readers:
        yield from (Count(*count) for count in product(_READERS, _TABS) if count[0] < count[1])


def _measure(line: str) -> int:
    """Return about how many columns a line takes."""
    return sum(2 if east_asian_width(sign) in "WF" else not combining(sign) for sign in line)
