"""What counts of several workers add up to."""

from __future__ import annotations

import pytest

from blog.history.counts import Counts, stay_bin


def test_sums_are_added_and_doubt_stays():
    counts = Counts(1, 2, 3, [1, 0, 0, 0, 0, 0, 0, 9], 4, 5, 0, 0, 6)
    counts.add(Counts(10, 20, 30, [1, 2, 0, 0, 0, 0, 0, 1], 40, 50, 0, 0, 60, doubt=True))
    counts.add(Counts())
    assert counts == Counts(11, 22, 33, [2, 2, 0, 0, 0, 0, 0, 10], 44, 55, 0, 0, 66, doubt=True)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((3, 7), (4, 9), (4, 9)),
        ((4, 9), (3, 7), (4, 9)),
        ((4, 9), (4, 7), (4, 7)),
        ((4, 7), (4, 9), (4, 7)),
        ((4, 7), (0, 0), (4, 7)),
        ((0, 0), (4, 7), (4, 7)),
    ],
)
def test_the_higher_peak_stays_and_of_two_equal_ones_the_earlier(one, other, expected):
    counts = Counts(peak=one[0], peak_minute=one[1])
    counts.add(Counts(peak=other[0], peak_minute=other[1]))
    assert (counts.peak, counts.peak_minute) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, 0), (9.999, 0), (10, 1), (29, 1), (30, 2), (299, 4), (300, 5), (1799, 6), (1800, 7)],
)
def test_a_stay_is_counted_in_the_bin_whose_bound_it_has_not_reached(seconds, expected):
    assert stay_bin(round(seconds * 1000)) == expected


@pytest.mark.parametrize(
    ("stays", "expected"),
    [
        ([0, 0, 0, 0, 0, 0, 0, 0], None),
        ([1, 0, 0, 0, 0, 0, 0, 0], (0, 10)),
        ([1, 1, 0, 0, 0, 0, 0, 0], (0, 10)),
        ([1, 1, 1, 0, 0, 0, 0, 0], (10, 30)),
        ([2, 0, 0, 5, 0, 0, 0, 2], (60, 120)),
        ([0, 0, 0, 0, 0, 0, 0, 1], (1800, None)),
    ],
)
def test_the_median_stay_is_within_the_bounds_of_its_bin(stays, expected):
    assert Counts(stays=stays).median_stay() == expected
