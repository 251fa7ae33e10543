"""Everything that can be lost is lost, and everything heals by itself."""

from __future__ import annotations

import time

import pytest

from tests.presence.nodes import LEASE_SECONDS, assert_all_views_equal, meet, wait_until
from tests.valkey import Valkey

# A heartbeat (0.5 s ± 20 %) finds the slot gone; a put and a fetch follow.
HEAL_SECONDS = 3.0


def count_for(node, seconds: float) -> set[int]:
    """Return every count that a node shows during a while."""
    counts = set()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        counts.add(node.call("count"))
        time.sleep(0.02)
    return counts


def track_one_on_each(nodes) -> dict:
    """Track a, b, c, … on the nodes in turn; return the list that all have."""
    for node, key in zip(nodes, "abcd", strict=False):
        node.call("track", "tab", key, "index")
    for node in nodes:
        node.wait_for_count(len(nodes), within_seconds=2.0)
        node.call("watch_count")
    return assert_all_views_equal(nodes, within_seconds=1.0)


def test_a_killed_workers_presences_go_when_its_lease_ends_and_not_before(three_nodes):
    victim, *others = three_nodes
    track_one_on_each(three_nodes)
    victim.kill()
    # Its last heartbeat was at most 0.6 s ago.
    assert count_for(others[0], LEASE_SECONDS - 0.8) == {3}
    for node in others:
        node.wait_for_count(2, within_seconds=LEASE_SECONDS + 1.0)
    assert list(assert_all_views_equal(others, within_seconds=0.5)) == ["b", "c"]


def test_a_paused_worker_comes_back_with_the_same_refs_and_none_twice(three_nodes):
    paused, *others = three_nodes
    before = track_one_on_each(three_nodes)
    paused.pause()
    for node in others:
        node.wait_for_count(2, within_seconds=LEASE_SECONDS + 1.0)
    others[0].call("track", "late tab", "z", "about")
    paused.resume()
    for node in three_nodes:
        node.wait_for_count(4, within_seconds=HEAL_SECONDS)
    after = assert_all_views_equal(three_nodes, within_seconds=1.0)
    assert list(after) == ["a", "b", "c", "z"]
    after.pop("z")
    assert after == before


def test_a_pause_shorter_than_the_lease_is_not_seen(two_nodes):
    paused, other = two_nodes
    before = track_one_on_each(two_nodes)
    paused.pause()
    assert count_for(other, 0.6) == {2}
    paused.resume()
    assert count_for(other, 0.6) == {2}
    assert assert_all_views_equal(two_nodes, within_seconds=1.0) == before


def test_an_emptied_server_heals_and_no_count_ever_dips(three_nodes, valkey):
    before = track_one_on_each(three_nodes)
    valkey.client.flushall()
    newcomer_key = "d"
    three_nodes[0].call("track", "new tab", newcomer_key, "index")
    for node in three_nodes:
        node.wait_for_count(4, within_seconds=HEAL_SECONDS)
    wait_until(
        lambda: valkey.client.zcard("{nodes}:live") == 3,
        within_seconds=HEAL_SECONDS,
        what=lambda: "three living workers",
    )
    assert [node.call("lowest") for node in three_nodes] == [3, 3, 3]
    after = assert_all_views_equal(three_nodes, within_seconds=1.0)
    after.pop(newcomer_key)
    assert after == before


def test_one_lost_slot_is_put_back_and_nobody_leaves(two_nodes, valkey):
    track_one_on_each(two_nodes)
    for key in valkey.client.keys("{nodes}:w:*"):
        valkey.client.delete(key)
    wait_until(
        lambda: len(valkey.client.keys("{nodes}:w:*")) == 2,
        within_seconds=HEAL_SECONDS,
        what=lambda: "two slots",
    )
    assert [node.call("lowest") for node in two_nodes] == [2, 2]


def test_a_subscription_cut_while_others_join_heals(two_nodes, valkey):
    here, _ = two_nodes
    for number in range(40):
        here.call("track", f"tab {number}", f"reader {number}", "index")
        if number % 10 == 5:
            valkey.client.client_kill_filter(_type="pubsub")
        time.sleep(0.01)
    for node in two_nodes:
        node.wait_for_count(40, within_seconds=HEAL_SECONDS)
    assert_all_views_equal(two_nodes, within_seconds=1.0)


def test_all_connections_cut_heal(two_nodes, valkey):
    here, _ = two_nodes
    before = track_one_on_each(two_nodes)
    valkey.client.client_kill_filter(_type="pubsub")
    valkey.client.client_kill_filter(_type="normal", skipme=True)
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
    there.pause()  # so that one surely is back before the other
    come_back(valkey)
    here.wait_for_state("whole", within_seconds=HEAL_SECONDS)
    assert count_for(here, 0.5) == {3}
    there.resume()
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
    victim.kill()
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
        lambda: "in the slot of alien" in there.log(),
        within_seconds=2.0,
        what=lambda: "a warning",
    )
    here.call("track", "tab", "ann", "index")
    there.wait_for_count(1)
