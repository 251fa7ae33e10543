"""The slots in this process's own memory, without Redis: for one worker, and for tests.

It takes the same steps as `store`, by the same rules; `tests/tracking/test_store.py` runs on both.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gevent.event

from .observer import NOBODY, Observer
from .slot import Write
from .slots import DEAD_MEMORY_MS
from .values import Presence, Version
from .wire import Change, Digested, encode_asked, encode_joins, encode_leaving, encode_message

# A subscriber with so many unread messages starts afresh, as after a lost connection.
MOST_WAITING = 10_000


@dataclass(slots=True)
class _Kept:
    version: Version
    presences: dict[str, Presence]
    ends: float
    has_left: bool = False


class MemoryStore:
    """The slots of one process. Every call is one step, and none waits or fails."""

    def __init__(
        self, observer: Observer = NOBODY, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.observer = observer
        self._now = now
        self._slots: dict[str, _Kept] = {}
        self._live: dict[str, float] = {}  # worker → end of its lease
        self._subscriptions: list[_Subscription] = []

    def write(self, worker: str, write: Write, *, lease_seconds: float) -> bool:
        """Append or put. Returns False, with nothing changed, where the slot was not `prev`."""
        ends = self._now() + lease_seconds
        if write.prev is None:
            self._slots[worker] = _Kept(write.new, {}, ends)
        slot = self._find(worker)
        if slot is None or (write.prev is not None and slot.version != write.prev):
            self.observer.lost_slot()
            return False
        slot.version, slot.ends = write.new, ends
        slot.presences |= {presence.ref: presence for presence in write.joins}
        for ref in write.leaves:
            slot.presences.pop(ref, None)
        self._live[worker] = ends
        self._tell(encode_message(worker, write, encode_joins(write)))
        return True

    def leave(self, worker: str, *, lease_seconds: float, version: Version | None = None) -> None:
        """Have a worker's lease end in `lease_seconds`; see `Store.leave`."""
        slot, known = self._find(worker), self._live.get(worker)
        ends = self._now() + lease_seconds
        if version is None:
            if slot is not None and slot.has_left:
                return
            ends = min(ends, ends if known is None else known)
        elif slot is None or slot.version != version:
            return
        else:
            slot.has_left = True
        self._live[worker] = ends
        if slot is not None:
            slot.ends = ends
        self._tell(encode_leaving(worker, round(lease_seconds * 1000)))

    def digest(self, *, forgets: bool = True) -> dict[str, Digested]:
        """Return the slot's version of every worker that is alive or died lately."""
        now = self._now()
        if forgets:
            dead = [
                name for name, ends in self._live.items() if ends <= now - DEAD_MEMORY_MS / 1000
            ]
            for worker in dead:
                del self._live[worker]
        found = {}
        for worker, ends in self._live.items():
            slot = self._find(worker) if ends > now else None
            left_ms = max(0, round((ends - now) * 1000))
            found[worker] = Digested(ends > now, slot.version if slot else None, left_ms)
        return found

    def fetch(self, worker: str) -> tuple[Version, Change] | None:
        """Return one whole slot; None if there is none."""
        slot = self._find(worker)
        return None if slot is None else (slot.version, tuple(slot.presences.values()))

    def ask(self, worker: str, key: str, ref: str, changes: Mapping[str, Any]) -> None:
        """Ask the worker that holds a presence to change its meta; changes nothing itself."""
        self._tell(encode_asked(worker, key, ref, changes))

    def subscribe(self) -> _Subscription:
        """Subscribe to the messages; the confirmation is the first thing received."""
        subscription = _Subscription(self._subscriptions.remove)
        self._subscriptions.append(subscription)
        return subscription

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def _find(self, worker: str) -> _Kept | None:
        slot = self._slots.get(worker)
        if slot is not None and slot.ends <= self._now():
            del self._slots[worker]
            return None
        return slot

    def _tell(self, message: str) -> None:
        for subscription in self._subscriptions:
            subscription.tell(message.encode())


class _Subscription:
    """The messages to one subscriber, in order."""

    def __init__(self, forget: Callable[[_Subscription], None]) -> None:
        self._forget = forget
        self._waiting = deque([("subscribe", b"")])
        self._news = gevent.event.Event()

    def tell(self, payload: bytes) -> None:
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(("message", payload))
        else:
            self._waiting = deque([("subscribe", b"")])
        self._news.set()

    def receive(self, timeout_seconds: float) -> tuple[str, bytes] | None:
        """Return the next (kind, payload), None after the timeout."""
        if not self._waiting:
            self._news.clear()
            self._news.wait(timeout_seconds)
        return self._waiting.popleft() if self._waiting else None

    def close(self) -> None:
        """Hear no more."""
        self._forget(self)
