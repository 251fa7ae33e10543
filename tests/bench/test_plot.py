"""The plot is a sound picture: well-formed, in its frame, no label on another."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree

import pytest

from bench.contestants import CONTESTANTS
from bench.plot import COLOURS, HEIGHT, LABEL_GAP, WIDTH, draw, log_axis, spread
from tests.bench.measured import make_measurement, make_results

SVG = "{http://www.w3.org/2000/svg}"
# Two that end at the same place, one almost at zero, one with fewer readers.
RESULTS = make_results(
    *(
        make_measurement(name, size, update_cpu_us=cost, reader_bytes=held)
        for name, cost, held in (
            ("detached", 5.2, 2_100.0),
            ("generator", 23.3, 19_800.0),
            ("floor", 5.1, -3.0),
        )
        for size in (100, 1_000, 18_000)
    )
)


def draw_tree() -> ElementTree.Element:
    return ElementTree.fromstring(draw(RESULTS))  # noqa: S314 - our own


def places_of(tree: ElementTree.Element, titles: set[str]) -> list[tuple[float, float]]:
    texts = [text for text in tree.iter(f"{SVG}text") if text.text in titles]
    return [(float(text.get("x", "")), float(text.get("y", ""))) for text in texts]


def test_every_contestant_is_named_once_in_each_of_both_charts():
    texts = [text.text for text in draw_tree().iter(f"{SVG}text")]
    for title in ("Viblog, detached", "Viblog, generator", "floor (C)"):
        assert texts.count(title) == 2


def test_no_name_is_on_another():
    places = places_of(draw_tree(), {"Viblog, detached", "Viblog, generator", "floor (C)"})
    assert len(places) == 6
    for (x, y), (other_x, other_y) in itertools.combinations(places, 2):
        assert x != other_x or abs(y - other_y) >= LABEL_GAP - 0.11  # rounded to a tenth


def test_everything_is_within_the_picture():
    for element in draw_tree().iter():
        for name, limit in (("x", WIDTH), ("cx", WIDTH), ("y", HEIGHT), ("cy", HEIGHT)):
            assert 0 <= float(element.get(name, "0")) <= limit
        numbers = re.findall(r"[MLHV ](-?[\d.]+)", element.get("d", ""))
        assert all(0 <= float(number) <= WIDTH for number in numbers)


def test_every_measurement_is_a_point_and_more_cost_is_higher_up():
    circles = list(draw_tree().iter(f"{SVG}circle"))
    assert len(circles) == 2 * 9
    heights = [float(circle.get("cy", "")) for circle in circles]
    detached, generator, floor = heights[0:3], heights[3:6], heights[6:9]
    assert max(generator) < min(detached) < min(floor)


def test_every_contestant_has_a_colour_for_light_and_for_dark():
    assert set(COLOURS) == {contestant.name for contestant in CONTESTANTS}
    style = draw(RESULTS).partition("</style>")[0]
    assert "@media (prefers-color-scheme: dark)" in style
    for name in COLOURS:
        assert style.count(f"--{name}: #") == 2


def test_a_run_without_a_figure_is_an_empty_chart():
    assert '<path class="line' not in draw(make_results())


def test_a_logarithmic_axis_has_its_ticks_where_one_would_write_them():
    axis = log_axis(3.8, 96.0, (1, 2, 5))
    assert list(axis.ticks) == [2, 5, 10, 20, 50, 100]
    assert (axis.place(2), axis.place(100)) == (0, 1)
    assert axis.place(20) - axis.place(10) == pytest.approx(axis.place(10) - axis.place(5))


def test_a_logarithmic_axis_does_not_end_far_beyond_its_last_number():
    axis = log_axis(100, 18_000, (1,))
    assert list(axis.ticks) == [100, 1_000, 10_000]
    assert axis.high == pytest.approx(23_400)


@pytest.mark.parametrize(
    ("places", "moved"),
    [
        ([], []),
        ([50.0], [50.0]),
        ([10.0, 90.0], [10.0, 90.0]),
        ([10.0, 12.0], [10.0, 20.0]),
        ([12.0, 10.0], [20.0, 10.0]),
        ([10.0, 10.0, 15.0], [10.0, 20.0, 30.0]),
        ([99.0, 100.0, 20.0], [90.0, 100.0, 20.0]),
        ([95.0, 98.0, 100.0], [80.0, 90.0, 100.0]),
        ([120.0], [100.0]),
    ],
)
def test_labels_move_apart_and_stay_within_bounds(places, moved):
    assert spread(places, 10.0, 0.0, 100.0) == moved
