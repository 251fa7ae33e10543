"""What a worker counts of its tabs, against a recount of all that happened."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.history.counts import SITE, Batch, Counts, stay_bin
from blog.history.meter import GAP_MS, Meter
from blog.history.tally import CAP_MS, MINUTE_MS

UTC = ZoneInfo("UTC")
NOON = int(datetime(2026, 11, 3, 12, 0, tzinfo=UTC).timestamp()) * 1000
# "blog/long" takes fifteen minutes to read; the index has no reading time; nothing else is counted.
READING = {"index": 0, "blog/a": 60, "blog/long": 900}


def make(now: int = NOON, zone: ZoneInfo = UTC) -> Meter:
    return Meter("w1", zone, READING.get, now)


def merge(batches: Iterable[Batch | None]) -> dict[tuple[str, int], Counts]:
    """Return what a store has of these batches."""
    merged: dict[tuple[str, int], Counts] = {}
    for batch in batches:
        for place, counts in (batch.minutes if batch else {}).items():
            merged.setdefault(place, Counts()).add(counts)
    return merged


def total(meter: Meter, now: int, page: str = SITE) -> Counts:
    """Return what all minutes of a page add up to."""
    counts = Counts()
    for (name, _), part in merge([meter.take(now)]).items():
        if name == page:
            counts.add(part)
    return counts


class Recount:
    """Everything that happened, written down; counted by looking at each tab in each minute."""

    def __init__(self) -> None:
        self.opens: list[tuple[str, int, bool]] = []
        self.stays: list[tuple[str, int, int]] = []  # page, when it was counted, its length
        self.runs: list[tuple[str, int, int]] = []  # page, from, to

    def counts(self) -> dict[tuple[str, int], Counts]:
        found: dict[tuple[str, int], Counts] = {}
        for where in (None, SITE):
            for page, at, is_entry in self.opens:
                counts = found.setdefault((where or page, at // MINUTE_MS), Counts())
                counts.opens += 1
                counts.entries += is_entry
            for page, at, length in self.stays:
                counts = found.setdefault((where or page, at // MINUTE_MS), Counts())
                counts.stays[stay_bin(length)] += 1
                least = READING[page] * 600
                counts.long_enough += bool(least) and length >= max(30_000, least)
            for page, begin, end in self.runs:
                for minute in range(begin // MINUTE_MS, end // MINUTE_MS + 1):
                    first, last = max(begin, minute * MINUTE_MS), min(end, (minute + 1) * MINUTE_MS)
                    if first < last:
                        found.setdefault((where or page, minute), Counts()).open_ms += last - first
        return found


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["open", "open", "return", "end", "leave", "forget", "change", "take"]),
        st.integers(0, 60_000),  # how much later
        st.integers(0, 9),
        st.sampled_from(sorted(READING)),
    ),
    max_size=80,
)


@given(STEPS)
def test_whatever_happens_the_counts_are_those_of_a_recount(steps):
    meter, recount, now = make(), Recount(), NOON
    tabs: dict[str, list[Any]] = {}  # ref: page, since, runs since, or 0
    batches = []

    def stop(ref: str) -> None:
        page, since, begun = tabs[ref]
        cap = since + max(CAP_MS, 3000 * READING[page])
        if begun:
            recount.runs.append((page, begun, max(begun, min(now, cap))))
        tabs[ref][2] = 0

    for number, (step, later, which, page) in enumerate(steps):
        now += later
        meter.see("index", now)  # a meter is asked every ten seconds
        ref = sorted(tabs)[which % len(tabs)] if tabs else ""
        if step in ("open", "return"):
            since = now if step == "open" else now - which * 400_000
            new = f"w1-{number:04}"
            meter.open(new, page, now, since=since, is_new=step == "open", is_entry=which > 4)
            tabs[new] = [page, since, now]
            if step == "open":
                recount.opens.append((page, now, which > 4))
        elif step == "take":
            batches.append(meter.take(now))
        elif step == "change" and ref:
            tabs[f"{ref}+"] = tabs.pop(ref)
            meter.rename(ref, f"{ref}+")
        elif step == "end" and ref and tabs[ref][2]:
            stop(ref)
            meter.end(ref, now)
            meter.leave(ref, now)
            recount.stays.append((tabs[ref][0], now, now - tabs.pop(ref)[1]))
        elif step in ("leave", "forget") and ref:
            stop(ref)
            gone = tabs.pop(ref)
            (meter.leave if step == "leave" else meter.forget)(ref, now)
            if step == "leave":
                recount.stays.append((gone[0], now, now - gone[1]))
    for ref in tabs:
        stop(ref)
    batches.append(meter.take(now))
    assert [batch.number for batch in batches if batch] == list(
        range(1, 1 + sum(map(bool, batches)))
    )
    assert merge(batches) == recount.counts()


def test_the_cap_is_half_an_hour_or_three_times_the_reading_time():
    for page, minutes in (("index", 30), ("blog/a", 30), ("blog/long", 45)):
        meter = make()
        meter.open("t", page, NOON, since=NOON, is_new=True)
        for minute in range(100):
            meter.see(page, NOON + minute * MINUTE_MS)
        assert total(meter, NOON + 100 * MINUTE_MS).open_ms == minutes * MINUTE_MS


def test_a_stay_counts_until_its_stream_ended_not_while_it_lingered():
    meter = make()
    meter.open("t", "blog/a", NOON, since=NOON, is_new=True)
    meter.end("t", NOON + 9_500)
    meter.leave("t", NOON + 10_500)
    counts = total(meter, NOON + 20_000)
    assert (counts.stays[0], counts.open_ms) == (1, 9_500)


def test_nothing_of_a_page_that_is_not_counted_is_kept():
    meter = make()
    meter.open("t", "blog/private", NOON, since=NOON, is_new=True)
    meter.load("blog/private", NOON)
    meter.read_to_end("blog/private", NOON)
    meter.leave("t", NOON + 60_000, "index")
    assert meter.take(NOON + 60_000) is None


@pytest.mark.parametrize("jump", [-7_200_000, 600_000], ids=["back", "forward"])
def test_a_clock_that_is_set_adds_no_time(jump):
    meter = make()
    meter.open("t", "index", NOON, since=NOON, is_new=True)
    batches = [meter.take(NOON + 20_000), meter.take(NOON + jump), meter.take(NOON + jump + 10_000)]
    assert sum(c.open_ms for (p, _), c in merge(batches).items() if p == SITE) == 30_000


def test_a_clock_that_goes_back_a_little_takes_no_time_away():
    meter = make()
    meter.open("t", "index", NOON + 5_000, since=NOON + 5_000, is_new=True)
    meter.open("u", "index", NOON + 4_000, since=NOON + 4_000, is_new=True)
    meter.leave("t", NOON + 3_000)
    assert total(meter, NOON + 15_000).open_ms == 10_000


@pytest.mark.parametrize("since", [10**400, -5, NOON + 3_600_000])
def test_a_time_that_cannot_be_is_now(since):
    meter = make()
    meter.open("t", "index", NOON, since=since, is_new=False)
    meter.leave("t", NOON + 15_000)
    assert total(meter, NOON + 20_000).stays == [0, 1, 0, 0, 0, 0, 0, 0]


def test_each_minute_has_its_own_peak_and_the_first_begins_the_next():
    meter, here = make(), Counter({SITE: 0, "index": 0})
    meter.count = lambda page: here[page]
    for count, second in ((3, 1), (2, 40), (5, 70), (4, 90)):
        here.update({"index": count - here["index"], SITE: count - here[SITE]})
        meter.see("index", NOON + second * 1000)
    minute = NOON // MINUTE_MS
    merged = merge([meter.take(NOON + 130_000)])
    found = {at - minute: (c.peak, c.peak_minute - minute) for (_, at), c in merged.items()}
    assert found == {0: (3, 0), 1: (5, 1), 2: (4, 2)}
    assert meter.take(NOON + 131_000) is None  # it is told


def test_a_minute_in_doubt_is_marked_once_and_so_is_the_next_while_it_lasts():
    meter = make()
    meter.open("t", "index", NOON, since=NOON, is_new=True)
    meter.doubt(NOON + 10_000, is_in_doubt=True)
    meter.doubt(NOON + 65_000, is_in_doubt=False)
    merged = merge([meter.take(NOON + 70_000), meter.take(NOON + 130_000)])
    minute = NOON // MINUTE_MS
    assert [merged[SITE, minute + at].doubt for at in range(3)] == [True, True, False]
    assert [merged["index", minute + at].doubt for at in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("UTC", "2026-11-30T23:59:59+00:00", "2026-12-01"),
        ("Europe/Berlin", "2026-03-28T23:59:59+01:00", "2026-03-29"),  # a day of 23 hours
        ("Europe/Berlin", "2026-10-25T23:59:59+01:00", "2026-10-26"),  # after one of 25
        ("America/Sao_Paulo", "2018-11-03T23:59:59-03:00", "2018-11-04"),  # it has no midnight
        ("Asia/Kolkata", "2026-12-31T23:59:59+05:30", "2027-01-01"),
    ],
)
def test_what_is_counted_by_day_is_of_the_day_of_the_site(zone, before, after):
    at = int(datetime.fromisoformat(before).timestamp()) * 1000
    meter = make(at, ZoneInfo(zone))
    for moment in (at, at + 1_000):
        meter.open(f"t{moment}", "index", moment, since=moment, is_new=True)
        meter.leave(f"t{moment}", moment, "blog/a")
        meter.come_from("index", "host", "example.org", moment)
        meter.refuse("crawler", moment)
    batch = meter.take(at + 1_000)
    days = (date.fromisoformat(after).toordinal() - 1, date.fromisoformat(after).toordinal())
    assert batch is not None
    assert batch.paths == {(day, "index", "blog/a"): 1 for day in days}
    assert batch.sources == {(day, "index", "host", "example.org"): 1 for day in days}
    assert batch.refused == {(day, "crawler"): 1 for day in days}


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_is_set_by_a_day_changes_no_stay_and_no_time(days):
    """The tab is open for a minute before and a minute after, and another is about to come back."""
    meter, jump = make(), days * 24 * 3600 * 1000
    meter.open("t", "index", NOON, since=NOON, is_new=True)
    meter.open("ended", "index", NOON, since=NOON, is_new=True)
    meter.end("ended", NOON + 60_000)
    before = meter.take(NOON + 60_000)
    meter.leave("ended", NOON + jump + 60_000)
    meter.leave("t", NOON + jump + 120_000)
    after = meter.take(NOON + jump + 120_000)
    assert before is not None
    assert after is not None
    total = Counts()
    for batch in (before, after):
        for (page, _), counts in batch.minutes.items():
            if page == "index":
                total.add(counts)
    assert (total.open_ms, total.stays) == (180_000, [0, 0, 0, 1, 1, 0, 0, 0])


def test_a_reload_is_no_way_from_page_to_page():
    meter = make()
    meter.open("t", "index", NOON, since=NOON, is_new=True)
    meter.leave("t", NOON, "index")
    batch = meter.take(NOON)
    assert batch is not None
    assert batch.paths == {}


def test_what_is_kept_stays_bounded_while_tabs_come_and_go():
    meter = make()
    for number in range(20_000):
        meter.open(f"t{number}", "index", NOON + number, since=NOON + number, is_new=True)
        meter.leave(f"t{number}", NOON + number)
    assert len(meter._due) <= 1_001
    assert not meter._tabs
    meter.take(NOON + 20_000)
    meter.take(NOON + 30_000)
    assert not meter._pages
    assert GAP_MS > 20_000


def test_a_join_and_a_leave_cost_microseconds_however_many_are_open():
    """The bound is for this test's machine at its busiest; `make bench` has the number."""

    def measure(open_tabs: int) -> float:
        meter, refs = make(), [f"r{number}" for number in range(2_000)]
        for number in range(open_tabs):
            meter.open(f"t{number}", "index", NOON, since=NOON, is_new=True)
        random.shuffle(refs)
        began = time.process_time()
        for ref in refs:
            meter.open(ref, "blog/a", NOON + 1, since=NOON + 1, is_new=True)
        for ref in refs:
            meter.end(ref, NOON + 2)
            meter.leave(ref, NOON + 3)
        return (time.process_time() - began) / len(refs)

    few = min(measure(0) for _ in range(5))
    many = min(measure(20_000) for _ in range(5))
    assert many < 3 * few + 3e-6
