"""Read what was counted in a period. Loads SQLAlchemy: import it in the store's thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, Connection, Table, cast, func, or_, select

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
from blog.store.schema import ADDED, counts, paths, refused, sources

# More rows than a person looks through, in each list.
MOST_PAGES = 1000
MOST_NAMES = 200
# `max(peak * PEAK - peak_minute)` is the highest peak, and of equal ones the earliest.
PEAK = 1 << 32


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
    """Read the report of a period that ends now: of a page, or of the whole site."""
    minute = int(now // 60)
    today = day_of(minute, zone)
    first = first_day(month_of(today) - MONTHS_KEPT + 1)
    if period in DAYS:
        first = today - DAYS[period] + 1
    whole = page or SITE
    points = tuple(_read_points(connection, _points_of(period, first, minute, zone), whole, zone))
    listed = Span(Grain.DAY, first, today + 1)
    if period is Period.TWO_YEARS:
        listed = Span(Grain.MONTH, month_of(first), month_of(today) + 1)
    return Report(
        period=period,
        start=start_of_day(first, zone),
        end=datetime.fromtimestamp(now, zone),
        points=points,
        total=_sum(point.counts for point in points),
        before=_read_before(connection, period, first, now, whole, zone),
        pages=() if page else _read_pages(connection, _pages_of(period, first, minute, zone)),
        went=_read_went(connection, listed, page),
        sources=_read_times(connection, sources, listed, ("kind", "name"), page),
        refused=() if page else _read_times(connection, refused, listed, ("kind",), None),
    )


def _points_of(period: Period, first: int, minute: int, zone: ZoneInfo) -> Span:
    if period is Period.TODAY:
        return Span(Grain.MINUTE, first_minute(first, zone), minute + 1)
    return Span(Grain.DAY, first, day_of(minute, zone) + 1)


def _pages_of(period: Period, first: int, minute: int, zone: ZoneInfo) -> tuple[Span, int]:
    """Return the rows that the table of pages is made of, and how much of `at` a line's part is."""
    today = day_of(minute, zone)
    match period:
        case Period.TODAY:  # by the hour: to the end of the day, so that the line keeps its length
            end = first_minute(today + 1, zone)
            return Span(Grain.QUARTER_HOUR, first_minute(first, zone), end), 60
        case Period.MONTH:
            return Span(Grain.DAY, first, today + 1), 1
        case Period.QUARTER:
            return Span(Grain.DAY, first, today + 1), 2
        case Period.TWO_YEARS:
            return Span(Grain.MONTH, month_of(first), month_of(today) + 1), 1


def _is_in(table: Table, span: Span) -> list[ColumnElement[bool]]:
    return [table.c.grain == int(span.grain), table.c.at >= span.first, table.c.at < span.end]


def _read_points(connection: Connection, span: Span, page: str, zone: ZoneInfo) -> Iterator[Point]:
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
    connection: Connection, period: Period, first: int, now: float, page: str, zone: ZoneInfo
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


def _read_pages(connection: Connection, spanned: tuple[Span, int]) -> tuple[PageRow, ...]:
    span, part = spanned
    peak = func.max(cast(counts.c.peak, BigInteger) * PEAK - counts.c.peak_minute)
    sums = [cast(func.sum(counts.c[name]), BigInteger) for name in ADDED]
    is_page = [*_is_in(counts, span), counts.c.page != SITE]
    asked = (
        select(counts.c.page, *sums, peak, func.max(counts.c.doubt))
        .where(*is_page)
        .group_by(counts.c.page)
        .order_by(func.sum(counts.c.opens).desc(), counts.c.page)
        .limit(MOST_PAGES)
    )
    found: dict[str, Counts] = {}
    for page, *added, encoded, doubt in connection.execute(asked):
        highest = -(-encoded // PEAK)
        found[page] = counts_of([*added, highest, highest * PEAK - encoded, doubt])
    lines = _read_lines(connection, is_page, span, part)
    return tuple(PageRow(page, sums, lines[page]) for page, sums in found.items())


def _read_lines(
    connection: Connection, is_page: Sequence[ColumnElement[bool]], span: Span, part: int
) -> dict[str, tuple[int, ...]]:
    parts = -(-(span.end - span.first) // part)
    lines: dict[str, list[int]] = {}
    asked = select(counts.c.page, counts.c.at, counts.c.opens).where(*is_page)
    for page, at, opens in connection.execute(asked):
        line = lines.get(page)
        if line is None:
            line = lines[page] = [0] * parts
        line[(at - span.first) // part] += opens
    return {page: tuple(line) for page, line in lines.items()}


def _read_went(
    connection: Connection, span: Span, page: str | None
) -> tuple[tuple[str, str, int], ...]:
    one = [or_(paths.c.page == page, paths.c.next_page == page)] if page else []
    return _read_sums(connection, paths, ("page", "next_page"), [*_is_in(paths, span), *one])


def _read_times(
    connection: Connection, table: Table, span: Span, names: tuple[str, ...], page: str | None
) -> tuple[Any, ...]:
    one = [table.c.page == page] if page else []
    return _read_sums(connection, table, names, [*_is_in(table, span), *one])


def _read_sums(
    connection: Connection,
    table: Table,
    names: tuple[str, ...],
    is_meant: Sequence[ColumnElement[bool]],
) -> tuple[Any, ...]:
    columns = [table.c[name] for name in names]
    times = cast(func.sum(table.c.times), BigInteger)
    asked = select(*columns, times).where(*is_meant).group_by(*columns)
    asked = asked.order_by(times.desc(), *columns).limit(MOST_NAMES)
    return tuple(tuple(row) for row in connection.execute(asked))
