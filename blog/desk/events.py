"""The last events, for the author's eyes: opened, left, refused. In memory only, on purpose.

An event has neither key nor face, and nothing ties what one reader did together.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

KEPT = 200
# What happens again on the same page within so many seconds is one event, "opened 40 times".
FOLD_SECONDS = 10
MOST_CHARACTERS = 80

Kind = Literal["opened", "left", "refused"]
_Place = tuple[Kind, str, str | None]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened `times` times, the last time at `at` (aware, UTC).

    `seconds` is how long a page was open that was left, None of several. `source` is the campaign
    of an opening; of a refusal its kind and what the machine calls itself, a stranger's words.
    """

    at: datetime
    kind: Kind
    page: str
    seconds: int | None = None
    source: str | None = None
    times: int = 1


class _Entry:
    """An event that may still happen again."""

    __slots__ = ("at", "begun", "place", "seconds", "times")

    def __init__(self, place: _Place, now: float, seconds: int | None) -> None:
        self.place = place
        self.begun = self.at = now
        self.seconds = seconds
        self.times = 1


class Events:
    """Keeps the last events of all workers, but for the refusals: of those, this worker's."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._entries: deque[_Entry] = deque(maxlen=KEPT)
        self._newest: dict[_Place, _Entry] = {}

    def last(self) -> tuple[Event, ...]:
        """Return the events, the newest first."""
        return tuple(
            Event(datetime.fromtimestamp(one.at, UTC), kind, page, one.seconds, source, one.times)
            for one in reversed(self._entries)
            for kind, page, source in (one.place,)
        )

    def open(self, page: str, campaign: str | None) -> None:
        """Take note that a page was opened, by a campaign perhaps."""
        self._add(("opened", page, campaign), None)

    def leave(self, page: str, seconds: float) -> None:
        """Take note that a page was left after so long."""
        self._add(("left", page, None), round(seconds))

    def refuse(self, page: str, kind: str, agent: str) -> None:
        """Take note that a machine was refused, which calls itself so."""
        words = " ".join("".join(c if c.isprintable() else " " for c in agent[:1000]).split())
        self._add(("refused", page, f"{kind}: {words}"[:MOST_CHARACTERS].rstrip(": ")), None)

    def _add(self, place: _Place, seconds: int | None) -> None:
        now = self._clock()
        entry = self._newest.get(place)
        if entry is not None and 0 <= now - entry.begun < FOLD_SECONDS:
            entry.at, entry.seconds = now, None
            entry.times += 1
            return
        entry = self._newest[place] = _Entry(place, now, seconds)
        self._entries.append(entry)
        if len(self._newest) > 2 * KEPT:
            self._newest = {one.place: one for one in self._entries}
