"""The reading half of the protocol: all other workers' slots, one step at a time."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

from .health import Health
from .membership import Membership
from .observer import Observer
from .replica import Applied, Diff, Replica
from .store import Leaving, Published, Store, Subscription, decode_message
from .timings import Timings, spread
from .writer import Echo

log = logging.getLogger(__name__)

# A wait for a message is never longer, so that a worker that stops is not waited for.
MAX_WAIT_SECONDS = 1.0


class DeafError(Exception):
    """Our own message did not come back: the subscription is open, but silent."""


class Reader:
    """Keep `replica` equal to all slots of other workers; `tell(diff)` what they changed.

    One caller at a time.
    """

    def __init__(
        self,
        store: Store,
        *,
        worker: str,
        replica: Replica,
        membership: Membership,
        health: Health,
        echo: Echo,
        timings: Timings,
        tell: Callable[[Diff], None],
        wake_writer: Callable[[], None],
        now: Callable[[], float],
        observer: Observer,
    ) -> None:
        self._store = store
        self._worker = worker
        self._replica = replica
        self._membership = membership
        self._health = health
        self._echo = echo
        self._timings = timings
        self._tell = tell
        self._wake_writer = wake_writer
        self._now = now
        self._observer = observer
        self._quiet_since = now()
        self._has_digested = False

    @property
    def knows_all(self) -> bool:
        """Tell whether every slot that the newest digest named is held."""
        return self._has_digested and not self._membership.has_doubts

    def read(self, subscription: Subscription) -> None:
        """Wait for one message and take it, then do what is due.

        Raises `DeafError`, and what a subscription and a store raise: subscribe anew.
        """
        quiet_until = self._quiet_since + self._timings.quiet_seconds
        echo_due = self._echo.due if self._echo.due is not None else quiet_until
        wait = min(MAX_WAIT_SECONDS, min(self._membership.next_due(), echo_due) - self._now())
        received = subscription.receive(max(wait, 0.001))
        now = self._now()
        if received is not None:
            self._quiet_since = now
        if received is None:
            # Only an empty buffer proves that our own message did not come: after a pause of this
            # process it may still be waiting in it.
            if self._echo.due is not None and now > self._echo.due:
                self._echo.forget()
                raise DeafError
            if self._echo.due is None and now >= quiet_until:
                self._quiet_since = now
                self._wake_writer()
        elif received[0] == "subscribe":
            # Redis loses messages between two subscriptions and does not say so.
            self._membership.digest_by(now)
            self._echo.forget()  # what we published before was not for this subscription
        else:
            self.take(received[1], now)
        if self._membership.is_digest_due(now):
            self._digest()
        for worker in self._membership.due_fetches(now):
            self._fetch(worker)

    def take(self, payload: bytes, now: float) -> None:
        """Take one message in; what cannot be read is passed over with a warning."""
        try:
            message = decode_message(payload)
        except ValueError as error:
            log.warning("presence: %s; is something else publishing on our channel?", error)
            return
        if message.worker == self._worker:
            self._echo.forget()
        elif isinstance(message, Leaving):
            lease_seconds = message.lease_ms / 1000 + self._timings.flush_seconds
            self._membership.leaves(message.worker, now + lease_seconds)
        else:
            self._membership.hear(message.worker, now)
            self._tell(self._apply(message, now))

    def forget_others(self) -> None:
        """Drop every presence that is not this worker's own."""
        for worker in self._replica.workers():
            if worker != self._worker:
                self._membership.forget(worker)
                self._tell(self._replica.drop(worker))

    def _apply(self, message: Published, now: float) -> Diff:
        held = self._replica.version(message.worker)
        if message.prev is None:
            is_old = held is not None and held.epoch == message.new.epoch
            if message.joins is not None and not is_old:
                self._membership.fetched(message.worker)
                return self._replica.replace(message.worker, message.new, message.joins)
            if not is_old:
                self._membership.doubt(message.worker, now + self._fetch_jitter())
            return Diff()
        applied, diff = self._replica.apply(
            message.worker, message.prev, message.new, message.joins or (), message.leaves
        )
        if applied is Applied.GAP:
            self._observer.missed()
            self._membership.doubt(message.worker, now + self._fetch_jitter())
        return diff

    def _digest(self) -> None:
        had_lease = self._membership.has_lease
        found = self._store.digest()
        now = self._now()
        held = {worker: self._replica.version(worker) for worker in self._replica.workers()}
        dead = self._membership.read_digest(
            found,
            held,
            now,
            had_lease=had_lease,
            next_digest_due=now + spread(self._timings.digest_seconds),
            fetch_due=now + self._fetch_jitter(),
        )
        for worker in dead:
            self._tell(self._replica.drop(worker))
        self._health.note_success("reader", now)
        self._has_digested = True

    def _fetch(self, worker: str) -> None:
        slot = None
        try:
            slot = self._store.fetch(worker)
        except ValueError as error:
            # Of another version of this program, perhaps: not ours to read, and no reason to stop.
            log.warning("presence: %s in the slot of %s", error, worker)
        self._membership.fetched(worker)
        if slot is not None:
            self._tell(self._replica.replace(worker, *slot))

    def _fetch_jitter(self) -> float:
        # A slot that a hundred workers find missing is not asked for by all at once; two workers
        # have no reason to wait.
        most = 0.01 * len(list(self._replica.workers()))
        return random.uniform(0.0, min(most, self._timings.max_fetch_jitter_seconds))
