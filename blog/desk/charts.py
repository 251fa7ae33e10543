"""What is drawn of a report: its columns, its line, what is in doubt. Pure.

All in per cent or units, no pixels and no words: `templates/desk/charts.html` writes both. Hence no
library for drawings: words are put in and escaped there, and a path is all that is to be computed.
"""

from __future__ import annotations

from bisect import bisect_right
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
MOST_MARKS = 5  # that a column names
MINUTE_SECONDS = 60
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
BAR_GAP = 0.1  # on both sides of a bar, of its column
HEIGHT = 100  # of the drawn line, in whatever height it is shown


# Says when a column of that kind begins: "14:15", "3 November", "3 November 2026".
Write = Callable[[str, datetime], str]


class Mark(NamedTuple):
    """When a post was published or updated: `kind` says which."""

    at: datetime
    kind: str
    title: str
    post_id: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A column of a chart and a row of its table; `counts` is None where nothing was counted.

    `label` says when it begins. `marks` are the first few, `more` is how many others there are.
    """

    label: str
    counts: Counts | None
    marks: tuple[Mark, ...] = ()
    more: int = 0

    @property
    def kind(self) -> str:
        """What its mark says: that a post was published, if there is one."""
        return min((mark.kind for mark in self.marks), default="")  # as in the alphabet


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


def cut_minutes(
    midnight: datetime, points: Iterable[Point], marks: Iterable[Mark], write: Write
) -> Axis:
    """Return the axis of a day: of 23 or 25 hours where the clocks change."""
    begin = midnight.timestamp()
    end = (midnight + timedelta(days=1)).timestamp()
    # By seconds: the difference of two times of one zone would be that of the clock.
    starts = [begin + minute * MINUTE_SECONDS for minute in range(round(end - begin) // 60)]
    labels = (
        write("quarters", datetime.fromtimestamp(start, midnight.tzinfo))
        for start in starts[::MINUTES_A_SLOT]
    )
    return _make_axis("quarters", MINUTES_A_SLOT, labels, *_sort([*starts, end], points, marks))


def cut_days(
    first: datetime, last: date, points: Iterable[Point], marks: Iterable[Mark], write: Write
) -> Axis:
    """Return the axis of some days: with a column for each, or for each seven where it is long."""
    days = [first + timedelta(days=day) for day in range((last - first.date()).days + 2)]
    length = len(days) - 1
    kind, per_slot = ("weeks", DAYS_A_SLOT) if length > MOST_DAYS else ("days", 1)
    labels = (write(kind, day) for day in days[:length:per_slot])
    starts = [day.timestamp() for day in days]
    return _make_axis(kind, per_slot, labels, *_sort(starts, points, marks))


Units = tuple[Counts | None, ...]
Marked = Mapping[int, list[Mark]]


def _sort(
    starts: Sequence[float], points: Iterable[Point], marks: Iterable[Mark]
) -> tuple[Units, Marked]:
    """Return what was counted in each unit, and its marks; the last of `starts` is the end."""
    units: list[Counts | None] = [None] * (len(starts) - 1)
    for point in points:
        if 0 <= (at := bisect_right(starts, point.at.timestamp()) - 1) < len(units):
            units[at] = point.counts
    marked: dict[int, list[Mark]] = {}
    for mark in marks:
        if 0 <= (at := bisect_right(starts, mark.at.timestamp()) - 1) < len(units):
            marked.setdefault(at, []).append(mark)
    return tuple(units), marked


def _make_axis(
    kind: str,
    per_slot: int,
    labels: Iterable[str],
    units: Units,
    marked: Marked,
) -> Axis:
    by_slot: dict[int, list[Mark]] = {}
    for at, marks in sorted(marked.items()):
        by_slot.setdefault(at // per_slot, []).extend(marks)
    slots = tuple(
        _make_slot(label, units[at * per_slot : (at + 1) * per_slot], by_slot.get(at, []))
        for at, label in enumerate(labels)
    )
    return Axis(kind, units, per_slot, slots)


def _make_slot(label: str, units: Sequence[Counts | None], marks: Sequence[Mark]) -> Slot:
    return Slot(label, _merge(units), tuple(marks[:MOST_MARKS]), max(0, len(marks) - MOST_MARKS))


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
    slots = axis.slots
    if kind != "peak":  # marks stand on the curve
        slots = tuple(Slot(slot.label, slot.counts) for slot in slots)
    columns = tuple(
        _make_column(axis.place(at), value, top, slot)
        for at, (slot, value) in enumerate(zip(slots, values, strict=True))
    )
    if kind != "peak":
        return Chart(kind, axis, top, columns)
    units = [None if counts is None else read(counts) for counts in axis.units]
    # The area is that of the columns: a single minute would not be seen.
    wide = [value for value in values for _ in range(axis.per_slot)][: len(units)]
    line, area = draw_steps(units, HEIGHT, top), draw_area(wide, HEIGHT, top)
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
