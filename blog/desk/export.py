"""What is on the dashboard, as CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from blog.desk.shown import Pair, Row
from blog.history.counts import Counts
from blog.history.report import Report

COUNTS = (
    *("opens", "entries", "open_seconds", "median_from_seconds", "median_to_seconds"),
    *("long_enough", "read_to_end", "peak", "peak_at", "loads", "in_doubt"),
)
# Programs for tables take what begins so for a formula, and campaigns are a stranger's text.
_FORMULA = (*"=+-@", *"＝＋－＠", "\t", "\r", "\n")


def describe_counts(counts: Counts, like: datetime) -> dict[str, Any]:
    """Return counts by their names; the time of the peak is in the zone of `like`."""
    low, high = counts.median_stay() or (None, None)
    at = datetime.fromtimestamp(counts.peak_minute * 60, like.tzinfo)
    values = (
        *(counts.opens, counts.entries, counts.open_ms // 1000, low, high, counts.long_enough),
        *(counts.read_to_end, counts.peak, at.isoformat() if counts.peak else None),
        *(counts.loads, counts.doubt),
    )
    return dict(zip(COUNTS, values, strict=True))


def describe(report: Report, rows: Iterable[Row], pairs: Iterable[Pair]) -> dict[str, Any]:
    """Return the whole screen, for JSON."""
    start = report.start
    return {
        "period": report.period.value,
        "start": start.isoformat(),
        "end": report.end.isoformat(),
        "total": {**describe_counts(report.total, start), "stays": report.total.stays},
        "before": report.before and describe_counts(report.before, start),
        "times": [
            {"start": point.at.isoformat(), **describe_counts(point.counts, start)}
            for point in report.points
        ],
        "pages": [
            {"page": row.page, "title": row.name.title, **describe_counts(row.counts, start)}
            for row in rows
        ],
        "went": [
            {"from": pair.from_page.title, "to": pair.to_page.title, "times": pair.times}
            for pair in pairs
        ],
        "sources": [
            {"kind": kind, "name": name, "times": times} for kind, name, times in report.sources
        ],
        "refused": [{"kind": kind, "times": times} for kind, times in report.refused],
    }


def write_times(report: Report) -> Iterator[str]:
    """Yield the lines of a CSV: what was counted in each minute or day."""
    yield write_line(["start", *COUNTS])
    for point in report.points:
        told = describe_counts(point.counts, report.start)
        yield write_line([point.at.isoformat(), *told.values()])


def write_pages(report: Report, rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a CSV: what was counted of each page."""
    yield write_line(["page", "title", *COUNTS])
    for row in rows:
        told = describe_counts(row.counts, report.start)
        yield write_line([row.page, row.name.title, *told.values()])


def write_line(cells: Iterable[Any]) -> str:
    """Return a line of a CSV, in which no text is a formula."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(map(_write_cell, cells))
    return line.getvalue()


def _write_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
