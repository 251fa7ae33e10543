"""What a report of a period has in it: the shape that is read, drawn and exported. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from blog.history.counts import Counts


class Period(Enum):
    """What a report is about; each ends now."""

    TODAY = "today"  # since midnight in the site's zone, by the minute
    MONTH = "month"  # thirty days, today among them, by the day
    QUARTER = "quarter"  # ninety, likewise
    TWO_YEARS = "two-years"  # this month and the 24 before, by the day


@dataclass(frozen=True, slots=True)
class Point:
    """What was counted in one minute or day; where nothing was, there is no point."""

    at: datetime
    counts: Counts


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page's counts, and its opens in equal parts of the period, the oldest first."""

    page: str
    counts: Counts
    line: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What was counted in a period. Lists have the most frequent first.

    `before` is the same length of time before it (of today: yesterday until the same time), None
    where nothing is kept of that. A report of one page has no `pages` and no `refused`.
    """

    period: Period
    start: datetime
    end: datetime
    points: tuple[Point, ...]
    total: Counts
    before: Counts | None
    pages: tuple[PageRow, ...]
    went: tuple[tuple[str, str, int], ...]  # from page, to page, times
    sources: tuple[tuple[str, str, int], ...]  # "campaign" or "host", name, times
    refused: tuple[tuple[str, int], ...]  # kind, times
