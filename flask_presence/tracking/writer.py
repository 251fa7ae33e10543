"""The writing half of the protocol: our own slot, one step at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable

from .health import Health
from .membership import Membership
from .redis_link import FAILURES
from .slot import Slot
from .store import Store
from .timings import Timings, spread

log = logging.getLogger(__name__)


class Echo:
    """The message of our own that should come back on our subscription, and by when."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.due: float | None = None

    def expect(self, now: float) -> None:
        """Expect one, if none is expected yet."""
        if self.due is None:
            self.due = now + self._seconds

    def forget(self) -> None:
        """Expect none: it came, or cannot come."""
        self.due = None


class Writer:
    """Write `slot` to the store: what waits, or a heartbeat. One caller at a time."""

    def __init__(
        self,
        store: Store,
        *,
        worker: str,
        slot: Slot,
        membership: Membership,
        health: Health,
        echo: Echo,
        timings: Timings,
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._worker = worker
        self._slot = slot
        self._membership = membership
        self._health = health
        self._echo = echo
        self._timings = timings
        self._now = now
        self._has_changed = False

    @property
    def heartbeat_seconds(self) -> float:
        """How long to wait for news before the next heartbeat.

        Shorter right after a change: Redis may have lost its message, and whoever missed it learns
        so by the next one only.
        """
        seconds = self._timings.heartbeat_seconds
        if self._has_changed:
            seconds = min(seconds, self._timings.settle_seconds)
        return spread(seconds)

    def write(self) -> bool:
        """Make one step; return whether the store answered. Raises what nobody foresaw."""
        write = self._slot.next_write()
        # Before the call: our message may come back on the other connection before its answer.
        self._echo.expect(self._now())
        is_known = False
        try:
            is_known = self._store.write(
                self._worker, write, lease_seconds=self._timings.lease_seconds
            )
        except FAILURES as error:
            self._health.note_failure("writer", error, self._now())
            return False
        finally:
            if is_known:
                self._slot.confirm(write)
                self._membership.has_lease = True
                self._has_changed = write.prev != write.new
            else:
                # Refused, failed, or unknown: nothing of it comes back, and our lease may be lost.
                self._slot.lose()
                self._echo.forget()
                self._membership.spare(self._now())
        if not is_known:
            log.info("presence: our slot was lost or changed, putting it whole")
        if self._health.note_success("writer", self._now()):
            # A server that was frozen may have come back without what was published meanwhile.
            self._membership.digest_by(self._now())
        return True

    def leave(self, *, lease_seconds: float) -> None:
        """Say that we stop, and how long what we leave behind counts."""
        try:
            self._store.leave(
                self._worker,
                lease_seconds=max(lease_seconds, 0.001),
                version=self._slot.version,
            )
        except FAILURES as error:
            log.warning("presence: no goodbye (%s); the lease will end by itself", error)
