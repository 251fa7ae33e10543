"""Hosts whose clocks are ten minutes apart: nothing in the presence reads them.

Leases end by Redis's own clock, and everything else is measured by a monotonic one.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.setup.tools import find_libfaketime
from tests.tracking.faults import kill_worker
from tests.tracking.nodes import (
    LEASE_SECONDS,
    assert_all_views_equal,
    count_for,
    meet,
    track_one_on_each,
)
from tests.tracking.views import assert_every_slot_is_whole, assert_told_diffs_give_the_list

pytestmark = pytest.mark.full

TEN_MINUTES = 600


def set_clock(offset_seconds: int) -> dict[str, str]:
    """Return the environment of a host whose clock is wrong by so much."""
    return {
        "LD_PRELOAD": find_libfaketime(),
        "FAKETIME": f"{offset_seconds:+d}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@pytest.fixture
def right_ahead_behind(start_node):
    """Return three nodes that have met: with the right time, ten minutes ahead, and behind."""
    nodes = (
        start_node(),
        start_node(environment=set_clock(+TEN_MINUTES)),
        start_node(environment=set_clock(-TEN_MINUTES)),
    )
    meet(nodes)
    return nodes


def test_the_clocks_are_apart(right_ahead_behind):
    """Else the other tests would show nothing."""
    wrong_by = [node.call("clock") - time.time() for node in right_ahead_behind]
    assert [round(seconds / 10) * 10 for seconds in wrong_by] == [0, 600, -600]


def test_who_comes_changes_and_leaves_is_seen_as_with_equal_clocks(right_ahead_behind):
    for node in right_ahead_behind:
        node.call("track", "tab", "ann", "index")
    for node in right_ahead_behind:
        node.wait_for_count(3)
        node.call("update", "tab", "ann", "about")
    view = assert_all_views_equal(right_ahead_behind, within_seconds=1.0)
    assert [meta["page"] for meta in view["ann"]["metas"]] == ["about", "about", "about"]
    for left, node in zip((2, 1, 0), right_ahead_behind, strict=True):
        node.call("untrack", "tab")
        for other in right_ahead_behind:
            other.wait_for_count(left)
    for node in right_ahead_behind:
        assert_told_diffs_give_the_list(node)


def test_leases_hold_as_long_as_with_equal_clocks(right_ahead_behind, valkey):
    before = track_one_on_each(right_ahead_behind)
    assert count_for(right_ahead_behind[0], 2 * LEASE_SECONDS) == {3}
    assert assert_all_views_equal(right_ahead_behind, within_seconds=0.0) == before
    assert_every_slot_is_whole(valkey, right_ahead_behind, within_seconds=0.0)
    for node in right_ahead_behind:
        assert node.call("lowest") == 3
        assert node.call("state_history") == []


@pytest.mark.parametrize("wrong", [1, 2], ids=["ahead", "behind"])
def test_leases_of_the_killed_end_as_with_equal_clocks(right_ahead_behind, wrong):
    track_one_on_each(right_ahead_behind)
    victim = right_ahead_behind[wrong]
    others = [node for node in right_ahead_behind if node is not victim]
    kill_worker(victim)
    # Its last heartbeat was at most 0.5 s ago.
    assert count_for(others[1], LEASE_SECONDS - 0.8) == {3}
    for node in others:
        node.wait_for_count(2, within_seconds=LEASE_SECONDS)
    # The library removes them at a clean end only.
    shared_memory = Path("/dev/shm")  # noqa: S108 - not a file of ours
    for left in shared_memory.glob(f"*faketime_*_{victim.process.pid}"):
        left.unlink()
