"""Presences that are gone and still count for a moment, as what held them may come back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import gevent

from .values import Presence

Place = tuple[str, str]  # topic and key


class _Linger(NamedTuple):
    presence: Presence
    ends: float
    returns: bool
    timer: gevent.Greenlet[..., None]


class Lingers:
    """The lingering presences of one worker; `leave(refs)` is called for one whose time is over."""

    def __init__(self, leave: Callable[[list[str]], None]) -> None:
        self._leave = leave
        self._by_place: dict[Place, dict[str, _Linger]] = {}

    def add(self, presence: Presence, seconds: float, *, returns: bool) -> None:
        """Have a presence linger; one that `returns` was asked to come back."""
        place = (presence.topic, presence.key)
        timer = gevent.spawn_later(seconds, self._end, place, presence.ref)
        linger = _Linger(presence, time.monotonic() + seconds, returns, timer)
        self._by_place.setdefault(place, {})[presence.ref] = linger

    def find(self, topic: str, key: str, ref: str) -> Presence | None:
        """Return a presence that lingers; None where none of this ref does."""
        linger = self._by_place.get((topic, key), {}).get(ref)
        return linger.presence if linger else None

    def replace(self, old: Presence, new: Presence) -> None:
        """Have another presence linger in the place of one, for as long as that would have."""
        linger = self._take((old.topic, old.key), old.ref)
        if linger is not None:
            left = max(0.0, linger.ends - time.monotonic())
            self.add(new, left, returns=linger.returns)

    def end_for(self, joined: Presence) -> list[str]:
        """End those that a join ends, without a call of `leave`; return their refs.

        It ends those of its topic and key, but for those that return: these by themselves only.
        """
        place = (joined.topic, joined.key)
        lingers = self._by_place.get(place, {})
        ended = [
            ref for ref, linger in lingers.items() if not linger.returns or ref == joined.prev_ref
        ]
        for ref in ended:
            self._take(place, ref)
        return ended

    def close(self) -> None:
        """Stop every timer."""
        for lingers in self._by_place.values():
            gevent.killall([linger.timer for linger in lingers.values()], block=False)

    def _end(self, place: Place, ref: str) -> None:
        if self._by_place.get(place, {}).pop(ref, None) is not None:
            self._drop_empty(place)
            self._leave([ref])

    def _take(self, place: Place, ref: str) -> _Linger | None:
        linger = self._by_place.get(place, {}).pop(ref, None)
        if linger is not None:
            linger.timer.kill(block=False)
            self._drop_empty(place)
        return linger

    def _drop_empty(self, place: Place) -> None:
        if not self._by_place[place]:
            del self._by_place[place]
