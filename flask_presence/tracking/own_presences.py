"""This worker's own presences: in its slot, for Redis, and in its replica, for its pages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from .replica import Named, Replica
from .slot import Slot
from .values import Diff, Presence, Tombstone


class OwnPresences:
    """Changes `slot` and `replica` alike.

    It also keeps tombstones. A presence that came back here and left again has to stay hidden in
    the slot that it came from: so there is at most one tombstone for each presence that is held and
    hidden. A tombstone is kept until the presence that it hides has not been held here for
    `keep_seconds`: by then every other worker has seen it go, too.
    """

    def __init__(
        self,
        worker: str,
        replica: Replica,
        *,
        keep_seconds: float,
        now: Callable[[], float],
    ) -> None:
        self.worker = worker
        self.slot = Slot()
        self.replica = replica
        self._keep_seconds = keep_seconds
        self._now = now
        # By the hidden ref: the tombstone's own ref, and when to take it out.
        self._tombstones: dict[Named, tuple[str, float]] = {}

    def add(self, presence: Presence) -> Diff:
        """Add a presence, to be sent by the next write."""
        self.slot.add(presence)
        return self.replica.add(self.worker, presence)

    def remove(self, refs: Iterable[str]) -> Diff:
        """Remove presences, and keep hidden the presences that they came back from."""
        refs = list(refs)
        for ref in refs:
            left = self.slot.remove(ref)
            if left is not None and left.prev_ref is not None:
                self.lay_tombstone(left.ref, (left.topic, left.key, left.prev_ref))
        return self.replica.remove(self.worker, refs)

    def lay_tombstone(self, leaving: str, named: Named) -> None:
        """Hide the presence that a leaving one came back from; call while the replica holds it."""
        if named in self._tombstones or not self.replica.is_hidden(named):
            return
        topic, key, prev_ref = named
        # Unique: a presence leaves once.
        stone = Tombstone(f"{leaving}-gone", topic, key, {}, prev_ref)
        self._tombstones[named] = stone.ref, math.inf
        self.add(stone)

    def lift_tombstones(self) -> None:
        """Take out the tombstones that no longer hide anything; call from time to time."""
        now = self._now()
        for named, (ref, due) in list(self._tombstones.items()):
            is_held = self.replica.is_hidden(named)
            # Count from when it was found gone: this process may have slept since it was last held.
            due = math.inf if is_held else min(due, now + self._keep_seconds)
            if due > now:
                self._tombstones[named] = ref, due
            else:
                del self._tombstones[named]
                self.slot.remove(ref)
                self.replica.remove(self.worker, [ref])
