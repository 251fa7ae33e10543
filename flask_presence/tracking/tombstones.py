"""What came back here and left again: it stays hidden in the slot that it had come from."""

from __future__ import annotations

import math
from collections.abc import Callable

from .replica import Named, Replica, Tombstone
from .slot import Slot


class Tombstones:
    """The tombstones in our own slot: at most one for each presence that is held and hidden.

    One is kept until what it hides has not been held here for `keep_seconds`, so that every other
    worker has seen it go as well. Both calls change slot and replica alike, and nothing shown.
    """

    def __init__(
        self,
        *,
        worker: str,
        slot: Slot,
        replica: Replica,
        keep_seconds: float,
        now: Callable[[], float],
    ) -> None:
        self._worker = worker
        self._slot = slot
        self._replica = replica
        self._keep_seconds = keep_seconds
        self._now = now
        # By what it hides: its own ref, and when to take it out.
        self._laid: dict[Named, tuple[str, float]] = {}

    def lay(self, leaving: str, named: Named) -> None:
        """Keep hidden what one that is leaving was before; call while the replica holds it."""
        if named in self._laid or not self._replica.is_hidden(named):
            return
        topic, key, prev_ref = named
        # Unique: a presence leaves once.
        stone = Tombstone(f"{leaving}-gone", topic, key, {}, prev_ref)
        self._laid[named] = stone.ref, math.inf
        self._slot.add(stone)
        self._replica.add(self._worker, stone)

    def lift(self) -> None:
        """Take out those that hide nothing any more; call from time to time."""
        now = self._now()
        for named, (ref, due) in list(self._laid.items()):
            is_held = self._replica.is_hidden(named)
            # From when it was found gone: this process may have slept since it was last held.
            due = math.inf if is_held else min(due, now + self._keep_seconds)
            if due > now:
                self._laid[named] = ref, due
            else:
                del self._laid[named]
                self._slot.remove(ref)
                self._replica.remove(self._worker, [ref])
