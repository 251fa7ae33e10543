"""The roster: the same order on every worker, whatever each heard first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_presence.tracking.replica import Replica
from flask_presence.tracking.roster import REOPENS, ROOM, Roster
from flask_presence.tracking.values import Diff, Presence, Version

WORKERS = ("w1", "w2", "w3")
PAGES = ("index", "about")

# What the workers do: who, whether one joins, leaves or comes back from anywhere, and which.
doings = st.lists(
    st.tuples(
        st.sampled_from(WORKERS),
        st.sampled_from(["join", "join", "leave", "return"]),
        st.integers(0, 30),
        st.integers(0, 5),
    ),
    max_size=25,
)
Told = tuple[str, list[Presence], list[str]]


def tell_all(happened: list[tuple[str, str, int, int]]) -> list[Told]:
    """Return what each worker publishes: joins and leaves, of presences that come back as well."""
    told: list[Told] = []
    open_ones: dict[str, tuple[str, Presence]] = {}
    for number, (worker, what, which, joined_at) in enumerate(happened):
        refs = list(open_ones)
        if what == "join" or not refs:
            key, page = "abcd"[which % 4], PAGES[which % 2]
            meta = {"page": page, "joined_at": joined_at, "face": number}
            new = Presence(f"{worker}-{number}", "readers", key, meta)
        else:
            holder, old = open_ones.pop(refs[which % len(refs)])
            told.append((holder, [], [old.ref]))
            if what == "leave":
                continue
            new = Presence(f"{worker}-{number}", "readers", old.key, old.meta, old.ref)
        told.append((worker, [new], []))
        open_ones[new.ref] = (worker, new)
    return told


def order_of(replica: Replica, page: str, *, distinct: bool) -> list[Presence]:
    """Sort all that a replica shows, as the roster should have it."""
    shown = [p for worker in WORKERS for p in replica.shown(worker) if p.meta["page"] == page]
    shown.sort(key=lambda p: (p.meta["joined_at"], p.key, p.ref))
    if not distinct:
        return shown
    oldest = {p.key: p for p in reversed(shown)}
    return [p for p in shown if oldest[p.key] is p]


def hear(told: list[Told], turns: list[int], *, distinct: bool) -> Roster:
    """Apply what every worker told, each one's in its order, but mixed as the turns say."""
    replica, roster = Replica(), Roster("page", distinct=distinct)
    waiting = {worker: [one for one in told if one[0] == worker] for worker in WORKERS}
    versions = {worker: Version("e", 0) for worker in WORKERS}
    for worker in WORKERS:
        replica.replace(worker, versions[worker], ())
    at = 0
    while any(waiting.values()):
        worker = WORKERS[turns[at % len(turns)] % 3] if turns else WORKERS[0]
        worker = worker if waiting[worker] else next(w for w in WORKERS if waiting[w])
        at += 1
        _, joins, leaves = waiting[worker].pop(0)
        before = versions[worker]
        versions[worker] = Version("e", before.seq + 1)
        roster.apply(replica.apply(worker, before, versions[worker], joins, leaves)[1])
        for page in PAGES:
            expected = order_of(replica, page, distinct=distinct)
            assert list(roster.iterate(page)) == expected
            assert (roster.count(page), roster.first(page, 3)) == (len(expected), expected[:3])
    return roster


@given(doings, st.lists(st.integers(0, 2), max_size=20), st.booleans())
def test_any_order_of_the_same_diffs_gives_the_same_first_on_every_worker(
    happened, turns, distinct
):
    told = tell_all(happened)
    one = hear(told, [], distinct=distinct)
    other = hear(told, turns, distinct=distinct)
    for page in PAGES:
        assert one.first(page) == other.first(page)
        assert one.count(page) == other.count(page)


def presence(ref: str, key: str, joined_at: Any = 0, **more: Any) -> Presence:
    return Presence(ref, "readers", key, {"page": "a", "joined_at": joined_at, **more})


def faces(roster: Roster) -> list[Any]:
    return [p.meta.get("face") for p in roster.first("a", 6)]


def test_who_comes_back_keeps_place_and_meta():
    roster = Roster("page")
    ann, bob, cas = (
        presence(f"w1-{n}", key, joined_at=n, face=n * 10)
        for n, key in enumerate(["ann", "bob", "cas"])
    )
    roster.apply(Diff(joins=(cas, ann, bob)))
    back = Presence("w2-1", "readers", "ann", ann.meta, "w1-0")
    roster.apply(Diff(joins=(back,), leaves=(ann,)))
    assert faces(roster) == [0, 10, 20]
    assert [p.ref for p in roster.first("a", 2)] == ["w2-1", "w1-1"]


def test_a_reader_with_several_tabs_stands_once_where_distinct_ones_do():
    roster = Roster("page", distinct=True)
    tabs = [presence(f"w1-{n}", "ann", joined_at=n, face=n) for n in (2, 1, 3)]
    for tab in tabs:
        roster.apply(Diff(joins=(tab,)))
    roster.apply(Diff(joins=(presence("w1-4", "bob", joined_at=2, face=9),)))
    assert (faces(roster), roster.count("a")) == ([1, 9], 2)
    roster.apply(Diff(leaves=(tabs[1],)))
    assert (faces(roster), roster.count("a")) == ([2, 9], 2)
    roster.apply(Diff(leaves=(tabs[0], tabs[2])))
    assert (faces(roster), roster.count("a")) == ([9], 1)


def test_a_room_that_was_full_is_one_again_when_there_is_room():
    roster = Roster("page")
    all_of_them = [presence(f"w1-{n}", f"k{n}", joined_at=n) for n in range(ROOM + 1)]
    roster.apply(Diff(joins=tuple(all_of_them[:ROOM])))
    assert roster.is_room("a")
    roster.apply(Diff(joins=(all_of_them[ROOM],)))
    assert not roster.is_room("a")
    count = ROOM + 1
    while not roster.is_room("a"):
        count -= 1
        roster.apply(Diff(leaves=(all_of_them[count],)))
    assert count == REOPENS - 1
    assert roster.is_room("nobody is there")


@pytest.mark.parametrize("joined_at", [None, "yesterday", True, [1]])
def test_what_others_wrote_stands_first_and_goes_again(joined_at):
    roster = Roster("page")
    strange = Presence("x", "readers", "k", {"page": ["no", "text"], "joined_at": 1})
    odd = presence("w0-1", "k", joined_at=joined_at)
    roster.apply(Diff(joins=(presence("w1-1", "ann", joined_at=5), odd, strange)))
    assert roster.first("a", 1) == [odd]
    assert roster.count(None) == 1
    roster.apply(Diff(leaves=(odd, strange, presence("never there", "k"))))
    assert (roster.count("a"), roster.count(None)) == (1, 0)


def test_its_version_is_another_one_after_each_change():
    roster = Roster("page")
    ann = presence("w1-1", "ann")
    seen = [roster.version("a")]
    for diff in [Diff(joins=(ann,)), Diff(leaves=(ann,)), Diff(joins=(ann,))]:
        roster.apply(diff)
        seen.append(roster.version("a"))
    assert seen[0] == seen[2] == 0
    assert len({*seen}) == 3
