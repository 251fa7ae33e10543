"""Presences that are gone but count for a moment longer, as their owner may come back."""

from __future__ import annotations

import time
from collections.abc import Callable
from heapq import heappop, heappush
from typing import NamedTuple

import gevent

from .values import Presence

# Lingers that end close together are ended together, at most so much later; after a quiet moment
# one ends on time. Telling the other workers of a change costs more than the change.
STEP_SECONDS = 0.05

Place = tuple[str, str]  # topic and key


class _Linger(NamedTuple):
    presence: Presence
    ends: float
    returns: bool


class Lingers:
    """The lingering presences of one worker; `leave(refs)` is called for those whose time is up.

    One greenlet waits for the next of them to end: there may be thousands.
    """

    def __init__(self, leave: Callable[[list[str]], None]) -> None:
        self._leave = leave
        self._by_place: dict[Place, dict[str, _Linger]] = {}
        # When each linger ends. One that was ended early stays in the heap until then.
        self._ends: list[tuple[float, Place, str]] = []
        self._not_before = 0.0
        self._next = float("inf")  # when the greenlet wakes
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def add(self, presence: Presence, seconds: float, *, returns: bool) -> None:
        """Have a presence linger; one that `returns` was asked to come back."""
        place, ends = (presence.topic, presence.key), time.monotonic() + seconds
        self._by_place.setdefault(place, {})[presence.ref] = _Linger(presence, ends, returns)
        heappush(self._ends, (ends, place, presence.ref))
        if max(ends, self._not_before) < self._next:
            self._wake_for_next()

    def find(self, topic: str, key: str, ref: str) -> Presence | None:
        """Return the lingering presence of this ref, else None."""
        linger = self._by_place.get((topic, key), {}).get(ref)
        return linger.presence if linger else None

    def end_for(self, joined: Presence) -> list[str]:
        """End the lingers that a join ends, without calling `leave`; return their refs.

        A join ends the lingers of its topic and key; but one that `returns` is ended only by its
        own return.
        """
        place = (joined.topic, joined.key)
        lingers = self._by_place.get(place)
        if lingers is None:
            return []
        ended = [
            ref for ref, linger in lingers.items() if not linger.returns or ref == joined.prev_ref
        ]
        for ref in ended:
            self._take(place, ref)
        return ended

    def close(self) -> None:
        """End no more."""
        self._next = float("-inf")
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def _wake_for_next(self) -> None:
        """Have a greenlet wake when the next linger ends, in place of one that would wake later."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
        self._next = max(self._ends[0][0], self._not_before)
        delay = max(0.0, self._next - time.monotonic())
        self._greenlet = gevent.spawn_later(delay, self._end_due)

    def _end_due(self) -> None:
        now = max(time.monotonic(), self._next)  # a timer may be early by a hair
        self._greenlet, self._next = None, float("inf")
        self._not_before = now + STEP_SECONDS
        ended = []
        while self._ends and self._ends[0][0] <= now:
            _, place, ref = heappop(self._ends)
            if self._take(place, ref) is not None:
                ended.append(ref)
        if self._ends:
            self._wake_for_next()
        if ended:
            self._leave(ended)

    def _take(self, place: Place, ref: str) -> _Linger | None:
        lingers = self._by_place.get(place)
        linger = lingers.pop(ref, None) if lingers else None
        if not lingers and linger is not None:
            del self._by_place[place]
        return linger
