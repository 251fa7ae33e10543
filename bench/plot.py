"""Draw docs/benchmarks.svg: cost over readers, CPU and memory side by side.

Written by hand: two small charts need no library, and so the text stays text and follows the
reader's light or dark.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from .figures import Measurement, Results

WIDTH, HEIGHT = 920, 420
PLOT_WIDTH, PLOT_TOP, PLOT_HEIGHT = 270, 84, 268
LABEL_GAP = 16
MEMORY_STEP = 10.0

# For light and for dark; ours are of one colour.
COLOURS = {
    "detached": ("#0b62c4", "#5aa9ff"),
    "generator": ("#0b62c4", "#5aa9ff"),
    "flask-sse": ("#b93f08", "#ff9a4d"),
    "sse-starlette": ("#7a35c9", "#c69bff"),
    "nchan": ("#147a3b", "#4fd07d"),
    "floor": ("#646b75", "#9aa4b0"),
}
DASHED = frozenset({"generator", "floor"})
FONT = "font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif;"


@dataclass(frozen=True, slots=True)
class Axis:
    """How a figure becomes a place between `low` and `high`, by powers or evenly."""

    low: float
    high: float
    ticks: Sequence[float]
    is_logarithmic: bool

    def place(self, number: float) -> float:
        """Return where a number is: 0 at the low end, 1 at the high one."""
        low, high, number = self.low, self.high, min(max(number, self.low), self.high)
        if self.is_logarithmic:
            low, high, number = math.log(low), math.log(high), math.log(number)
        return (number - low) / (high - low)


def draw(results: Results) -> str:
    """Return the plot of a run as SVG."""
    readers = [each.readers for each in results.measurements] or [100]
    across = log_axis(min(readers), max(readers), (1,))
    cpu = [each.update_cpu_us for each in results.measurements] or [1.0]
    memory = [each.reader_bytes / 1024 for each in results.measurements]
    most_memory = math.ceil(max([*memory, 1.0]) / MEMORY_STEP) * MEMORY_STEP
    steps = range(round(most_memory / MEMORY_STEP) + 1)
    even = Axis(0.0, most_memory, [MEMORY_STEP * step for step in steps], is_logarithmic=False)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-labelledby="title">',
        '<title id="title">CPU per delivered update, and memory per reader, over the number of '
        "readers</title>",
        *_style(),
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
        *_panel(
            results,
            50,
            "CPU per delivered update",
            "µs, on a logarithmic scale",
            across,
            log_axis(min(cpu), max(cpu), (1, 2, 5)),
            lambda each: each.update_cpu_us,
        ),
        *_panel(
            results,
            WIDTH // 2 + 50,
            "Memory per reader",
            "KB, all processes of the server",
            across,
            even,
            lambda each: each.reader_bytes / 1024,
        ),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def log_axis(low: float, high: float, digits: Sequence[int]) -> Axis:
    """Return a logarithmic axis that holds both numbers, with a tick at each `digits` × 10ⁿ.

    It begins at a tick; it ends at the next one, or a little after the number if that is far.
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 2)
    ticks = sorted(digit * 10.0**power for power in powers for digit in digits)
    first = max(tick for tick in ticks if tick <= low)
    last = min(min(tick for tick in ticks if tick >= high), high * 1.3)
    last = max(last, first * 2)
    return Axis(first, last, [tick for tick in ticks if first <= tick <= last], is_logarithmic=True)


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move places apart until each two have a gap, within bounds; their order stays."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    for before, index in itertools.pairwise(order):
        moved[index] = max(moved[index], moved[before] + gap)
    if order and moved[order[-1]] > high:
        moved[order[-1]] = high
        for index, after in zip(order[-2::-1], order[:0:-1], strict=True):
            moved[index] = min(moved[index], moved[after] - gap)
    return [max(low, place) for place in moved]


def _style() -> Iterator[str]:
    light = "".join(f" --{name}: {colours[0]};" for name, colours in COLOURS.items())
    dark = "".join(f" --{name}: {colours[1]};" for name, colours in COLOURS.items())
    yield "<style>"
    yield f"  svg {{ {FONT} --paper: #ffffff; --ink: #1f2328; --faint: #d5dae0;{light} }}"
    yield "  @media (prefers-color-scheme: dark) {"
    yield f"    svg {{ --paper: #0d1117; --ink: #e6edf3; --faint: #30363d;{dark} }}"
    yield "  }"
    yield "  .paper { fill: var(--paper); }  text { fill: var(--ink); }"
    yield "  .title { font-weight: 600; font-size: 15px; }  .unit { opacity: 0.75; }"
    yield "  .grid { stroke: var(--faint); }  .line { fill: none; stroke-width: 1.75; }"
    yield "  .ours { stroke-width: 3; }  .dashed { stroke-dasharray: 5 4; }"
    yield "  .across { text-anchor: middle; }  .up { text-anchor: end; }"
    yield "</style>"


def _panel(
    results: Results,
    left: int,
    title: str,
    unit: str,
    across: Axis,
    up: Axis,
    figure: Callable[[Measurement], float],
) -> Iterator[str]:
    right, bottom = left + PLOT_WIDTH, PLOT_TOP + PLOT_HEIGHT

    def x(number: float) -> float:
        return left + across.place(number) * PLOT_WIDTH

    def y(number: float) -> float:
        return bottom - up.place(number) * PLOT_HEIGHT

    yield f'<text class="title" x="{left - 30}" y="34">{escape(title)}</text>'
    yield f'<text class="unit" x="{left - 30}" y="56">{escape(unit)}</text>'
    for tick in up.ticks:
        yield f'<path class="grid" d="M{left} {y(tick):.1f}H{right}"/>'
        yield f'<text class="up" x="{left - 8}" y="{y(tick) + 4.5:.1f}">{tick:,g}</text>'
    for tick in across.ticks:
        yield f'<path class="grid" d="M{x(tick):.1f} {PLOT_TOP}V{bottom}"/>'
        yield f'<text class="across" x="{x(tick):.1f}" y="{bottom + 20}">{tick:,.0f}</text>'
    yield f'<text class="across unit" x="{(left + right) / 2}" y="{bottom + 44}">readers</text>'
    series = {name: found for name in results.titles if (found := results.of(name))}
    for name, found in series.items():
        points = [(x(each.readers), y(figure(each))) for each in found]
        looks = " ours" * (name == "detached") + " dashed" * (name in DASHED)
        path = "L".join(f"{px:.1f} {py:.1f}" for px, py in points)
        yield f'<path class="line{looks}" style="stroke: var(--{name})" d="M{path}"/>'
        for px, py in points:
            yield f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" style="fill: var(--{name})"/>'
    ends = [y(figure(found[-1])) for found in series.values()]
    places = spread(ends, LABEL_GAP, PLOT_TOP, bottom)
    for (name, found), end, place in zip(series.items(), ends, places, strict=True):
        last = x(found[-1].readers)
        colour = f'style="stroke: var(--{name})"'
        yield f'<path d="M{last + 5:.1f} {end:.1f}L{right + 10} {place:.1f}" {colour}/>'
        label = escape(results.titles[name])
        fill = f'style="fill: var(--{name})"'
        yield f'<text x="{right + 14}" y="{place + 4.5:.1f}" {fill}>{label}</text>'
