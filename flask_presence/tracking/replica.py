"""What one worker knows of every slot. Pure: slots in, diffs and counts out; no I/O, no clock."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .counters import Counters
from .values import Diff, Presence, Tombstone, Version


class Applied(enum.Enum):
    """What became of a message."""

    YES = "applied"
    OLD = "older than what is held"
    GAP = "does not follow what is held"


@dataclass(slots=True)
class _HeldSlot:
    version: Version | None = None
    presences: dict[str, Presence] = field(default_factory=dict)


# Replica.list hides the built-in of that name in the class.
Presences = list[Presence]
Named = tuple[str, str, str]
_NO_KEYS: Mapping[str, dict[str, Presence]] = {}


class _Change:
    """Collects the diff that a step makes to the shown presences."""

    def __init__(self) -> None:
        self._joins: dict[str, Presence] = {}
        self._leaves: dict[str, Presence] = {}

    def show(self, presence: Presence) -> None:
        if self._leaves.get(presence.ref) == presence:
            del self._leaves[presence.ref]
        else:
            self._joins[presence.ref] = presence

    def hide(self, presence: Presence) -> None:
        if self._joins.pop(presence.ref, None) is None:
            self._leaves[presence.ref] = presence

    def diff(self) -> Diff:
        return Diff(tuple(self._joins.values()), tuple(self._leaves.values()))


class Replica:
    """Every slot as last heard, and the counts derived from them.

    A presence is hidden if another of the same topic and key names it as its `prev_ref`: it has
    come back as that one, and its old slot, of a worker that drains or died, has just not ended
    yet. A tombstone hides a presence in the same way and is not shown itself. Lists, counts and
    diffs cover only shown presences. `indexes` are the fields of the meta by which presences can be
    counted. Not safe for threads; greenlets may share it, because no method yields.
    """

    def __init__(self, indexes: Sequence[str] = ()) -> None:
        self._slots: dict[str, _HeldSlot] = {}
        self._topics: dict[str, dict[str, dict[str, Presence]]] = {}
        # How many presences name each one as their `prev_ref`, and which of the named ones are
        # held.
        self._successors: dict[Named, int] = {}
        self._hidden: dict[Named, Presence] = {}
        self.counters = Counters(indexes)

    def add(self, worker: str, presence: Presence) -> Diff:
        """Put one presence into a worker's slot, replacing one of the same ref."""
        slot = self._hold(worker)
        change = _Change()
        if presence.ref in slot.presences:
            self._take_out(slot, [presence.ref], change)
        self._put_in(slot, [presence], change)
        return change.diff()

    def remove(self, worker: str, refs: Iterable[str]) -> Diff:
        """Take presences out of a worker's slot; unknown refs are skipped."""
        slot = self._slots.get(worker)
        change = _Change()
        if slot is not None:
            self._take_out(slot, refs, change)
        return change.diff()

    def apply(
        self,
        worker: str,
        prev: Version,
        new: Version,
        joins: Iterable[Presence],
        leaves: Iterable[str],
    ) -> tuple[Applied, Diff]:
        """Apply a message if it follows the version that is held; else change nothing.

        A heartbeat is a message with `prev == new` and no changes: if that is not the version held,
        a message was lost, and `apply` returns `Applied.GAP`.
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
        change = _Change()
        self._take_out(slot, leaves, change)
        self._put_in(slot, joins, change)
        slot.version = new
        return Applied.YES, change.diff()

    def replace(self, worker: str, version: Version, presences: Iterable[Presence]) -> Diff:
        """Take over a whole slot. The diff holds only what is different."""
        slot = self._hold(worker)
        wanted = {presence.ref: presence for presence in presences}
        change = _Change()
        self._take_out(slot, [ref for ref in slot.presences if ref not in wanted], change)
        self._put_in(slot, [p for ref, p in wanted.items() if ref not in slot.presences], change)
        slot.version = version
        return change.diff()

    def drop(self, worker: str) -> Diff:
        """Forget a worker and everything in its slot."""
        slot = self._slots.get(worker)
        if slot is None:
            return Diff()
        change = _Change()
        self._take_out(slot, list(slot.presences), change)
        del self._slots[worker]
        return change.diff()

    def workers(self) -> Iterable[str]:
        """Return the workers whose slots are held."""
        return list(self._slots)

    def version(self, worker: str) -> Version | None:
        """Return the version held of a worker's slot; None if none is held."""
        slot = self._slots.get(worker)
        return slot.version if slot else None

    def presences(self, worker: str) -> dict[str, Presence]:
        """Return a copy of one worker's slot as held: ref → presence."""
        slot = self._slots.get(worker)
        return dict(slot.presences) if slot else {}

    def shown(self, worker: str) -> tuple[Presence, ...]:
        """Return the shown presences of one worker's slot."""
        return tuple(
            p
            for p in self.presences(worker).values()
            if not (isinstance(p, Tombstone) or self.is_hidden((p.topic, p.key, p.ref)))
        )

    def is_hidden(self, named: Named) -> bool:
        """Tell whether a presence (topic, key, ref) is held, but not shown: another names it."""
        return named in self._hidden

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

    def count_key(self, topic: str, key: str) -> int:
        """Count the presences of one key. O(1)."""
        return len(self._topics.get(topic, _NO_KEYS).get(key, ()))

    def count(self, topic: str, *, distinct: bool = False, **where: object) -> int:
        """Count presences, or with `distinct` their keys, in O(1).

        `where` names at most one index and its value. Raises `ValueError` for a field that was not
        declared an index.
        """
        return self.counters.count(topic, where, distinct=distinct)

    def counts(self, topic: str, index: str, *, distinct: bool = False) -> dict[Any, int]:
        """Count as `count` does, for every value of an index that has presences: value → count.

        Raises `ValueError` for a field that was not declared an index.
        """
        return self.counters.counts(topic, index, distinct=distinct)

    def recount(self, topic: str, *, distinct: bool = False, **where: object) -> int:
        """Count as `count` does, but from the presences in O(n): to check the counters."""
        return _recount(self._slots.values(), topic, distinct=distinct, where=where)

    def _hold(self, worker: str) -> _HeldSlot:
        slot = self._slots.get(worker)
        if slot is None:
            slot = self._slots[worker] = _HeldSlot()
        return slot

    def _put_in(self, slot: _HeldSlot, presences: Iterable[Presence], change: _Change) -> None:
        for presence in presences:
            slot.presences[presence.ref] = presence
            if presence.prev_ref is not None:
                self._succeed((presence.topic, presence.key, presence.prev_ref), change)
            if isinstance(presence, Tombstone):
                continue
            own = (presence.topic, presence.key, presence.ref)
            if own in self._successors:
                self._hidden[own] = presence
            else:
                self._show(presence, change)

    def _take_out(self, slot: _HeldSlot, refs: Iterable[str], change: _Change) -> None:
        for ref in refs:
            presence = slot.presences.pop(ref, None)
            if presence is None:
                continue
            hidden = self._hidden.pop((presence.topic, presence.key, ref), None)
            if hidden is None and not isinstance(presence, Tombstone):
                self._hide(presence, change)
            if presence.prev_ref is not None:
                self._fail((presence.topic, presence.key, presence.prev_ref), change)

    def _succeed(self, named: Named, change: _Change) -> None:
        """Note that one more presence names this one as its `prev_ref`."""
        self._successors[named] = self._successors.get(named, 0) + 1
        topic, key, ref = named
        shown = self._topics.get(topic, {}).get(key, {}).get(ref)
        if shown is not None:
            self._hide(shown, change)
            self._hidden[named] = shown

    def _fail(self, named: Named, change: _Change) -> None:
        """Note that a presence which names this one is gone."""
        self._successors[named] -= 1
        if not self._successors[named]:
            del self._successors[named]
            hidden = self._hidden.pop(named, None)
            if hidden is not None:
                self._show(hidden, change)

    def _show(self, presence: Presence, change: _Change) -> None:
        change.show(presence)
        keys = self._topics.setdefault(presence.topic, {})
        keys.setdefault(presence.key, {})[presence.ref] = presence
        self.counters.add(presence.topic, presence.key, presence.meta, 1)

    def _hide(self, presence: Presence, change: _Change) -> None:
        change.hide(presence)
        keys = self._topics[presence.topic]
        del keys[presence.key][presence.ref]
        if not keys[presence.key]:
            del keys[presence.key]
        if not keys:
            del self._topics[presence.topic]
        self.counters.add(presence.topic, presence.key, presence.meta, -1)


def _recount(
    slots: Iterable[_HeldSlot], topic: str, *, distinct: bool, where: Mapping[str, object]
) -> int:
    def matches(presence: Presence) -> bool:
        return presence.topic == topic and all(
            name in presence.meta and presence.meta[name] == value for name, value in where.items()
        )

    held = [p for slot in slots for p in slot.presences.values()]
    named = {(p.topic, p.key, p.prev_ref) for p in held}
    shown = [
        p for p in held if (p.topic, p.key, p.ref) not in named and not isinstance(p, Tombstone)
    ]
    keys = [p.key for p in shown if matches(p)]
    return len(set(keys)) if distinct else len(keys)
