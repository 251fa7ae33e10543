"""What one worker knows of every slot. Pure: slots in, diffs and counts out; no I/O, no clock."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self


@dataclass(frozen=True, slots=True)
class Presence:
    """One tracked thing: what Phoenix calls a meta with its ref.

    `ref` is unique over all workers. `prev_ref` is the ref it had before its last update.
    """

    ref: str
    topic: str
    key: str
    meta: Mapping[str, Any]
    prev_ref: str | None = None

    def as_meta(self) -> dict[str, Any]:
        """Return the meta as `list` shows it: with its `ref`, and `prev_ref` after an update."""
        refs = {"ref": self.ref}
        if self.prev_ref is not None:
            refs["prev_ref"] = self.prev_ref
        return {**self.meta, **refs}


class Version(NamedTuple):
    """How far a slot has come: `seq` grows within an `epoch`; a put begins a new epoch."""

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `epoch.seq`. Raises `ValueError` for anything else."""
        epoch, separator, seq = text.rpartition(".")
        if not separator or not epoch:
            raise ValueError(f"found {text!r} as a slot's version, expected epoch.seq")
        return cls(epoch, int(seq))


@dataclass(frozen=True, slots=True)
class Diff:
    """A change: replayed on an older list (leaves out by ref, joins in), it gives the newer one."""

    joins: tuple[Presence, ...] = ()
    leaves: tuple[Presence, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.joins or self.leaves)

    def __add__(self, later: Diff) -> Diff:
        """Return one diff for both; what joined in the first and left in the second is in neither.

        Order matters: `self` came first.
        """
        left = {presence.ref for presence in later.leaves}
        joined = {presence.ref for presence in self.joins}
        return Diff(
            tuple(p for p in self.joins if p.ref not in left) + later.joins,
            self.leaves + tuple(p for p in later.leaves if p.ref not in joined),
        )

    def topics(self) -> set[str]:
        """Return the topics that changed."""
        return {presence.topic for presence in (*self.joins, *self.leaves)}

    def only(self, topic: str) -> Diff:
        """Return the part of this diff that is of one topic."""
        return Diff(
            tuple(p for p in self.joins if p.topic == topic),
            tuple(p for p in self.leaves if p.topic == topic),
        )

    def as_lists(self) -> dict[str, dict[str, Any]]:
        """Return `{"joins": list, "leaves": list}`, each in the form that `Tracker.list` has."""
        return {"joins": group_by_key(self.joins), "leaves": group_by_key(self.leaves)}


class Applied(enum.Enum):
    """What became of a message."""

    YES = "applied"
    OLD = "older than what is held"
    GAP = "does not follow what is held"


@dataclass(slots=True)
class _HeldSlot:
    version: Version | None = None
    presences: dict[str, Presence] = field(default_factory=dict)


class _Tally:
    """How many presences and how many distinct keys share one value. O(1) to change and read."""

    __slots__ = ("by_key", "presences")

    def __init__(self) -> None:
        self.presences = 0
        self.by_key: dict[str, int] = {}

    def add(self, key: str, change: int) -> None:
        self.presences += change
        count = self.by_key.get(key, 0) + change
        if count:
            self.by_key[key] = count
        else:
            del self.by_key[key]


# Replica.list hides the built-in of that name in the class.
Presences = list[Presence]
Places = list[tuple[tuple[str, str], object]]


class Replica:
    """Every slot as last heard, and the counts derived from them.

    `indexes` are the fields of the meta by which can be counted. Not safe for threads; greenlets
    may share it, because no method yields.
    """

    def __init__(self, indexes: Sequence[str] = ()) -> None:
        self._indexes = tuple(indexes)
        self._slots: dict[str, _HeldSlot] = {}
        self._topics: dict[str, dict[str, dict[str, Presence]]] = {}
        # By topic and index (none: ""), then by value.
        self._tallies: dict[tuple[str, str], dict[object, _Tally]] = {}

    def add(self, worker: str, presence: Presence) -> Diff:
        """Put one presence into a worker's slot, replacing one of the same ref."""
        slot = self._slots.setdefault(worker, _HeldSlot())
        leaves = self._take_out(slot, [presence.ref])
        self._put_in(slot, presence)
        return Diff((presence,), leaves)

    def remove(self, worker: str, refs: Iterable[str]) -> Diff:
        """Take presences out of a worker's slot; refs that are not there are passed over."""
        slot = self._slots.get(worker)
        return Diff((), self._take_out(slot, refs)) if slot else Diff()

    def apply(
        self,
        worker: str,
        prev: Version,
        new: Version,
        joins: Iterable[Presence],
        leaves: Iterable[str],
    ) -> tuple[Applied, Diff]:
        """Apply a message if it follows the version that is held; else change nothing.

        A heartbeat is a message with `prev == new` and no changes: where it does not meet the
        version that is held, something was lost, and it says so by `Applied.GAP`.
        """
        slot = self._slots.get(worker)
        held = slot.version if slot else None
        if slot is None or held is None:
            return Applied.GAP, Diff()
        if new.epoch == held.epoch and new.seq < held.seq:
            return Applied.OLD, Diff()
        if new == held:
            return (Applied.YES if prev == new else Applied.OLD), Diff()
        if prev != held:
            return Applied.GAP, Diff()
        gone = self._take_out(slot, leaves)
        come = tuple(joins)
        for presence in come:
            self._put_in(slot, presence)
        slot.version = new
        return Applied.YES, Diff(come, gone)

    def replace(self, worker: str, version: Version, presences: Iterable[Presence]) -> Diff:
        """Take over a whole slot. The diff holds only what is different."""
        slot = self._slots.setdefault(worker, _HeldSlot())
        wanted = {presence.ref: presence for presence in presences}
        gone = self._take_out(slot, [ref for ref in slot.presences if ref not in wanted])
        come = tuple(p for ref, p in wanted.items() if ref not in slot.presences)
        for presence in come:
            self._put_in(slot, presence)
        slot.version = version
        return Diff(come, gone)

    def drop(self, worker: str) -> Diff:
        """Forget a worker and everything in its slot."""
        slot = self._slots.get(worker)
        if slot is None:
            return Diff()
        gone = self._take_out(slot, list(slot.presences))
        del self._slots[worker]
        return Diff((), gone)

    def workers(self) -> Iterable[str]:
        """Return the workers whose slots are held."""
        return list(self._slots)

    def version(self, worker: str) -> Version | None:
        """Return the version held of a worker's slot, None where none is."""
        slot = self._slots.get(worker)
        return slot.version if slot else None

    def presences(self, worker: str) -> dict[str, Presence]:
        """Return a copy of what is held of one worker's slot: ref → presence."""
        slot = self._slots.get(worker)
        return dict(slot.presences) if slot else {}

    def list(self, topic: str, *keys: str) -> dict[str, Any]:
        """Return keys of a topic, or all: `{key: {"metas": [meta, …]}}`; oldest meta first."""
        held = self._topics.get(topic, {})
        wanted = {key: held[key] for key in keys if key in held} if keys else held
        return {
            key: {"metas": [presence.as_meta() for presence in refs.values()]}
            for key, refs in wanted.items()
        }

    def get_by_key(self, topic: str, key: str) -> Presences:
        """Return the presences of one key; empty where there are none."""
        return list(self._topics.get(topic, {}).get(key, {}).values())

    def count(self, topic: str, *, distinct: bool = False, **where: object) -> int:
        """Count presences, or with `distinct` their keys, in O(1).

        `where` names at most one index and its value. Raises `ValueError` for a field that was not
        declared an index.
        """
        tally = self._tally(topic, where)
        if tally is None:
            return 0
        return len(tally.by_key) if distinct else tally.presences

    def counts(self, topic: str, index: str, *, distinct: bool = False) -> dict[Any, int]:
        """Count as `count` does, for every value of an index that has presences: value → count.

        Raises `ValueError` for a field that was not declared an index.
        """
        self._check_index(index)
        tallies = self._tallies.get((topic, index), {})
        if distinct:
            return {value: len(tally.by_key) for value, tally in tallies.items()}
        return {value: tally.presences for value, tally in tallies.items()}

    def recount(self, topic: str, *, distinct: bool = False, **where: object) -> int:
        """Count as `count` does, from the presences themselves in O(n): for tests and doubts."""
        return _recount(self._slots.values(), topic, distinct=distinct, where=where)

    def _tally(self, topic: str, where: Mapping[str, object]) -> _Tally | None:
        if len(where) > 1:
            raise ValueError(f"found {len(where)} fields to count by, expected one or none")
        for name, value in where.items():
            self._check_index(name)
            return self._tallies.get((topic, name), {}).get(value)
        return self._tallies.get((topic, ""), {}).get(None)

    def _check_index(self, name: str) -> None:
        if name not in self._indexes:
            known = ", ".join(self._indexes) or "none"
            raise ValueError(f"found {name!r} to count by, expected an index ({known})")

    def _places(self, presence: Presence) -> Places:
        places: Places = [((presence.topic, ""), None)]
        for name in self._indexes:
            value = presence.meta.get(name)
            # Another program may have written anything; only a scalar can be counted by.
            if name in presence.meta and isinstance(value, str | int | float | bool | None):
                places.append(((presence.topic, name), value))
        return places

    def _put_in(self, slot: _HeldSlot, presence: Presence) -> None:
        slot.presences[presence.ref] = presence
        keys = self._topics.setdefault(presence.topic, {})
        keys.setdefault(presence.key, {})[presence.ref] = presence
        for place, value in self._places(presence):
            tallies = self._tallies.setdefault(place, {})
            tally = tallies.get(value)
            if tally is None:
                tally = tallies[value] = _Tally()
            tally.add(presence.key, 1)

    def _take_out(self, slot: _HeldSlot, refs: Iterable[str]) -> tuple[Presence, ...]:
        gone = []
        for ref in refs:
            presence = slot.presences.pop(ref, None)
            if presence is None:
                continue
            gone.append(presence)
            keys = self._topics[presence.topic]
            del keys[presence.key][ref]
            if not keys[presence.key]:
                del keys[presence.key]
            if not keys:
                del self._topics[presence.topic]
            for place, value in self._places(presence):
                tallies = self._tallies[place]
                tally = tallies[value]
                tally.add(presence.key, -1)
                if not tally.presences:
                    del tallies[value]
                    if not tallies:
                        del self._tallies[place]
        return tuple(gone)


def group_by_key(presences: Iterable[Presence]) -> dict[str, Any]:
    """Group presences as `Tracker.list` shows them: `{key: {"metas": [meta, …]}}`."""
    keys: dict[str, Any] = {}
    for presence in presences:
        keys.setdefault(presence.key, {"metas": []})["metas"].append(presence.as_meta())
    return keys


def _recount(
    slots: Iterable[_HeldSlot], topic: str, *, distinct: bool, where: Mapping[str, object]
) -> int:
    def matches(presence: Presence) -> bool:
        return presence.topic == topic and all(
            name in presence.meta and presence.meta[name] == value for name, value in where.items()
        )

    keys = [p.key for slot in slots for p in slot.presences.values() if matches(p)]
    return len(set(keys)) if distinct else len(keys)


Listener = Callable[[Diff], None]
