"""Lines of charts, as the paths of an SVG. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Values = Sequence[float | None]


def draw_steps(values: Values, height: float, highest: float) -> str:
    """Return a line in steps, each value one unit wide, with gaps where there is None.

    The highest value is 1 below the top, so that its stroke is seen; 0 lies on the bottom.
    """
    return "".join(
        _draw_run(start, run, height, highest, is_area=False) for start, run in _runs(values)
    )


def draw_area(values: Values, height: float, highest: float) -> str:
    """Return the area below that line."""
    return "".join(
        _draw_run(start, run, height, highest, is_area=True) for start, run in _runs(values)
    )


def round_up(highest: float) -> int:
    """Return the end of a scale: 2, 4, 6, 8 or 10 times a power of ten; half is whole, too."""
    power = 1
    while highest > 10 * power:
        power *= 10
    return next(power * step for step in (2, 4, 6, 8, 10) if power * step >= highest)


def _runs(values: Values) -> Iterator[tuple[int, list[float]]]:
    """Yield what is between gaps: where it begins, and its values."""
    run: list[float] = []
    for at, value in enumerate((*values, None)):
        if value is not None:
            run.append(value)
        elif run:
            yield at - len(run), run
            run = []


def _draw_run(start: int, run: list[float], height: float, highest: float, *, is_area: bool) -> str:
    steps: list[str] = []
    before: float | None = None
    for at, value in enumerate(run, start):
        if value == before:
            continue
        y = height - round((height - 1) * value / max(highest, 1), 1)
        if before is not None:
            steps.append(f"H{at}V{y:g}")
        else:
            steps.append(f"M{at} {height:g}V{y:g}" if is_area else f"M{at} {y:g}")
        before = value
    end = start + len(run)
    steps.append(f"H{end}V{height:g}Z" if is_area else f"H{end}")
    return "".join(steps)
