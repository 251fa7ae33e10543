"""Requests to change a presence that another worker holds, sent and received.

Only its owner changes a presence. A page's request may reach any worker, which then asks the worker
with that page's stream. An ask may be lost, as any message may.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gevent.event

Named = tuple[str, str]  # a key and a ref
Changes = Mapping[str, Any]
# Changes for at most so many refs wait in a worker; beyond that the oldest are dropped.
MOST_WAITING = 1000


class Asks:
    """Changes that wait to be sent, merged for each presence; `listener` gets other workers'.

    `listener(key, ref, changes)` must not wait.
    """

    def __init__(self) -> None:
        self.listener: Callable[[str, str, Changes], None] = lambda key, ref, changes: None
        self._waiting: dict[Named, dict[str, Any]] = {}
        self._are_sent = gevent.event.Event()

    def add(self, key: str, ref: str, changes: Changes) -> None:
        """Have changes sent to the worker that holds a presence."""
        self._are_sent.clear()
        self._waiting.setdefault((key, ref), {}).update(changes)
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def take(self) -> dict[Named, dict[str, Any]]:
        """Return and clear the waiting changes."""
        waiting, self._waiting = self._waiting, {}
        return waiting

    def note_sent(self) -> None:
        """Note that all that was taken has been sent."""
        if not self._waiting:
            self._are_sent.set()

    def wait(self, seconds: float) -> None:
        """Wait, at most so long, until nothing waits to be sent."""
        self._are_sent.wait(seconds)
