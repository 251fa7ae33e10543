"""Whatever happens to a replica, its diffs tell it and its counts are true."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flask_presence.tracking.replica import Replica
from flask_presence.tracking.values import Diff, Presence, Version

WORKERS = ("w1", "w2")
TOPICS = ("blog", "chat")
PAGES = ("index", "about", None)

# What happens: (worker, what, which refs of that worker, on which key and page). A ref carries its
# worker's name, as a tracker's refs do, and stands for one presence for ever.
numbers = st.sets(st.integers(0, 7), max_size=4)
steps = st.lists(
    st.tuples(
        st.sampled_from(WORKERS),
        st.sampled_from(["add", "remove", "apply", "apply late", "replace", "drop"]),
        numbers,
        numbers,
    ),
    max_size=30,
)


def make(worker: str, number: int) -> Presence:
    page = PAGES[number % 3]
    meta = {} if page is None else {"page": page}
    return Presence(f"{worker}-{number}", TOPICS[number % 2], "abc"[number // 3], meta)


def take_step(
    replica: Replica, worker: str, what: str, come: list[Presence], gone: list[Presence]
) -> Diff:
    held = replica.presences(worker)
    version = replica.version(worker) or Version("e", 0)
    later = Version(version.epoch, version.seq + 1)
    leaves = [presence.ref for presence in gone]
    joins = [p for p in come if p.ref not in held and p.ref not in leaves]
    match what:
        case "add":
            return replica.add(worker, come[0]) if come else Diff()
        case "remove":
            return replica.remove(worker, leaves)
        case "apply":
            return replica.apply(worker, version, later, joins, leaves)[1]
        case "apply late":
            return replica.apply(worker, later, later, joins, leaves)[1]
        case "replace":
            return replica.replace(worker, later, come)
        case _:
            return replica.drop(worker)


def refs_in(replica: Replica) -> set[str]:
    return {
        meta["ref"]
        for topic in TOPICS
        for entry in replica.list(topic).values()
        for meta in entry["metas"]
    }


def replay(refs: set[str], diff: Diff) -> set[str]:
    return (refs - {p.ref for p in diff.leaves}) | {p.ref for p in diff.joins}


@given(steps)
def test_diffs_replayed_on_an_older_list_give_the_newer_one(happenings):
    """Step by step, and as one sum over all steps."""
    replica = Replica(indexes=("page",))
    whole = Diff()
    for worker, what, come, gone in happenings:
        before = refs_in(replica)
        diff = take_step(
            replica,
            worker,
            what,
            [make(worker, number) for number in sorted(come)],
            [make(worker, number) for number in sorted(gone)],
        )
        assert replay(before, diff) == refs_in(replica)
        whole = whole + diff
    assert replay(set(), whole) == refs_in(replica)
    assert not {p.ref for p in whole.leaves}, "nothing leaves that was not there before"


@given(steps)
def test_every_count_equals_a_recount(happenings):
    replica = Replica(indexes=("page",))
    for worker, what, come, gone in happenings:
        take_step(
            replica,
            worker,
            what,
            [make(worker, number) for number in sorted(come)],
            [make(worker, number) for number in sorted(gone)],
        )
        places: list[dict[str, Any]] = [{}, {"page": "index"}, {"page": "about"}]
        for topic in TOPICS:
            for where in places:
                for distinct in (False, True):
                    assert replica.count(topic, distinct=distinct, **where) == replica.recount(
                        topic, distinct=distinct, **where
                    )
