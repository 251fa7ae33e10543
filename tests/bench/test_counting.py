"""A server that says a wrong number does not get a figure."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path

import pytest

from bench.contestants import Contestant
from bench.measure import Plan, measure
from bench.server import Command, ContestantError, Place
from tests.bench.stub_server import LAG_SECONDS

STUB = Path(__file__).with_name("stub_server.py")
PLAN = Plan(steady_seconds=1.0, calm_seconds=0.0, idle_seconds=1.0, repeats=1)
READERS = 40


def make_stub(lie: str, *, late_leaves: bool = False, settle_seconds: float = 2.0) -> Contestant:
    def prepare(place: Place) -> list[Command]:
        return [Command([sys.executable, str(STUB), str(place.port), lie], place.port)]

    return Contestant(
        name="stub",
        title="The stub",
        prepare=prepare,
        missing=lambda: "",
        late_leaves=late_leaves,
        settle_seconds=settle_seconds,
    )


def measure_stub(lie: str, *, late_leaves: bool = False):
    stub = make_stub(lie, late_leaves=late_leaves)
    return measure(stub, READERS, PLAN, idle=True, tell=lambda step: None)


def test_an_honest_server_is_measured():
    measured = measure_stub("nothing")
    assert (measured.contestant, measured.size, measured.readers) == ("stub", 40, 40)
    # One comes or goes every 100 ms, and the stub tells at once; of its 40 readers, each one.
    assert 9.0 < measured.updates_per_second < 12.0
    assert 0.0 < measured.update_cpu_us < 1000.0
    assert 0.0 < measured.join.half <= measured.join.most <= measured.join.last < 1.0
    assert 0.0 < measured.leave.half <= measured.leave.most <= measured.leave.last < 1.0
    assert measured.storm_readers == 19  # 1 of the warm-up and 20 of the single joins before
    assert measured.idle is not None
    # Its pings are in the one figure; the other is that of a stub that nobody reads.
    assert 0.0 < measured.idle.empty_cores < measured.idle.cores < 0.5


@pytest.mark.parametrize(
    ("lie", "step", "complaint"),
    [
        ("counts one too many", "warming up", "was told [0-9]+, not 0 to [0-9]+"),
        ("misses leaves", "warming up", "1 of 1 readers were not told 1 within 2 s; they show"),
        ("never gets beyond 30", "all have asked", "40 of 40 readers were not told 40 within 2 s"),
        ("falls while readers join", "join", "was told 33 after 34"),
        (
            "comes back to an old number",
            "one joins, one leaves",
            "was told 39(, not 40 to 40| after 40)",
        ),
        ("closes a stream", "one joins, one leaves", "the server closed a stream that showed 40"),
        ("forgets one reader", "one joins, one leaves", "1 of 41 readers were not told 41"),
    ],
)
def test_a_lie_ends_the_run_with_the_contestants_name(lie, step, complaint):
    with pytest.raises(ContestantError) as raised:
        measure_stub(lie)
    assert str(raised.value).startswith("The stub, 40 readers, ")
    assert step in str(raised.value)
    assert re.search(complaint, str(raised.value))


def test_a_server_that_misses_leaves_for_a_while_may_count_them_so_long():
    """It may, where this is said of it; but never is the last word wrong."""
    with pytest.raises(ContestantError, match="40 of 40 readers were not told 40 within 2 s"):
        measure_stub("misses leaves", late_leaves=True)


def test_a_server_that_lags_is_not_taken_for_a_liar(monkeypatch):
    """All show the number that is to be reached, and hear of those who came and went later."""
    monkeypatch.setattr("bench.measure.MOST_ACTORS", 1)
    monkeypatch.setattr("bench.measure.ACT_SECONDS", 0.5)
    assert 1.0 < LAG_SECONDS < 1.5  # after 2 s of coming and going, the first one has just left
    plan = dataclasses.replace(PLAN, steady_seconds=2.0, idle_seconds=2 * LAG_SECONDS)
    stub = make_stub("is late", settle_seconds=4.0)
    measured = measure(stub, READERS, plan, idle=True, tell=lambda step: None)
    assert measured.join.half > LAG_SECONDS


def test_a_server_that_does_not_start_says_why():
    program = "import sys; sys.exit('no file or no port')"
    broken = dataclasses.replace(
        make_stub("nothing"),
        prepare=lambda place: [Command([sys.executable, "-c", program], place.port)],
    )
    with pytest.raises(ContestantError, match="no file or no port"):
        measure(broken, READERS, PLAN, idle=False, tell=lambda step: None)
