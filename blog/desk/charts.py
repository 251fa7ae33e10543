"""What is drawn of a report: its columns, its line, what is in doubt. Pure.

All in per cent or units, no pixels and no words: `templates/desk/charts.html` writes both. Hence no
library for drawings: words are put in and escaped there, and a path is all that is to be computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from blog.curves import draw_area, draw_steps, round_up
from blog.history.counts import Counts
from blog.history.report import Point

# What a column has: a quarter of an hour of today's minutes, a week of two years' days.
MINUTES_A_SLOT, DAYS_A_SLOT = 15, 7
MOST_DAYS = 120  # of a chart with a column for each
MINUTE_SECONDS = 60
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
BAR_GAP = 0.1  # on both sides of a bar, of its column
HEIGHT = 100  # of the drawn line, in whatever height it is shown


class Mark(NamedTuple):
    """When a post was published or updated: `kind` says which."""

    at: datetime
    kind: str
    title: str
    address: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A column of a chart and a row of its table; `counts` is None where nothing was counted."""

    start: datetime
    counts: Counts | None
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of time in units, minutes or days, of which `per_slot` are a column."""

    kind: str  # of the columns: "quarters" of an hour, "days" or "weeks"
    units: tuple[Counts | None, ...]
    per_slot: int
    slots: tuple[Slot, ...]

    def place(self, slot: int) -> tuple[float, float]:
        """Return where a column begins, and how wide it is, in per cent; the last may be cut."""
        whole = max(len(self.units), 1)
        begin = slot * self.per_slot
        return 100 * begin / whole, 100 * min(self.per_slot, whole - begin) / whole

    @property
    def doubts(self) -> list[tuple[str, str]]:
        """The stretches in doubt: where each begins, and how wide it is."""
        found: list[tuple[int, int]] = []
        for at, counts in enumerate(self.units):
            if counts is None or not counts.doubt:
                continue
            begin = found.pop()[0] if found and found[-1][1] == at else at
            found.append((begin, at + 1))
        whole = max(len(self.units), 1)
        return [
            (percent(100 * begin / whole), percent(100 * (end - begin) / whole))
            for begin, end in found
        ]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: where it, its middle and its bar are, as lengths of SVG, and its value.

    The value is None where nothing was counted. `bar` is x, y, width and height.
    """

    x: str
    width: str
    middle: str
    bar: tuple[str, str, str, str]
    value: int | None
    slot: Slot

    @property
    def number(self) -> int:
        """The value, 0 for nothing counted."""
        return self.value or 0


@dataclass(frozen=True, slots=True)
class Chart:
    """One value over an axis; `kind` says which. `top` is the end of its scale."""

    kind: str  # "peak", "opens" or "open_ms"
    axis: Axis
    top: int
    columns: tuple[Column, ...]
    line: str = ""
    area: str = ""

    @property
    def highest(self) -> Column | None:
        """The highest column, the first of several; None where all is 0."""
        some = [column for column in self.columns if column.value]
        return max(some, key=lambda column: column.number, default=None)


def cut_minutes(midnight: datetime, points: Iterable[Point], marks: Iterable[Mark] = ()) -> Axis:
    """Return the axis of a day: of 23 or 25 hours where the clocks change."""
    begin = midnight.timestamp()
    end = (midnight + timedelta(days=1)).timestamp()
    zone = midnight.tzinfo

    def find(at: datetime) -> int:
        # Not by the difference of two times, which are of one zone and would be those of the clock.
        return int((at.timestamp() - begin) // MINUTE_SECONDS)

    def start(unit: int) -> datetime:
        return datetime.fromtimestamp(begin + unit * MINUTE_SECONDS, zone)

    length = int((end - begin) // MINUTE_SECONDS)
    return _cut("quarters", length, MINUTES_A_SLOT, find, start, points, marks)


def cut_days(
    first: datetime, last: date, points: Iterable[Point], marks: Iterable[Mark] = ()
) -> Axis:
    """Return the axis of some days: with a column for each, or for each seven where it is long."""
    day = first.date()
    length = (last - day).days + 1

    def find(at: datetime) -> int:
        return (at.astimezone(first.tzinfo).date() - day).days

    def start(unit: int) -> datetime:
        return first + timedelta(days=unit)

    if length > MOST_DAYS:
        return _cut("weeks", length, DAYS_A_SLOT, find, start, points, marks)
    return _cut("days", length, 1, find, start, points, marks)


def _cut(
    kind: str,
    length: int,
    per_slot: int,
    find: Callable[[datetime], int],
    start: Callable[[int], datetime],
    points: Iterable[Point],
    marks: Iterable[Mark],
) -> Axis:
    units: list[Counts | None] = [None] * length
    for point in points:
        if 0 <= (at := find(point.at)) < length:
            units[at] = point.counts
    marked: dict[int, list[Mark]] = {}
    for mark in marks:
        if 0 <= (at := find(mark.at)) < length:
            marked.setdefault(at // per_slot, []).append(mark)
    slots = tuple(
        Slot(start(begin), _merge(units[begin : begin + per_slot]), tuple(marked.get(at, ())))
        for at, begin in enumerate(range(0, length, per_slot))
    )
    return Axis(kind, tuple(units), per_slot, slots)


def _merge(units: Sequence[Counts | None]) -> Counts | None:
    known = [counts for counts in units if counts is not None]
    if not known:
        return None
    merged = Counts()
    for counts in known:
        merged.add(counts)
    return merged


_VALUES: Mapping[str, Callable[[Counts], int]] = {
    "peak": lambda counts: counts.peak,
    "opens": lambda counts: counts.opens,
    "open_ms": lambda counts: counts.open_ms,
}


def draw(kind: str, axis: Axis) -> Chart:
    """Return the chart of one value: the peak as a line of all units, others as bars."""
    read = _VALUES[kind]
    values = [None if slot.counts is None else read(slot.counts) for slot in axis.slots]
    highest = max((value for value in values if value is not None), default=0)
    top = _round_time(highest) if kind == "open_ms" else round_up(highest)
    columns = tuple(
        _make_column(axis.place(at), value, top, slot)
        for at, (slot, value) in enumerate(zip(axis.slots, values, strict=True))
    )
    if kind != "peak":
        return Chart(kind, axis, top, columns)
    units = [None if counts is None else read(counts) for counts in axis.units]
    line, area = draw_steps(units, HEIGHT, top), draw_area(units, HEIGHT, top)
    return Chart(kind, axis, top, columns, line, area)


def _make_column(place: tuple[float, float], value: int | None, top: int, slot: Slot) -> Column:
    x, width = place
    height = 100 * (value or 0) / top
    bar = x + width * BAR_GAP, 100 - height, width * (1 - 2 * BAR_GAP), height
    drawn = tuple(map(percent, bar))
    middle = percent(x + width / 2)
    return Column(percent(x), percent(width), middle, drawn, value, slot)  # type: ignore[arg-type]


def percent(value: float) -> str:
    """Return a length of an SVG."""
    return f"{value:.2f}%"


def _round_time(highest: int) -> int:
    """Return the end of a scale of milliseconds: whole hours, or minutes where it is short."""
    unit = HOUR_MS if highest > HOUR_MS else MINUTE_MS
    return round_up(highest / unit) * unit
