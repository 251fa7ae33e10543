"""The calls of one tracker by itself. None of them needs Redis; one may wait for it: `start`."""

from __future__ import annotations

import re
import time

import gevent
import pytest

from flask_presence.tracking import (
    AlreadyTrackedError,
    Diff,
    NotTrackedError,
    Store,
    Timings,
    Tracker,
    connect,
)

INDEX = {"page": "index"}
ABOUT = {"page": "about"}


@pytest.fixture
def tracker() -> Tracker:
    """Return a tracker that was not started, of a server that is not there."""
    store = Store(connect("unix:///nonexistent/valkey.sock"), "{test}")
    return Tracker(store, worker="w1", indexes=("page",))


@pytest.fixture
def diffs(tracker) -> list[Diff]:
    """Return what the tracker tells, a list that grows."""
    told: list[Diff] = []
    tracker.subscribe(told.append)
    return told


def test_tracking_is_told_listed_and_counted(tracker, diffs):
    ref = tracker.track("tab", "blog", "ann", INDEX)
    assert tracker.list("blog") == {"ann": {"metas": [{"page": "index", "ref": ref}]}}
    assert tracker.get_by_key("blog", "ann") == [{"page": "index", "ref": ref}]
    assert tracker.count("blog") == tracker.count("blog", page="index") == 1
    assert [diff.as_lists() for diff in diffs] == [{"joins": tracker.list("blog"), "leaves": {}}]


def test_an_unknown_topic_or_key_is_empty(tracker):
    assert tracker.list("blog") == {}
    assert tracker.get_by_key("blog", "ann") == []
    assert tracker.count("blog") == 0


def test_tracking_twice_is_an_error_and_changes_nothing(tracker):
    ref = tracker.track("tab", "blog", "ann", INDEX)
    with pytest.raises(AlreadyTrackedError, match="found 'ann' in 'blog' tracked already"):
        tracker.track("tab", "blog", "ann", ABOUT)
    assert tracker.get_by_key("blog", "ann") == [{"page": "index", "ref": ref}]


def test_two_owners_may_track_one_key(tracker):
    """A reader with two tabs."""
    refs = [tracker.track(tab, "blog", "ann", INDEX) for tab in ("tab1", "tab2")]
    assert [meta["ref"] for meta in tracker.get_by_key("blog", "ann")] == refs
    assert (tracker.count("blog"), tracker.count("blog", distinct=True)) == (2, 1)


def test_an_update_gives_a_new_ref_and_tells_both_sides_in_one_diff(tracker, diffs):
    old = tracker.track("tab", "blog", "ann", INDEX)
    new = tracker.update("tab", "blog", "ann", ABOUT)
    assert new != old
    assert len(diffs) == 2
    assert diffs[1].as_lists() == {
        "joins": {"ann": {"metas": [{"page": "about", "ref": new, "prev_ref": old}]}},
        "leaves": {"ann": {"metas": [{"page": "index", "ref": old}]}},
    }
    assert tracker.count("blog", page="index") == 0
    assert tracker.count("blog", page="about") == 1


def test_an_update_may_be_a_function_of_the_old_meta(tracker):
    tracker.track("tab", "blog", "ann", {"page": "index", "color": "red"})
    tracker.update("tab", "blog", "ann", lambda meta: {**meta, "page": "about"})
    (meta,) = tracker.get_by_key("blog", "ann")
    assert (meta["page"], meta["color"]) == ("about", "red")


def test_updating_what_is_not_tracked_is_an_error(tracker):
    tracker.track("tab", "blog", "ann", INDEX)
    with pytest.raises(NotTrackedError, match="found no 'ann' in 'blog' of this owner"):
        tracker.update("another tab", "blog", "ann", ABOUT)
    tracker.untrack("tab")
    with pytest.raises(NotTrackedError):
        tracker.update("tab", "blog", "ann", ABOUT)


def test_untracking_twice_tells_once(tracker, diffs):
    tracker.track("tab", "blog", "ann", INDEX)
    tracker.untrack("tab")
    tracker.untrack("tab")
    tracker.untrack("never seen")
    assert tracker.list("blog") == {}
    assert len(diffs) == 2


def test_untracking_may_be_of_one_topic_or_one_key(tracker):
    for topic, key in [("blog", "ann"), ("blog", "bob"), ("chat", "ann")]:
        tracker.track("tab", topic, key, INDEX)
    tracker.untrack("tab", "blog", "ann")
    assert (list(tracker.list("blog")), list(tracker.list("chat"))) == (["bob"], ["ann"])
    tracker.untrack("tab", "blog")
    assert (tracker.count("blog"), tracker.count("chat")) == (0, 1)


@pytest.mark.parametrize("meta", [None, "index", ["page"], {"page": []}, {"page": {}}])
def test_a_meta_that_is_no_mapping_or_cannot_be_counted_is_refused(tracker, meta):
    with pytest.raises(TypeError, match="expected a"):
        tracker.track("tab", "blog", "ann", meta)
    assert tracker.list("blog") == {}
    tracker.track("tab", "blog", "ann", INDEX)


@pytest.mark.parametrize("meta", [{"seen": object()}, {"seen": {1, 2}}, {("a", "b"): 1}])
def test_a_meta_that_cannot_be_written_is_refused_at_once(tracker, meta):
    """Later it would end the greenlet that writes, and with it the presence of this worker."""
    with pytest.raises(TypeError):
        tracker.track("tab", "blog", "ann", meta)
    assert tracker.list("blog") == {}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"topic": 1}, "found 1 for the topic, expected a str"),
        ({"key": None}, "found None for the key, expected a str"),
        ({"key": b"ann"}, "found b'ann' for the key, expected a str"),
        ({"prev_ref": 7}, "found 7 for the prev_ref, expected a str"),
    ],
)
def test_what_is_no_text_is_refused_at_its_caller(tracker, given, found):
    """In the slot it would keep every other worker from reading all of it."""
    tab = {"topic": "blog", "key": "ann", "prev_ref": None} | given
    with pytest.raises(TypeError, match=re.escape(found)):
        tracker.track("a", tab["topic"], tab["key"], {}, prev_ref=tab["prev_ref"])
    assert tracker.list("blog") == {}
    tracker.track("a", "blog", "ann", {})  # nothing of it is left


def test_a_change_of_the_meta_after_tracking_is_not_seen(tracker):
    meta = {"page": "index"}
    tracker.track("tab", "blog", "ann", meta)
    meta["page"] = "about"
    assert tracker.count("blog", page="index") == 1


def test_a_listener_hears_its_topic_only_until_it_is_taken_back(tracker):
    told: list[Diff] = []
    take_back = tracker.subscribe(told.append, topic="chat")
    tracker.track("tab", "blog", "ann", INDEX)
    tracker.track("tab", "chat", "ann", INDEX)
    assert [diff.topics() for diff in told] == [{"chat"}]
    take_back()
    tracker.untrack("tab")
    assert len(told) == 1


def test_a_listener_that_fails_is_logged_and_the_others_are_told(tracker, caplog):
    told: list[Diff] = []
    tracker.subscribe(lambda diff: 1 / 0)
    tracker.subscribe(told.append)
    tracker.track("tab", "blog", "ann", INDEX)
    assert len(told) == 1
    assert "a listener failed" in caplog.text


def test_a_lingering_presence_counts_until_its_linger_ends(tracker, diffs):
    tracker.track("tab", "blog", "ann", INDEX)
    tracker.untrack("tab", linger_seconds=0.02)
    assert tracker.count("blog") == 1
    assert len(diffs) == 1
    gevent.sleep(0.1)
    assert tracker.count("blog") == 0
    assert len(diffs) == 2


def test_lingers_that_end_close_together_are_told_as_one_change(tracker, diffs):
    for tab in range(20):
        tracker.track(tab, "blog", f"reader {tab}", INDEX)
    for tab in range(20):
        tracker.untrack(tab, linger_seconds=0.02 + 0.001 * tab)
    gevent.sleep(0.2)
    assert tracker.count("blog") == 0
    told = diffs[20:]
    assert sum(len(diff.leaves) for diff in told) == 20
    assert len(told) <= 2


def test_a_linger_ends_at_its_time_beside_a_longer_one(tracker, diffs):
    long, short = (tracker.track(tab, "blog", tab, INDEX) for tab in ("long", "short"))
    tracker.untrack("long", linger_seconds=5.0)
    tracker.untrack("short", linger_seconds=0.02)
    gevent.sleep(0.1)
    assert [presence.ref for presence in diffs[-1].leaves] == [short]
    assert [meta["ref"] for meta in tracker.get_by_key("blog", "long")] == [long]


def test_a_linger_ends_in_the_same_diff_in_which_its_key_joins_again(tracker, diffs):
    """A reader follows a link: the total never dips and is never one too high."""
    old = tracker.track("tab", "blog", "ann", INDEX)
    tracker.untrack("tab", linger_seconds=5.0)
    new = tracker.track("next tab", "blog", "ann", ABOUT)
    assert tracker.get_by_key("blog", "ann") == [{"page": "about", "ref": new}]
    assert [p.ref for p in diffs[1].leaves] == [old]
    assert [p.ref for p in diffs[1].joins] == [new]
    gevent.sleep(0)
    assert len(diffs) == 2


def test_the_same_owner_may_track_again_while_its_old_presence_lingers(tracker):
    tracker.track("tab", "blog", "ann", INDEX)
    tracker.untrack("tab", linger_seconds=5.0)
    tracker.track("tab", "blog", "ann", ABOUT)
    assert tracker.count("blog") == 1
    tracker.untrack("tab")
    assert tracker.count("blog") == 0


def test_a_lease_shorter_than_two_heartbeats_is_refused():
    with pytest.raises(ValueError, match="expected a lease of at least twice the heartbeat"):
        Timings(lease_seconds=1.0, heartbeat_seconds=0.6)


def test_starting_twice_is_refused(tracker):
    tracker.start()
    try:
        with pytest.raises(RuntimeError, match="expected start once"):
            tracker.start()
    finally:
        tracker.close()


def test_nobody_waits_at_the_start_for_a_server_that_does_not_answer(tracker):
    began = time.monotonic()
    tracker.start(wait_seconds=60)
    tracker.close()
    assert time.monotonic() - began < 30


def test_a_meta_is_listed_as_the_other_workers_will_read_it(tracker):
    ref = tracker.track("tab", "blog", "ann", {"seen": (1, 2), 3: "x"})
    assert tracker.get_by_key("blog", "ann") == [{"seen": [1, 2], "3": "x", "ref": ref}]


@pytest.mark.parametrize("how", ["returns", "fails", "is killed", "was dead before"])
def test_what_a_greenlet_tracks_leaves_when_it_ends(tracker, how):
    is_over = gevent.event.Event()

    def live() -> None:
        is_over.wait()
        if how == "fails":
            raise OSError

    owner = gevent.spawn(live)
    if how == "was dead before":
        owner.kill()
    tracker.track(owner, "blog", "ann", INDEX)
    tracker.track(owner, "shop", "ann", INDEX)
    tracker.track("another", "blog", "bob", INDEX)
    assert tracker.count("blog") == 2
    if how == "is killed":
        owner.kill()
    is_over.set()
    owner.join(1.0)
    gevent.sleep(0)
    assert (tracker.count("blog"), tracker.count("shop")) == (1, 0)


def test_a_greenlet_that_untracked_may_go_on_and_end(tracker, diffs):
    is_over = gevent.event.Event()
    owner = gevent.spawn(is_over.wait)
    for _ in range(3):
        tracker.track(owner, "blog", "ann", INDEX)
        tracker.untrack(owner)
    told = len(diffs)
    tracker.track("another", "blog", "ann", INDEX)
    is_over.set()
    owner.join(1.0)
    gevent.sleep(0)
    assert tracker.count("blog") == 1
    assert len(diffs) == told + 1


def test_a_list_is_enriched_by_one_call_for_all_its_keys():
    calls = []

    def fetch(topic: str, presences: dict) -> dict:
        calls.append((topic, sorted(presences)))
        return {key: {**entry, "name": key.title()} for key, entry in presences.items()}

    store = Store(connect("unix:///nonexistent/valkey.sock"), "{test}")
    tracker = Tracker(store, worker="w1", fetch=fetch)
    diffs: list[Diff] = []
    tracker.subscribe(diffs.append)
    assert tracker.list("blog") == {}
    ann = {"ref": tracker.track("tab 1", "blog", "ann", {})}
    bob = {"ref": tracker.track("tab 2", "blog", "bob", {})}
    assert calls == []
    assert tracker.list("blog") == {
        "ann": {"metas": [ann], "name": "Ann"},
        "bob": {"metas": [bob], "name": "Bob"},
    }
    assert tracker.list("blog", "bob", "nobody") == {"bob": {"metas": [bob], "name": "Bob"}}
    assert tracker.list_diff("blog", diffs[0]) == {
        "joins": {"ann": {"metas": [ann], "name": "Ann"}},
        "leaves": {},
    }
    assert calls == [("blog", ["ann", "bob"]), ("blog", ["bob"]), ("blog", ["ann"])]
    assert tracker.get_by_key("blog", "ann") == [ann]


def test_the_last_meta_takes_the_key_and_the_last_key_the_topic(tracker):
    tracker.track("tab 1", "blog", "ann", INDEX)
    ref = tracker.track("tab 2", "blog", "ann", ABOUT)
    tracker.untrack("tab 1")
    assert tracker.list("blog") == {"ann": {"metas": [{"page": "about", "ref": ref}]}}
    assert (tracker.count("blog"), tracker.count("blog", distinct=True)) == (1, 1)
    tracker.untrack("tab 2")
    assert tracker.list("blog") == {}
    assert tracker.get_by_key("blog", "ann") == []
    assert (tracker.count("blog"), tracker.count("blog", distinct=True)) == (0, 0)
