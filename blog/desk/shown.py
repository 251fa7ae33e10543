"""What the dashboard shows of a report: pages by their names, rows in order, marks of posts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from gettext import GNUTranslations
from typing import NamedTuple

from blog.curves import draw_steps
from blog.desk.charts import Chart, Mark, cut_days, cut_minutes, draw
from blog.desk.turns import take_turns
from blog.history.counts import STAY_BOUNDS, Counts
from blog.history.report import Period, Report
from blog.pages.format import write_day, write_day_of_year
from blog.posts.model import Post

KINDS = ("peak", "opens", "open_ms")
LINE_HEIGHT = 20


class PageName(NamedTuple):
    """What a page is called, and its address; "" for one that is there no more."""

    title: str
    address: str = ""


NamePage = Callable[[str], PageName]


@dataclass(frozen=True, slots=True)
class Row:
    """A page in the table: where most of its readers came from, and where most went on to."""

    page: str
    name: PageName
    counts: Counts
    opens: tuple[int, ...]
    came_from: PageName | None = None
    went_to: PageName | None = None

    @property
    def line(self) -> str:
        """The small line of its opens."""
        return draw_steps(self.opens, LINE_HEIGHT, max(self.opens, default=0))


class Pair(NamedTuple):
    """Readers who went from one page to another."""

    from_page: PageName
    to_page: PageName
    times: int


def _middle(row: Row) -> int:
    bounds = row.counts.median_stay()
    return bounds[0] if bounds else -1


def _share(part: int, whole: int) -> float:
    return part / whole if whole else -1


# By which the table can be sorted. Numbers have the highest first, titles are from A to Z.
SORTS: dict[str, Callable[[Row], float]] = {
    "opens": lambda row: row.counts.opens,
    "time": lambda row: row.counts.open_ms,
    "peak": lambda row: row.counts.peak,
    "stay": _middle,
    "enough": lambda row: _share(row.counts.long_enough, sum(row.counts.stays)),
    "end": lambda row: _share(row.counts.read_to_end, row.counts.opens),
}
TITLE = "title"
DEFAULT_SORT = "opens"


def is_sort(asked: str) -> bool:
    """Tell whether a table can be sorted so: by a name, or "-" and a name for the other way."""
    return asked.removeprefix("-") in (*SORTS, TITLE)


def list_rows(report: Report, name: NamePage, sort: str) -> list[Row]:
    """Return the rows of the pages, in that order; equal ones by their titles."""
    came: dict[str, str] = {}
    went: dict[str, str] = {}
    for from_page, to_page, _ in report.went:  # the most frequent first
        came.setdefault(to_page, from_page)
        went.setdefault(from_page, to_page)

    def maybe(page: str | None) -> PageName | None:
        return None if page is None else name(page)

    rows = [
        Row(
            row.page,
            name(row.page),
            row.counts,
            row.line,
            maybe(came.get(row.page)),
            maybe(went.get(row.page)),
        )
        for row in take_turns(report.pages)
    ]
    rows.sort(key=lambda row: row.name.title.casefold())
    key, is_turned = sort.removeprefix("-"), sort.startswith("-")
    if key != TITLE:
        rows.sort(key=SORTS[key], reverse=not is_turned)
    elif is_turned:
        rows.reverse()
    return rows


def list_pairs(report: Report, name: NamePage) -> list[Pair]:
    """Return who went where, the most frequent first."""
    return [Pair(name(one), name(other), times) for one, other, times in report.went]


def list_stays(counts: Counts) -> list[tuple[tuple[int, int | None], int]]:
    """Return how many stays there were between which bounds, in seconds."""
    bounds = zip((0, *STAY_BOUNDS), (*STAY_BOUNDS, None), strict=True)
    return list(zip(bounds, counts.stays, strict=True))


def list_marks(posts: Iterable[Post], start: datetime, end: datetime) -> Iterator[Mark]:
    """Yield when posts were published, and updated on another day."""
    begin, last = start.timestamp(), end.timestamp()
    for post in posts:
        for at, kind in ((post.date, "published"), (post.updated, "updated")):
            if at is None or not begin <= at.timestamp() <= last:
                continue
            if kind == "updated" and post.date is not None and at.date() == post.date.date():
                continue
            yield Mark(at, kind, post.title, post.id)


def make_charts(report: Report, marks: Iterable[Mark], words: GNUTranslations) -> list[Chart]:
    """Return the charts of a report: of today's minutes, or of days."""
    write, points = partial(write_time, words), take_turns(report.points)
    if report.period is Period.TODAY:
        axis = cut_minutes(report.start, points, marks, write)
    else:
        axis = cut_days(report.start, report.end.date(), points, marks, write)
    return [draw(kind, axis) for kind in take_turns(KINDS)]


def write_time(words: GNUTranslations, kind: str, start: datetime) -> str:
    """Say when a column of a chart begins."""
    if kind == "quarters":
        return f"{start:%H:%M}"
    return write_day_of_year(words, start) if kind == "days" else write_day(words, start)


def peak_at(counts: Counts, like: datetime) -> datetime:
    """Return when the peak was, in the zone of another time."""
    return datetime.fromtimestamp(counts.peak_minute * 60, like.tzinfo)
