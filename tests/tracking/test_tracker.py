"""Trackers in processes of their own agree on who is there."""

from __future__ import annotations

import gevent
import pytest

from flask_presence.tracking import MemoryStore, Tracker
from tests.tracking.nodes import (
    LEASE_SECONDS,
    NodeError,
    assert_all_views_equal,
    count_for,
    meet,
    wait_until,
)
from tests.tracking.views import list_metas, list_tombstones


def wait_for_diffs(node, number: int) -> list:
    """Wait until a node has told so many diffs; return them."""
    diffs: list = []

    def have_come() -> bool:
        diffs.extend(node.call("take_diffs"))
        return len(diffs) >= number

    wait_until(have_come, within_seconds=1.0, what=lambda: f"{number} diffs; {diffs}")
    return diffs


def test_a_join_and_a_leave_are_seen_elsewhere_within_a_second(two_nodes):
    here, there = two_nodes
    ref = here.call("track", "tab", "ann", "index")
    there.wait_for_count(1, within_seconds=1.0)
    assert there.call("list") == {"ann": {"metas": [{"page": "index", "ref": ref}]}}
    assert there.call("get_by_key", "ann") == [{"page": "index", "ref": ref}]
    assert (there.call("count", "index"), there.call("count", "about")) == (1, 0)
    here.call("untrack", "tab")
    there.wait_for_count(0, within_seconds=1.0)
    joined = {"ann": {"metas": [{"page": "index", "ref": ref}]}}
    assert there.call("take_diffs") == [
        {"joins": joined, "leaves": {}},
        {"joins": {}, "leaves": joined},
    ]


def test_an_update_is_told_elsewhere_as_one_diff_with_both_sides(two_nodes):
    here, there = two_nodes
    old = here.call("track", "tab", "ann", "index")
    there.wait_for_count(1)
    there.call("take_diffs")
    new = here.call("update", "tab", "ann", "about")
    assert wait_for_diffs(there, 1) == [
        {
            "joins": {"ann": {"metas": [{"page": "about", "ref": new, "prev_ref": old}]}},
            "leaves": {"ann": {"metas": [{"page": "index", "ref": old}]}},
        }
    ]
    assert there.call("count", "about") == there.call("count") == 1


def test_who_waits_at_the_start_knows_all_others_from_its_first_moment_on(two_nodes, start_node):
    """Else a new worker would tell the first who come that next to nobody is there."""
    here, there = two_nodes
    for number in range(20):
        here.call("track", f"tab {number}", "ann", "index")
        there.call("track", f"tab {number}", "bob", "index")
    here.wait_for_count(40)
    there.wait_for_count(40)
    assert start_node().call("count_at_start") == 40


def test_errors_are_of_one_owner_on_one_worker(two_nodes):
    here, there = two_nodes
    here.call("track", "tab", "ann", "index")
    with pytest.raises(NodeError, match="AlreadyTrackedError"):
        here.call("track", "tab", "ann", "about")
    there.wait_for_count(1)
    with pytest.raises(NodeError, match="NotTrackedError"):
        there.call("update", "tab", "ann", "about")
    there.call("untrack", "tab")
    there.call("track", "tab", "ann", "about")
    here.wait_for_count(2)
    assert here.call("count_keys") == 1
    assert_all_views_equal(two_nodes, within_seconds=1.0)


def test_many_changes_end_in_equal_views(three_nodes):
    for number in range(60):
        node = three_nodes[number % 3]
        node.call("track", f"tab {number}", f"reader {number % 7}", "index")
        if number % 4 == 0:
            node.call("untrack", f"tab {number}")
        if number % 4 == 1:
            node.call("update", f"tab {number}", f"reader {number % 7}", "about")
    view = assert_all_views_equal(three_nodes, within_seconds=2.0)
    assert sum(len(entry["metas"]) for entry in view.values()) == 45
    for node in three_nodes:
        assert (node.call("count"), node.call("count", "about")) == (45, 15)
        assert node.call("count_keys") == 7


def test_what_comes_and_goes_at_once_is_not_told_elsewhere(start_node):
    here, there = start_node(flush_seconds=0.5), start_node()
    meet((here, there))
    here.call("track", "first", "ann", "index")  # the writer has just written, and waits
    there.wait_for_count(1)
    here.call("track", "second", "bob", "index")
    here.call("untrack", "second")
    here.call("track", "third", "cid", "index")
    there.wait_for_count(2)
    told = there.call("take_diffs")
    assert [list(diff["joins"]) for diff in told] == [["ann"], ["cid"]]


def test_a_linger_ends_when_its_key_joins_on_another_worker(two_nodes):
    """A link that is followed to another worker: one diff, and the total never dips nor rises."""
    here, there = two_nodes
    here.call("track", "tab", "ann", "index")
    there.wait_for_count(1)
    here.call("take_diffs")
    here.call("untrack", "tab", 30.0)
    assert here.call("count") == 1
    new = there.call("track", "tab", "ann", "about")
    (diff,) = wait_for_diffs(here, 1)
    assert (list(diff["joins"]), list(diff["leaves"])) == (["ann"], ["ann"])
    view = assert_all_views_equal(two_nodes, within_seconds=1.0)
    assert view == {"ann": {"metas": [{"page": "about", "ref": new}]}}


def test_a_newcomer_learns_who_is_there(two_nodes, start_node):
    two_nodes[0].call("track", "tab", "ann", "index")
    two_nodes[1].call("track", "tab", "bob", "index")
    newcomer = start_node()
    newcomer.wait_for_count(2, within_seconds=3.0)
    assert_all_views_equal((*two_nodes, newcomer), within_seconds=1.0)


def test_a_newcomer_with_presences_is_seen_with_its_first_write(two_nodes, start_node):
    newcomer = start_node()
    newcomer.call("track", "tab", "ann", "index")
    for node in two_nodes:
        node.wait_for_count(1, within_seconds=2.0)


def test_a_clean_end_takes_its_presences_away_at_once(start_node):
    """Long before its lease would end."""
    here, there = start_node(lease_seconds=30.0), start_node(lease_seconds=30.0)
    meet((here, there))
    here.call("track", "tab", "ann", "index")
    there.wait_for_count(1)
    here.call("close")
    there.wait_for_count(0, within_seconds=1.0)


def test_a_worker_that_drains_counts_until_its_last_lease_ends(start_node):
    """Neither at once, nor only when its usual lease would have ended."""
    here, there = start_node(lease_seconds=30.0), start_node(lease_seconds=30.0)
    meet((here, there))
    here.call("track", "tab", "ann", "index")
    there.wait_for_count(1)
    here.call("close", 1.0)
    assert there.call("count") == 1
    assert there.wait_for_count(0, within_seconds=4.0) > 0.3


# Each is seven seconds of real time.
@pytest.mark.parametrize(
    "how",
    ["untracked", *(pytest.param(how, marks=pytest.mark.full) for how in ("updated", "rotated"))],
)
def test_what_came_back_and_left_is_never_shown_again_while_its_old_slot_lasts(
    three_nodes, start_node, valkey, how
):
    """B came back from A's slot; B leaves, is updated, or comes back as C, which names B only."""
    old, here, there = three_nodes
    a = old.call("track", "A", "ann", "index")
    here.wait_for_count(1)
    there.wait_for_count(1)
    old.call("close", 4.0)
    b = here.call("track", "B", "ann", "index", a)
    wait_until(
        lambda: [meta["ref"] for meta in there.call("get_by_key", "ann")] == [b],
        within_seconds=1.0,
        what=lambda: "B alone",
    )
    there.call("take_diffs")
    if how == "untracked":
        here.call("untrack", "B")
    elif how == "updated":
        here.call("update", "B", "ann", "about")
        here.call("untrack", "B")
    else:
        here.call("untrack", "B", 30.0)
        there.call("track", "C", "ann", "index", b)
        wait_until(lambda: list_tombstones(valkey) != [], within_seconds=1.0, what=lambda: "laid")
        there.call("untrack", "C")
    assert here.wait_for_count(0) < 1.0
    there.wait_for_count(0)
    late = start_node()
    assert late.call("count_at_start") == 0
    # It reads slot after slot before it starts, and may be told of A until it has read B's.
    late.call("take_diffs")
    assert count_for(late, 0.3) == {0}
    hidden = list_tombstones(valkey)
    if how == "rotated" and b in hidden:  # C left before it was heard that B's slot has it no more
        hidden.remove(b)
    assert hidden == [a]
    wait_until(
        lambda: list_tombstones(valkey) == [],
        within_seconds=4.0 + 5 * LEASE_SECONDS,
        what=lambda: "no tombstone",
    )
    for node in (here, there, late):
        assert node.call("count") == 0
        told = [
            meta["ref"] for diff in node.call("take_diffs") for _, meta in list_metas(diff["joins"])
        ]
        assert told.count(a) == (node is here), "A was told once, before it came back"


def test_who_begins_again_under_its_name_is_seen_with_what_it_tracks_now():
    """It tracks before it starts; its first write is a whole slot, in an epoch of its own."""
    store = MemoryStore()
    peer, old, new = (Tracker(store, worker=name) for name in ("peer", "fixed", "fixed"))

    def wait_for(key: str) -> None:
        with gevent.Timeout(5):
            while list(peer.list("blog")) != [key]:
                gevent.sleep(0.02)

    peer.start()
    old.start()
    old.track("tab", "blog", "ann", {})
    wait_for("ann")
    old.close(lease_seconds=60)  # as of one that was killed, its slot lasts
    assert list(peer.list("blog")) == ["ann"]
    new.track("other tab", "blog", "bob", {})
    new.start()
    wait_for("bob")
    new.close()
    peer.close()
