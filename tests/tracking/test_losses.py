"""Whatever Redis loses, its workers put back. At the timings of life, with the bound of life."""

from __future__ import annotations

import pytest

from tests.tracking.faults import (
    cut_subscription,
    delete_slot,
    delete_the_living,
    empty_redis,
    evict_slot,
    restart_redis_empty,
)
from tests.tracking.nodes import (
    REAL_TIMINGS,
    assert_all_views_equal,
    meet,
    track_one_on_each,
    wait_until,
)
from tests.tracking.views import (
    LIVING,
    assert_every_slot_is_whole,
    assert_told_diffs_give_the_list,
    list_own,
    read_living,
    read_slots,
)


@pytest.fixture
def real_nodes(start_node):
    """Return three nodes with the timings of life that have met."""
    nodes = [start_node(**REAL_TIMINGS) for _ in range(3)]
    meet(nodes)
    return nodes


def wait_for_heartbeats(valkey) -> None:
    """Wait until every worker has renewed its lease once more."""
    before = dict(valkey.client.zrange(LIVING, 0, -1, withscores=True))

    def have_beaten() -> bool:
        now = dict(valkey.client.zrange(LIVING, 0, -1, withscores=True))
        return all(now[worker] > before[worker] for worker in before)

    wait_until(have_beaten, within_seconds=6.0, what=lambda: "a heartbeat of each worker")


WAYS = [restart_redis_empty, empty_redis, delete_slot, delete_the_living, evict_slot]


@pytest.mark.parametrize("lose", WAYS)
@pytest.mark.full
def test_every_slot_is_whole_again_within_6_seconds(real_nodes, valkey, lose):
    """And no count dips, and nobody is told of anything, though nobody came or left meanwhile."""
    before = track_one_on_each(real_nodes)
    assert_every_slot_is_whole(valkey, real_nodes, within_seconds=1.0)
    for node in real_nodes:
        assert_told_diffs_give_the_list(node)
    wait_for_heartbeats(valkey)  # the one that follows a change: now the next is as far as it gets
    lose(valkey)
    assert_every_slot_is_whole(valkey, real_nodes, within_seconds=6.0)
    assert [node.call("lowest") for node in real_nodes] == [3, 3, 3]
    assert assert_all_views_equal(real_nodes, within_seconds=0.0) == before
    assert [node.call("take_diffs") for node in real_nodes] == [[], [], []]


@pytest.mark.parametrize("lose", WAYS)
def test_who_comes_and_leaves_after_the_loss_is_put_right_as_well(three_nodes, valkey, lose):
    """A leave that the lost slot no longer shows, and a join that an old one would not take."""
    track_one_on_each(three_nodes)
    for node, key in zip(three_nodes, "xyz", strict=True):
        node.call("track", "other tab", key, "index")
    for node in three_nodes:
        node.wait_for_count(6)
        node.call("watch_count")
    lose(valkey)
    left = read_slots(valkey)
    # One that has lost its slot, where any has.
    here = min(three_nodes, key=lambda node: node.call("worker") in left)
    leaving = set(list_own(here)) - set("xyz")
    here.call("track", "new tab", "d", "index")
    here.call("untrack", "tab")
    view = assert_all_views_equal(three_nodes, within_seconds=2.0)
    assert set(view) == set("abcdxyz") - leaving
    assert_every_slot_is_whole(valkey, three_nodes, within_seconds=2.0)
    assert min(node.call("lowest") for node in three_nodes) == 6
    for node in three_nodes:
        assert_told_diffs_give_the_list(node)


@pytest.mark.full
def test_who_is_missing_from_the_list_of_the_living_is_not_dead(real_nodes, valkey):
    """The list may be lost, and one worker be back on it when it reads it, and the others not."""
    here = real_nodes[0]
    track_one_on_each(real_nodes)
    wait_for_heartbeats(valkey)
    delete_the_living(valkey)
    here.call("track", "new tab", "d", "index")
    wait_until(
        lambda: read_living(valkey) == {here.call("worker")},
        within_seconds=1.0,
        what=lambda: f"one living worker; {read_living(valkey)}",
    )
    cut_subscription(valkey)  # each reads the list when it has subscribed again
    assert_every_slot_is_whole(valkey, real_nodes, within_seconds=6.0)
    assert [node.call("lowest") for node in real_nodes] == [3, 3, 3]
