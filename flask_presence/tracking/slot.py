"""What this worker has told Redis about its own tabs, and what to tell it next. Pure.

The one rule that makes it converge: whenever the outcome of a write is not known for sure, the
next write is a *put* of everything under a new epoch.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from .values import Presence, Version


@dataclass(frozen=True, slots=True)
class Write:
    """One step for the store: an append that follows `prev`, or (`prev` None) a put of all."""

    prev: Version | None
    new: Version
    joins: tuple[Presence, ...] = ()
    leaves: tuple[str, ...] = ()


def new_epoch() -> str:
    """Return a random epoch, so that two puts of one worker never share a version."""
    return secrets.token_hex(4)


@dataclass(slots=True)
class Slot:
    """One worker's slot: what it should hold, what was confirmed, and what waits to be sent.

    The caller takes a `next_write`, gives it to the store, and says how it went: `confirm`, or
    `lose` (refused, failed, timed out). Between the two, presences may be added and removed.
    """

    make_epoch: Callable[[], str] = new_epoch
    version: Version | None = None
    presences: dict[str, Presence] = field(default_factory=dict)
    _joins: dict[str, Presence] = field(default_factory=dict)
    _leaves: dict[str, None] = field(default_factory=dict)

    def add(self, presence: Presence) -> None:
        """Add a presence, to be sent by the next write."""
        self.presences[presence.ref] = presence
        self._joins[presence.ref] = presence

    def remove(self, ref: str) -> Presence | None:
        """Remove a presence and return it; what came and went between two writes is never sent."""
        removed = self.presences.pop(ref, None)
        if removed is not None and self._joins.pop(ref, None) is None:
            self._leaves[ref] = None
        return removed

    @property
    def has_news(self) -> bool:
        """Tell whether something waits to be sent."""
        return self.version is None or bool(self._joins or self._leaves)

    def next_write(self) -> Write:
        """Take everything that waits; with nothing to send it is the heartbeat (`prev == new`)."""
        joins, leaves = tuple(self._joins.values()), tuple(self._leaves)
        self._joins.clear()
        self._leaves.clear()
        if self.version is None:
            return Write(None, Version(self.make_epoch(), 0), tuple(self.presences.values()))
        if not joins and not leaves:
            return Write(self.version, self.version)
        new = Version(self.version.epoch, self.version.seq + 1)
        return Write(self.version, new, joins, leaves)

    def confirm(self, write: Write) -> None:
        """Note that the store holds what was written."""
        self.version = write.new

    def lose(self) -> None:
        """Note that a write was refused, or that its outcome is unknown.

        Its changes need not be kept: the put that follows carries everything.
        """
        self.version = None
