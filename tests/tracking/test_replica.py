"""The replica: slots in, diffs and counts out."""

from __future__ import annotations

import pytest

from flask_presence.tracking.replica import Applied, Replica
from flask_presence.tracking.values import Diff, Presence, Tombstone, Version

FIRST = Version("a", 0)
SECOND = Version("a", 1)
THIRD = Version("a", 2)


def presence(ref: str, key: str = "ann", page: str = "index", topic: str = "blog") -> Presence:
    return Presence(ref, topic, key, {"page": page})


def replica_holding(*presences: Presence, version: Version = FIRST) -> Replica:
    replica = Replica(indexes=("page",))
    replica.replace("w1", version, presences)
    return replica


def test_a_join_is_told_and_listed():
    replica = Replica()
    assert replica.add("w1", presence("r1")) == Diff(joins=(presence("r1"),))
    assert replica.list("blog") == {"ann": {"metas": [{"page": "index", "ref": "r1"}]}}


def test_a_leave_is_told_once():
    replica = replica_holding(presence("r1"))
    assert replica.remove("w1", ["r1"]) == Diff(leaves=(presence("r1"),))
    assert not replica.remove("w1", ["r1"])
    assert not replica.remove("unknown", ["r1"])


def test_the_last_meta_takes_its_key_away_and_the_last_key_its_topic():
    replica = replica_holding(presence("r1"), presence("r2"), presence("r3", "bob"))
    replica.remove("w1", ["r1"])
    assert [meta["ref"] for meta in replica.list("blog")["ann"]["metas"]] == ["r2"]
    replica.remove("w1", ["r2"])
    assert list(replica.list("blog")) == ["bob"]
    replica.remove("w1", ["r3"])
    assert replica.list("blog") == {}
    assert replica.get_by_key("blog", "bob") == []


def test_the_metas_of_a_key_are_from_all_workers_oldest_first():
    replica = replica_holding(presence("r1"))
    replica.add("w2", presence("r2", page="about"))
    replica.add("w1", presence("r3"))
    assert [p.ref for p in replica.get_by_key("blog", "ann")] == ["r1", "r2", "r3"]


def test_the_presences_of_a_key_are_counted_in_its_topic():
    replica = replica_holding(presence("r1"), presence("r2"), presence("r3", "bob"))
    assert [replica.count_key("blog", key) for key in ("ann", "bob", "cid")] == [2, 1, 0]
    assert replica.count_key("chat", "ann") == 0


def test_topics_do_not_mix():
    replica = replica_holding(presence("r1"), presence("r2", topic="chat"))
    assert list(replica.list("chat")) == ["ann"]
    assert replica.count("blog") == 1
    assert replica.count("chat", page="index") == 1


def test_counts_are_of_presences_or_of_distinct_keys():
    replica = replica_holding(presence("r1"), presence("r2"), presence("r3", "bob", "about"))
    assert replica.count("blog") == 3
    assert replica.count("blog", distinct=True) == 2
    assert replica.count("blog", page="index") == 2
    assert replica.count("blog", page="index", distinct=True) == 1
    assert replica.count("blog", page="about") == 1
    assert replica.count("blog", page="nowhere") == 0


def test_all_values_of_an_index_are_counted_at_once():
    replica = replica_holding(presence("r1"), presence("r2"), presence("r3", "bob", "about"))
    assert replica.counts("blog", "page") == {"index": 2, "about": 1}
    assert replica.counts("blog", "page", distinct=True) == {"index": 1, "about": 1}
    replica.remove("w1", ["r3"])
    assert replica.counts("blog", "page") == {"index": 2}
    assert replica.counts("chat", "page") == {}
    with pytest.raises(ValueError, match=r"found 'size' .* expected an index \(page\)"):
        replica.counts("blog", "size")


def test_a_key_seen_by_two_workers_is_one_key():
    replica = replica_holding(presence("r1"))
    replica.add("w2", presence("r2"))
    assert (replica.count("blog"), replica.count("blog", distinct=True)) == (2, 1)
    replica.drop("w2")
    assert (replica.count("blog"), replica.count("blog", distinct=True)) == (1, 1)


def test_counting_by_what_is_no_index_says_what_is():
    with pytest.raises(ValueError, match=r"found 'size' .* expected an index \(page\)"):
        replica_holding().count("blog", size=1)
    with pytest.raises(ValueError, match="found 2 fields to count by"):
        replica_holding().count("blog", page="index", size=1)


def test_a_presence_without_the_indexed_field_counts_in_all_only():
    replica = replica_holding(Presence("r1", "blog", "ann", {}))
    assert replica.count("blog") == 1
    assert replica.count("blog", page=None) == replica.recount("blog", page=None) == 0


def test_a_message_that_follows_is_applied():
    replica = replica_holding(presence("r1"))
    applied, diff = replica.apply("w1", FIRST, SECOND, [presence("r2", "bob")], ["r1"])
    assert applied is Applied.YES
    assert diff == Diff(joins=(presence("r2", "bob"),), leaves=(presence("r1"),))
    assert replica.version("w1") == SECOND


@pytest.mark.parametrize(
    ("prev", "new", "applied"),
    [
        (FIRST, FIRST, Applied.OLD),
        (FIRST, SECOND, Applied.OLD),
        (THIRD, Version("a", 3), Applied.GAP),
        (FIRST, THIRD, Applied.GAP),
        (Version("b", 0), Version("b", 1), Applied.GAP),
        (Version("b", 1), Version("b", 1), Applied.GAP),
    ],
)
def test_a_message_that_does_not_follow_changes_nothing(prev, new, applied):
    replica = replica_holding(presence("r1"), version=SECOND)
    assert replica.apply("w1", prev, new, [presence("r9")], ["r1"]) == (applied, Diff())
    assert replica.version("w1") == SECOND
    assert replica.presences("w1") == {"r1": presence("r1")}


def test_a_message_of_an_unknown_worker_is_a_gap():
    assert replica_holding().apply("w9", FIRST, SECOND, [], []) == (Applied.GAP, Diff())


def test_a_heartbeat_that_meets_the_held_version_changes_nothing():
    replica = replica_holding(presence("r1"))
    assert replica.apply("w1", FIRST, FIRST, [], []) == (Applied.YES, Diff())


def test_a_heartbeat_ahead_of_the_held_version_shows_a_loss():
    assert replica_holding().apply("w1", SECOND, SECOND, [], []) == (Applied.GAP, Diff())


def test_replacing_a_slot_tells_only_what_is_different():
    replica = replica_holding(presence("r1"), presence("r2", "bob"))
    diff = replica.replace("w1", Version("b", 0), [presence("r2", "bob"), presence("r3", "cid")])
    assert diff == Diff(joins=(presence("r3", "cid"),), leaves=(presence("r1"),))
    assert replica.version("w1") == Version("b", 0)


def test_dropping_a_worker_tells_that_all_of_it_left():
    replica = replica_holding(presence("r1"), presence("r2", "bob"))
    replica.add("w2", presence("r3", "cid"))
    assert replica.drop("w1") == Diff(leaves=(presence("r1"), presence("r2", "bob")))
    assert list(replica.list("blog")) == ["cid"]
    assert replica.workers() == ["w2"]
    assert not replica.drop("w1")
    assert replica.version("w1") is None


def test_what_joins_and_leaves_again_is_in_neither_side_of_the_sum():
    come = Diff(joins=(presence("r1"), presence("r2")))
    gone = Diff(leaves=(presence("r1"), presence("r0")))
    assert come + gone == Diff(joins=(presence("r2"),), leaves=(presence("r0"),))


def returned(ref: str, prev_ref: str, key: str = "ann", topic: str = "blog") -> Presence:
    return Presence(ref, topic, key, {"page": "index"}, prev_ref)


def shown(replica: Replica) -> list[str]:
    metas = [entry["metas"] for entry in replica.list("blog").values()]
    refs = [meta["ref"] for some in metas for meta in some]
    assert replica.count("blog") == replica.recount("blog") == len(refs)
    return refs


def test_what_has_come_back_at_another_worker_is_not_shown_twice():
    replica = replica_holding(presence("r1"), presence("r2", "bob"))
    assert replica.add("w2", returned("r3", "r1")) == Diff(
        (returned("r3", "r1"),), (presence("r1"),)
    )
    assert shown(replica) == ["r2", "r3"]
    assert replica.get_by_key("blog", "ann") == [returned("r3", "r1")]
    # The slot that it was in ends at last: nobody who is shown left with r1.
    assert replica.drop("w1") == Diff(leaves=(presence("r2", "bob"),))
    assert shown(replica) == ["r3"]


def test_what_is_heard_of_late_is_not_shown_when_it_has_come_back_already():
    """A new worker: its first tabs are here before it has read the slot that they were in."""
    replica = Replica(indexes=("page",))
    replica.add("w2", returned("r3", "r1"))
    assert replica.replace("w1", FIRST, [presence("r1")]) == Diff()
    assert shown(replica) == ["r3"]
    assert replica.presences("w1") == {"r1": presence("r1")}


def test_what_came_back_and_left_again_is_shown_until_its_old_slot_ends():
    replica = replica_holding(presence("r1"))
    replica.add("w2", returned("r3", "r1"))
    diff = replica.remove("w2", ["r3"])
    assert diff == Diff((presence("r1"),), (returned("r3", "r1"),))
    assert shown(replica) == ["r1"]


def test_a_tombstone_is_never_shown_and_keeps_hidden_what_it_names():
    replica = replica_holding(presence("r1"))
    replica.add("w2", returned("r3", "r1"))
    stone = Tombstone("r4", "blog", "ann", {}, "r1")
    diff = replica.replace("w2", FIRST, [stone])
    assert diff == Diff(leaves=(returned("r3", "r1"),))
    assert shown(replica) == []
    assert replica.is_hidden(("blog", "ann", "r1"))
    newcomer = Replica()
    assert not newcomer.replace("w2", FIRST, [stone])
    assert not newcomer.replace("w1", FIRST, [presence("r1")])
    assert shown(newcomer) == []
    assert replica.drop("w1") == replica.drop("w2") == Diff()


def test_one_that_came_back_twice_is_shown_once():
    """Of a chain the last; and where two say that they were the same one, both."""
    replica = replica_holding(presence("r1"))
    replica.add("w2", returned("r2", "r1"))
    replica.add("w3", returned("r3", "r2"))
    assert shown(replica) == ["r3"]
    assert replica.drop("w2") == Diff((presence("r1"),))
    replica.add("w4", returned("r4", "r1"))
    replica.add("w4", returned("r5", "r1"))
    assert shown(replica) == ["r3", "r4", "r5"]
    replica.remove("w4", ["r4"])
    assert shown(replica) == ["r3", "r5"]


def test_nobody_can_hide_another_reader():
    """The ref comes from the client; it counts under the client's own key and topic only."""
    replica = replica_holding(presence("r1"))
    replica.add("w2", returned("r2", "r1", key="eve"))
    replica.add("w2", returned("r3", "r1", topic="chat"))
    assert shown(replica) == ["r1", "r2"]


def test_one_that_names_itself_shows_nothing_and_breaks_nothing():
    """No tracker writes it; another program on our Redis might."""
    replica = replica_holding(presence("r1"))
    assert replica.add("w2", returned("r2", "r2")) == Diff()
    assert replica.drop("w2") == Diff()
    assert shown(replica) == ["r1"]


def test_an_update_is_told_with_both_its_refs():
    replica = replica_holding(presence("r1"))
    _, diff = replica.apply("w1", FIRST, SECOND, [returned("r2", "r1")], ["r1"])
    assert diff == Diff((returned("r2", "r1"),), (presence("r1"),))
    assert shown(replica) == ["r2"]


def test_a_diff_is_divided_by_topic():
    chat = presence("r2", topic="chat")
    diff = Diff(joins=(presence("r1"), chat))
    assert diff.topics() == {"blog", "chat"}
    assert diff.only("chat") == Diff(joins=(chat,))
    assert not diff.only("elsewhere")


def test_a_diff_is_shown_as_lists_with_both_refs_of_an_update():
    new = Presence("r2", "blog", "ann", {"page": "about"}, prev_ref="r1")
    assert Diff((new,), (presence("r1"),)).as_lists() == {
        "joins": {"ann": {"metas": [{"page": "about", "ref": "r2", "prev_ref": "r1"}]}},
        "leaves": {"ann": {"metas": [{"page": "index", "ref": "r1"}]}},
    }


@pytest.mark.parametrize("text", ["", "7", ".7", "a.", "a.b", "*"])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - "a.b" is told by int() itself
        Version.parse(text)


def test_a_version_is_read_back():
    assert Version.parse(str(Version("ab.cd", 12))) == Version("ab.cd", 12)


def test_a_value_that_cannot_be_counted_by_is_listed_all_the_same():
    """A tracker refuses it; another program on our Redis might not."""
    replica = Replica(indexes=("page",))
    replica.add("w1", Presence("r1", "blog", "ann", {"page": ["index"]}))
    assert replica.list("blog") == {"ann": {"metas": [{"page": ["index"], "ref": "r1"}]}}
    assert replica.count("blog") == 1
    replica.remove("w1", ["r1"])
    assert replica.list("blog") == {}
