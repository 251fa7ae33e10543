"""Lines of charts."""

from __future__ import annotations

import pytest

from blog.curves import draw_area, draw_steps, round_up


@pytest.mark.parametrize(
    ("values", "line", "area"),
    [
        ((), "", ""),
        ((None, None), "", ""),
        ((0,), "M0 100H1", "M0 100V100H1V100Z"),
        ((None, 2, 2, 1), "M1 1H3V50.5H4", "M1 100V1H3V50.5H4V100Z"),
        ((2, None, 2), "M0 1H1M2 1H3", "M0 100V1H1V100ZM2 100V1H3V100Z"),
    ],
)
def test_a_line_has_a_step_for_each_change_and_a_gap_where_nothing_is_known(values, line, area):
    assert draw_steps(values, 100, 2) == line
    assert draw_area(values, 100, 2) == area


def test_a_scale_ends_at_an_even_number_of_few_digits():
    highest = (0, 1, 2, 3, 7, 10, 11, 25, 41, 99, 100, 101, 4812)
    assert [round_up(one) for one in highest] == [
        2,
        2,
        2,
        4,
        8,
        10,
        20,
        40,
        60,
        100,
        100,
        200,
        6000,
    ]
