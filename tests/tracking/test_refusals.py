"""Redis answers, and refuses to write: the same to the presence as if it did not answer."""

from __future__ import annotations

import re

import pytest

from tests.tracking.faults import redis_out_of_memory, redis_read_only
from tests.tracking.nodes import (
    LEASE_SECONDS,
    assert_all_views_equal,
    count_for,
    track_one_on_each,
)
from tests.tracking.views import assert_every_slot_is_whole, assert_told_diffs_give_the_list

# The next try of the writer (0.3 s at most), and what it brings about.
HEAL_SECONDS = 1.0


def lines_about_redis(node) -> list[str]:
    """Return what a node has logged about Redis, without reasons and durations."""
    return [re.split(r" \(| after", line)[0] for line in node.log().splitlines() if "Redis" in line]


@pytest.mark.parametrize("refusing", [redis_out_of_memory, redis_read_only])
def test_a_redis_that_refuses_to_write_is_an_outage_like_any_other(two_nodes, valkey, refusing):
    """Longer than every lease. Calls go on, counts stand still, one line is logged, all heals."""
    here, there = two_nodes
    track_one_on_each(two_nodes)
    with refusing(valkey):
        for node in two_nodes:
            node.wait_for_state("stale", within_seconds=1.0)
        here.call("track", "late tab", "z", "index")
        assert (here.call("count"), there.call("count")) == (3, 2)
        there.call("untrack", "tab")  # a write that needs no memory
        assert (here.call("count"), there.call("count")) == (3, 1)
        assert count_for(here, 2 * LEASE_SECONDS) == {3}
        assert there.call("count") == 1
        for node in two_nodes:
            assert node.call("state_history") == ["stale"]
    for node in two_nodes:
        node.wait_for_state("whole", within_seconds=HEAL_SECONDS)
    assert_every_slot_is_whole(valkey, two_nodes, within_seconds=HEAL_SECONDS)
    view = assert_all_views_equal(two_nodes, within_seconds=HEAL_SECONDS)
    assert list(view) == ["a", "z"]
    for node in two_nodes:
        assert node.call("state_history") == ["stale", "whole"]
        assert lines_about_redis(node) == [
            "presence: Redis refuses",
            "presence: Redis is back",
        ]
        assert_told_diffs_give_the_list(node)
    assert here.call("lowest") == 2
