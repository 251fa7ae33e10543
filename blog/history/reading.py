"""Read what was counted in a period. Loads SQLAlchemy: import it in the store's thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    String,
    Table,
    cast,
    func,
    or_,
    select,
)

from blog.history.counts import SITE, Counts
from blog.history.report import PageRow, Period, Point, Report
from blog.history.spans import (
    MONTHS_KEPT,
    Grain,
    day_of,
    first_day,
    first_minute,
    month_of,
    start_of_day,
)
from blog.history.tables import COLUMNS, counts_of
from blog.store.names import find_names, find_numbers
from blog.store.schema import ADDED, counts, paths, refused, sources

# More rows than a person looks through, in each list.
MOST_PAGES = 500
MOST_NAMES = 100
# `max(peak * PEAK - peak_minute)` is the highest peak, and of equal ones the earliest.
PEAK = 1 << 32
# More than a page is opened in a day.
PART = 1 << 32


DAYS = {Period.TODAY: 1, Period.MONTH: 30, Period.QUARTER: 90}


@dataclass(frozen=True, slots=True)
class Span:
    """Rows of one grain, from `first` to before `end`."""

    grain: Grain
    first: int
    end: int


def read(
    connection: Connection, period: Period, now: float, zone: ZoneInfo, page: str | None = None
) -> Report:
    """Read the report of a period that ends at `now`: of a page, or of the whole site."""
    minute = int(now // 60)
    today = day_of(minute, zone)
    first = first_day(month_of(today) - MONTHS_KEPT + 1)
    if period in DAYS:
        first = today - DAYS[period] + 1
    site, one = _find(connection, SITE), None if page is None else _find(connection, page)
    whole = site if one is None else one
    points = tuple(_read_points(connection, _points_of(period, first, minute, zone), whole, zone))
    listed = Span(Grain.DAY, first, today + 1)
    if period is Period.TWO_YEARS:
        listed = Span(Grain.MONTH, month_of(first), month_of(today) + 1)
    opened = (
        _read_pages(connection, _pages_of(period, first, minute, zone), site) if not page else []
    )
    went = _read_went(connection, listed, one)
    of_page = [sources.c.page == whole, sources.c.at.in_(range(listed.first, listed.end))]
    came = _read_sums(connection, sources, ("kind", "name"), [*_is_in(sources, listed), *of_page])
    stopped = [] if page else _read_sums(connection, refused, ("kind",), _is_in(refused, listed))
    numbers = {row[0] for row in opened} | {n for a, b, _ in went for n in (a, b)}
    names = find_names(connection, numbers | {name for _, name, _ in came})
    return Report(
        period=period,
        start=start_of_day(first, zone),
        end=datetime.fromtimestamp(now, zone),
        points=points,
        total=_sum(point.counts for point in points),
        before=_read_before(connection, period, first, now, whole, zone),
        pages=tuple(PageRow(names[number], total, line) for number, total, line in opened),
        went=tuple((names[a], names[b], times) for a, b, times in went),
        sources=tuple((kind, names[name], times) for kind, name, times in came),
        refused=tuple((kind, times) for kind, times in stopped),
    )


def _find(connection: Connection, page: str) -> int:
    """Return the number of a page; -1, which none has, where nothing was ever counted of it."""
    return find_numbers(connection, [page]).get(page, -1)


def _points_of(period: Period, first: int, minute: int, zone: ZoneInfo) -> Span:
    if period is Period.TODAY:
        return Span(Grain.MINUTE, first_minute(first, zone), minute + 1)
    return Span(Grain.DAY, first, day_of(minute, zone) + 1)


def _pages_of(period: Period, first: int, minute: int, zone: ZoneInfo) -> tuple[Span, int, int]:
    """Return the rows of the table of pages, how much of `at` each part of a line is, and how many
    parts it has.
    """
    today = day_of(minute, zone)
    if period is Period.TODAY:
        begin, end = first_minute(first, zone), first_minute(today + 1, zone)
        # By the hour, to the end of the day: the line keeps its length.
        return Span(Grain.QUARTER_HOUR, begin, minute + 1), 60, -(-(end - begin) // 60)
    span = Span(Grain.DAY, first, today + 1)
    if period is Period.TWO_YEARS:
        span = Span(Grain.MONTH, month_of(first), month_of(today) + 1)
    part = 2 if period is Period.QUARTER else 1
    return span, part, -(-(span.end - span.first) // part)


def _is_in(table: Table, span: Span) -> list[ColumnElement[bool]]:
    return [table.c.grain == int(span.grain), table.c.at >= span.first, table.c.at < span.end]


def _read_points(connection: Connection, span: Span, page: int, zone: ZoneInfo) -> Iterator[Point]:
    # Each of them named is found by the key; a range of `at` would pass every page's rows.
    every = counts.c.at.in_(range(span.first, span.end))
    is_meant = (counts.c.grain == int(span.grain)) & every & (counts.c.page == page)
    asked = select(counts.c.at, *COLUMNS).where(is_meant).order_by(counts.c.at)
    for at, *row in connection.execute(asked):
        moment = (
            datetime.fromtimestamp(at * 60, zone)
            if span.grain is Grain.MINUTE
            else start_of_day(at, zone)
        )
        yield Point(moment, counts_of(row))


def _read_before(
    connection: Connection, period: Period, first: int, now: float, page: int, zone: ZoneInfo
) -> Counts | None:
    if period is Period.TWO_YEARS:
        return None
    if period is Period.TODAY:
        until = datetime.fromtimestamp(now, zone) - timedelta(days=1)  # by the clock on the wall
        end = int(until.timestamp() // 60) + 1
        span = Span(Grain.MINUTE, first_minute(first - 1, zone), end)
    else:
        span = Span(Grain.DAY, first - DAYS[period], first)
    return _sum(point.counts for point in _read_points(connection, span, page, zone))


def _sum(all_counts: Iterable[Counts]) -> Counts:
    total = Counts()
    for one in all_counts:
        total.add(one)
    return total


def _read_pages(
    connection: Connection, spanned: tuple[Span, int, int], site: int
) -> list[tuple[int, Counts, tuple[int, ...]]]:
    """Return number, counts and line of the pages that were opened most."""
    span, part, length = spanned
    opens = func.sum(counts.c.opens)
    is_page = [*_is_in(counts, span), counts.c.page != site]
    most = select(counts.c.page).where(*is_page).group_by(counts.c.page)
    most = most.order_by(opens.desc(), counts.c.page).limit(MOST_PAGES)
    shown = [number for (number,) in connection.execute(most)]
    peak = func.max(cast(counts.c.peak, BigInteger) * PEAK - counts.c.peak_minute)
    sums = [cast(func.sum(counts.c[name]), BigInteger) for name in ADDED]
    # A line comes as one text, "part * PART + opens" of each row: a row of its own for each would
    # take twice as long.
    parts = cast((counts.c.at - span.first) // part, BigInteger) * PART + counts.c.opens
    line = func.aggregate_strings(cast(parts, String), " ")
    asked = select(counts.c.page, *sums, peak, func.max(counts.c.doubt), line)
    asked = asked.where(*_is_in(counts, span), counts.c.page.in_(shown)).group_by(counts.c.page)
    found: dict[int, tuple[Counts, tuple[int, ...]]] = {}
    for page, *added, encoded, doubt, text in connection.execute(asked):
        highest = -(-encoded // PEAK)
        total = counts_of([*added, highest, highest * PEAK - encoded, doubt])
        found[page] = total, _read_line(text, length)
    return [(page, *found[page]) for page in shown]


def _read_line(text: str, length: int) -> tuple[int, ...]:
    line = [0] * length
    for packed in map(int, text.split(" ")):
        part, opens = divmod(packed, PART)
        line[part] += opens
    return tuple(line)


def _read_went(connection: Connection, span: Span, page: int | None) -> list[tuple[int, int, int]]:
    one = [or_(paths.c.page == page, paths.c.next_page == page)] if page is not None else []
    return _read_sums(connection, paths, ("page", "next_page"), [*_is_in(paths, span), *one])


def _read_sums(
    connection: Connection,
    table: Table,
    names: tuple[str, ...],
    is_meant: Sequence[ColumnElement[bool]],
) -> list[Any]:
    columns = [table.c[name] for name in names]
    times = cast(func.sum(table.c.times), BigInteger)
    asked = select(*columns, times).where(*is_meant).group_by(*columns)
    return list(connection.execute(asked.order_by(times.desc(), *columns).limit(MOST_NAMES)))
