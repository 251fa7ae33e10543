"""What a public dashboard tells: nothing of fewer than three, rounded, not where readers are from.

Pure. What is shown depends on nothing else: one opening more or less below three changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from zoneinfo import ZoneInfo

from blog.history.counts import Counts
from blog.history.report import PageRow, Period, Point, Report
from blog.history.spans import day_of, first_day, first_minute, month_of
from blog.live.recent import round_to_few

LEAST = 3
QUARTER_HOUR_SECONDS = 15 * 60
# What was counted comes to the store so much later, at most.
LATE_SECONDS = 30
MINUTE_MS = 60_000
TENTHS = 10


def last_told(period: Period, now: float, zone: ZoneInfo) -> float:
    """Return the moment until which everybody may see what was counted in a period.

    It is the end of a quarter hour, of a day where days are shown, or of a month. Who looks again
    and again would see else when one more reader takes a rounded number over its border.
    """
    now -= LATE_SECONDS
    if period is Period.TODAY:
        return now // QUARTER_HOUR_SECONDS * QUARTER_HOUR_SECONDS - 1
    day = day_of(int(now // 60), zone)
    if period is Period.TWO_YEARS:
        day = first_day(month_of(day))
    return first_minute(day, zone) * 60 - 1


def veil(report: Report) -> Report:
    """Return what everybody may see of a report."""
    pages = (
        PageRow(row.page, veil_counts(row.counts), tuple(map(_round, row.line)))
        for row in report.pages
        if row.counts.opens >= LEAST
    )
    return replace(
        report,
        points=tuple(_veil_points(report)),
        total=veil_counts(report.total),
        before=None if report.before is None else veil_counts(report.before),
        pages=tuple(sorted(pages, key=lambda row: (-row.counts.opens, row.page))),
        went=(),
        sources=(),
        refused=(),
    )


def veil_counts(counts: Counts) -> Counts:
    """Return counts as everybody may see them; empty ones where fewer than three opened."""
    if counts.opens < LEAST:
        return Counts()
    stays = [_round(number) for number in counts.stays]
    whole = sum(counts.stays)
    peak = _round(counts.peak)
    return Counts(
        opens=_round(counts.opens),
        entries=_round(counts.entries),
        open_ms=_round(counts.open_ms // MINUTE_MS) * MINUTE_MS,
        stays=stays,
        long_enough=_share(counts.long_enough, whole, sum(stays)),
        read_to_end=_share(counts.read_to_end, counts.opens, _round(counts.opens)),
        peak=peak,
        peak_minute=counts.peak_minute if peak else 0,
        loads=_round(counts.loads),
        doubt=counts.doubt,
    )


def _veil_points(report: Report) -> Iterator[Point]:
    for point in report.points:
        veiled = veil_counts(point.counts)
        if veiled != Counts():
            yield Point(point.at, veiled)


def _round(count: int) -> int:
    return round_to_few(count) if count >= LEAST else 0


def _share(part: int, whole: int, shown: int) -> int:
    """Return a part of what is shown, in tenths of it; 0 where it, or the rest, is of few."""
    if part < LEAST or not shown:
        return 0
    return shown * round(TENTHS * min(part / max(whole, 1), 1)) // TENTHS
