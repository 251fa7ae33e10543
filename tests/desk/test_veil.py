"""What a public dashboard tells depends on nothing of fewer than three."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from blog.desk.veil import veil, veil_counts
from blog.history.counts import STAY_BINS, Counts
from blog.history.report import PageRow, Period, Point
from tests.desk.year import NOW, Year

numbers = st.integers(0, 2000)
few = st.integers(0, 2)


@st.composite
def some_counts(draw, number=numbers):
    stays = draw(st.lists(number, min_size=STAY_BINS, max_size=STAY_BINS))
    return Counts(
        opens=draw(number),
        entries=draw(number),
        open_ms=draw(number) * 30_000,
        stays=stays,
        long_enough=draw(st.integers(0, sum(stays))),
        read_to_end=draw(number),
        peak=draw(number),
        peak_minute=draw(number),
        loads=draw(number),
    )


@given(some_counts(few), some_counts(few))
def test_what_fewer_than_three_did_changes_nothing(one, other):
    report = Year().report(Period.MONTH)
    told = [
        veil(
            replace(
                report,
                points=(Point(NOW, counts),),
                total=counts,
                before=counts,
                pages=(PageRow("blog/a", counts, (counts.opens,)),),
            )
        )
        for counts in (one, other)
    ]
    assert told[0] == told[1]
    assert (told[0].points, told[0].pages, told[0].total) == ((), (), Counts())


@given(some_counts())
def test_a_number_above_ten_is_one_two_or_five_times_a_power_of_ten(counts):
    veiled = veil_counts(counts)
    shown = (veiled.opens, veiled.entries, veiled.open_ms // 60_000, veiled.peak, veiled.loads)
    for number in (*shown, *veiled.stays):
        assert number == 0 or 3 <= number <= 10 or str(number).rstrip("0") in "125"
    assert veiled.long_enough <= sum(veiled.stays)
    assert veiled.read_to_end <= veiled.opens


def test_nothing_is_told_of_where_readers_are_from():
    veiled = veil(Year().report(Period.MONTH))
    assert (veiled.went, veiled.sources, veiled.refused) == ((), (), ())
