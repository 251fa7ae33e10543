"""The live lists of present keys: a block renders the metas, once for all readers."""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from markupsafe import Markup

from ..tracking import ROOM, Presence, Roster
from .blocks import Block
from .bounded import put_last
from .own_meta import read_added

log = logging.getLogger(__name__)

Fetch = Callable[[str, dict[str, Any]], dict[str, Any]]
Later = Callable[[Callable[[], None]], None]
# What a list was rendered to, and from which version of its topic.
Made = tuple[int, Markup]


class Listed(NamedTuple):
    """Names a list: its topic, its limits `room` and `first` (0 for all), and its block."""

    topic: str
    room: int
    first: int
    block: Block


class Lists:
    """The rendered content of each list. `later(make)` makes one in a greenlet of its own.

    `fetch` may wait, say for a database, and a frame must not: a stream would be sent another frame
    before its first. So a frame has the content that is ready, and the next frame has the newer
    one.
    """

    def __init__(self, roster: Roster, later: Later) -> None:
        self.fetch: Fetch | None = None
        self._roster = roster
        self._later = later
        self._made: dict[Listed, Made] = {}
        self._under_way: set[Listed] = set()

    def write(self, listed: Listed) -> Markup:
        """Return the content of a list. May wait."""
        made = self._made.get(listed)
        if made is None or made[0] != self._roster.version(listed.topic):
            made = self._make(listed)
            put_last(self._made, listed, made)
        return made[1]

    def write_now(self, listed: Listed) -> Markup | None:
        """Return the content of a list without waiting: possibly older, or None if not made yet."""
        if self.fetch is None:
            return self.write(listed)
        made = self._made.get(listed)
        is_old = made is None or made[0] != self._roster.version(listed.topic)
        if is_old and listed not in self._under_way:
            self._under_way.add(listed)
            self._later(lambda: self._make_later(listed))
        return made[1] if made else None

    def _make_later(self, listed: Listed) -> None:
        version = self._roster.version(listed.topic)
        try:
            made = self._make(listed)
        except Exception:  # the application's; the list stays until a reader comes or goes
            log.exception("presence: found no list of %r, as `fetch` failed", listed.topic)
            made = version, self._made.get(listed, (0, Markup("")))[1]
        put_last(self._made, listed, made)
        self._under_way.discard(listed)

    def _make(self, listed: Listed) -> Made:
        topic, room, first, block = listed
        version, count = self._roster.version(topic), self._roster.count(topic)
        if count > room or (room == ROOM and not self._roster.is_room(topic)):
            return version, Markup("")
        metas = self._find_metas(topic, self._roster.first(topic, first or room))
        return version, block.write(*(metas, count)[: block.arity])

    def _find_metas(self, topic: str, first: list[Presence]) -> list[dict[str, Any]]:
        """Return the metas of the keys that came first, with what `fetch` adds to them."""
        metas = [read_added(presence.meta) for presence in first]
        if self.fetch is None or not first:
            return metas
        by_key: dict[str, Any] = {}
        for presence, meta in zip(first, metas, strict=True):
            by_key.setdefault(presence.key, {"metas": []})["metas"].append(meta)
        fetched = self.fetch(topic, by_key)
        waiting = {key: deque(entry["metas"]) for key, entry in fetched.items()}
        return [
            {**_beside_metas(fetched[p.key]), **waiting[p.key].popleft()}
            for p in first
            if waiting.get(p.key)
        ]


def version_of(words: str) -> str:
    """Return a CSS class that names a list's version."""
    return hashlib.blake2b(words.encode(), digest_size=6).hexdigest()


def _beside_metas(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "metas"}
