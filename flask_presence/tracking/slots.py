"""The interface of the place where the slots are: `store` is in Redis, `memory` in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from .observer import Observer
from .slot import Write
from .values import Version
from .wire import Change, Digested

# How long a dead worker is remembered as dead. Longer than the longest time between two digests of
# one worker (36 s), so that every worker sees it.
DEAD_MEMORY_MS = 60_000


class Subscription(Protocol):
    """A subscription to the channel of one prefix."""

    def receive(self, timeout_seconds: float) -> tuple[str, bytes] | None:
        """Return the next (kind, payload), None after the timeout; kind `subscribe` or `message`.

        A further `subscribe` means that it subscribed anew, because another server is master now.
        Raises `redis.RedisError` or `OSError` when the connection is gone.
        """

    def close(self) -> None:
        """Close the connection."""


class Slots(Protocol):
    """The slots of one prefix; every call is one step. `observer` is told what trackers do, too."""

    observer: Observer

    def write(self, worker: str, write: Write, *, lease_seconds: float) -> bool:
        """Append or put. Returns False, with nothing changed, where the slot was not `prev`."""

    def leave(self, worker: str, *, lease_seconds: float, version: Version | None = None) -> None:
        """Have a worker's lease end, for one that is dead or about to stop."""

    def digest(self, *, forgets: bool = True) -> dict[str, Digested]:
        """Return the slot's version of every worker that is alive or died lately."""

    def fetch(self, worker: str) -> tuple[Version, Change] | None:
        """Return one whole slot; None if there is none."""

    def ask(self, worker: str, key: str, ref: str, changes: Mapping[str, Any]) -> None:
        """Ask the worker that holds a presence to change its meta."""

    def subscribe(self) -> Subscription:
        """Subscribe to the messages; the confirmation is the first thing received."""

    def close(self) -> None:
        """Close every connection."""
