"""Everything that can be lost is lost, and everything heals by itself."""

from __future__ import annotations

import time

import pytest

from tests.tracking.faults import cut_all_connections, kill_worker, pause_worker, resume_worker
from tests.tracking.nodes import (
    LEASE_SECONDS,
    assert_all_views_equal,
    count_for,
    meet,
    track_one_on_each,
    wait_until,
)
from tests.tracking.views import assert_told_diffs_give_the_list
from tests.valkey import Valkey

# A heartbeat (after 0.5 s at most) finds the slot gone; a put and a fetch follow.
HEAL_SECONDS = 3.0


def test_a_killed_workers_presences_go_when_its_lease_ends_and_not_before(three_nodes):
    victim, *others = three_nodes
    track_one_on_each(three_nodes)
    kill_worker(victim)
    # Its last heartbeat was at most 0.5 s ago.
    assert count_for(others[0], LEASE_SECONDS - 0.8) == {3}
    for node in others:
        node.wait_for_count(2, within_seconds=LEASE_SECONDS + 1.0)
    assert list(assert_all_views_equal(others, within_seconds=0.5)) == ["b", "c"]


def test_a_paused_worker_comes_back_with_the_same_refs_and_none_twice(three_nodes):
    paused, *others = three_nodes
    before = track_one_on_each(three_nodes)
    pause_worker(paused)
    for node in others:
        node.wait_for_count(2, within_seconds=LEASE_SECONDS + 1.0)
    others[0].call("track", "late tab", "z", "about")
    resume_worker(paused)
    for node in three_nodes:
        node.wait_for_count(4, within_seconds=2.0)
    after = assert_all_views_equal(three_nodes, within_seconds=0.5)
    for node in three_nodes:
        assert_told_diffs_give_the_list(node)
    assert list(after) == ["a", "b", "c", "z"]
    after.pop("z")
    assert after == before


def test_a_pause_shorter_than_the_lease_is_not_seen(two_nodes):
    paused, other = two_nodes
    before = track_one_on_each(two_nodes)
    pause_worker(paused)
    assert count_for(other, 0.6) == {2}
    resume_worker(paused)
    assert count_for(other, 0.6) == {2}
    assert assert_all_views_equal(two_nodes, within_seconds=1.0) == before


def test_all_connections_cut_heal(two_nodes, valkey):
    here, _ = two_nodes
    before = track_one_on_each(two_nodes)
    cut_all_connections(valkey)
    here.call("track", "late tab", "z", "index")
    for node in two_nodes:
        node.wait_for_count(3, within_seconds=HEAL_SECONDS)
        node.wait_for_state("whole", within_seconds=HEAL_SECONDS)
        assert node.call("lowest") >= 2
    assert set(assert_all_views_equal(two_nodes, within_seconds=1.0)) == {*before, "z"}


@pytest.mark.parametrize(
    ("fail", "come_back"),
    [(Valkey.freeze, Valkey.thaw), (Valkey.stop, Valkey.start)],
    ids=["frozen", "restarted empty"],
)
def test_in_an_outage_longer_than_every_lease_counts_stand_still(
    two_nodes, valkey, fail, come_back
):
    """They are marked stale; no call waits; and when the server is back, no count ever dips."""
    here, there = two_nodes
    track_one_on_each(two_nodes)
    fail(valkey)
    for node in two_nodes:
        node.wait_for_state("stale", within_seconds=4.0)
    time.sleep(LEASE_SECONDS)
    began = time.monotonic()
    here.call("track", "late tab", "z", "index")
    assert time.monotonic() - began < 0.5, "a call waited for Redis"
    assert (here.call("count"), there.call("count")) == (3, 2)
    pause_worker(there)  # so that one surely is back before the other
    come_back(valkey)
    here.wait_for_state("whole", within_seconds=HEAL_SECONDS)
    assert count_for(here, 0.5) == {3}
    resume_worker(there)
    for node in two_nodes:
        node.wait_for_state("whole", within_seconds=HEAL_SECONDS)
        node.wait_for_count(3, within_seconds=HEAL_SECONDS)
        assert node.call("state_history") == ["stale", "whole"]
    assert [node.call("lowest") for node in two_nodes] == [2, 2]
    assert_all_views_equal(two_nodes, within_seconds=1.0)


def test_a_worker_that_died_in_an_outage_goes_soon_after_it(two_nodes, valkey):
    victim, other = two_nodes
    track_one_on_each(two_nodes)
    valkey.freeze()
    kill_worker(victim)
    other.wait_for_state("stale", within_seconds=4.0)
    valkey.thaw()
    other.wait_for_count(1, within_seconds=LEASE_SECONDS + HEAL_SECONDS)


def test_long_after_the_server_is_gone_only_the_workers_own_are_shown(start_node, valkey):
    nodes = [start_node(local_after_seconds=1.0) for _ in range(2)]
    meet(nodes)
    before = track_one_on_each(nodes)
    valkey.stop()
    for node, key in zip(nodes, "ab", strict=True):
        node.wait_for_state("local", within_seconds=5.0)
        assert list(node.call("list")) == [key]
    valkey.start()
    for node in nodes:
        node.wait_for_count(2, within_seconds=HEAL_SECONDS)
        node.wait_for_state("whole", within_seconds=HEAL_SECONDS)
    assert assert_all_views_equal(nodes, within_seconds=1.0) == before


def test_a_server_that_is_not_there_at_the_start_is_used_when_it_comes(start_node, valkey):
    valkey.stop()
    nodes = [start_node(), start_node()]
    for node, key in zip(nodes, "ab", strict=True):
        node.call("track", "tab", key, "index")
        node.wait_for_state("stale", within_seconds=3.0)
        assert node.call("count") == 1
    valkey.start()
    for node in nodes:
        node.wait_for_count(2, within_seconds=HEAL_SECONDS)
        node.wait_for_state("whole", within_seconds=HEAL_SECONDS)
    assert_all_views_equal(nodes, within_seconds=1.0)


@pytest.mark.parametrize("payload", [b"hello", b'["w", "*", "e.0", [["r", 1, 2, 3, 4]], []]'])
def test_garbage_on_the_channel_is_passed_over(two_nodes, valkey, payload):
    here, there = two_nodes
    valkey.client.publish("{nodes}:d", payload)
    here.call("track", "tab", "ann", "index")
    there.wait_for_count(1)
    assert "is something else publishing on our channel?" in there.log()


def test_a_slot_that_cannot_be_read_does_not_stop_the_others(two_nodes, valkey):
    """It may be of another version of the program."""
    here, there = two_nodes
    valkey.client.hset("{nodes}:w:alien", mapping={".": "e.0", "r": '{"a": 1}'})
    valkey.client.expire("{nodes}:w:alien", 5)
    valkey.client.publish("{nodes}:d", '["alien", "e.0", "e.0", [], []]')
    wait_until(
        lambda: "in the slot of 'alien'" in there.log(),
        within_seconds=2.0,
        what=lambda: "a warning",
    )
    here.call("track", "tab", "ann", "index")
    there.wait_for_count(1)
