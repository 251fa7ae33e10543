"""The two greenlets that keep the workers agreed: one writes our slot, one reads all others'."""

from __future__ import annotations

import enum
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import gevent
import gevent.event
import redis

from .membership import Membership
from .replica import Applied, Diff, Replica
from .slot import Slot
from .store import CALL_TIMEOUT_SECONDS, Leaving, Published, Store, Subscription, decode_message

log = logging.getLogger(__name__)

# What a store's call may raise when the server is gone, slow, or refuses to write.
FAILURES = (redis.RedisError, OSError)
SPREAD = 0.2  # timers are ± 20 %, so that workers started together do not stay together


class State(enum.Enum):
    """How far the numbers can be believed."""

    WHOLE = "whole"
    STALE = "stale"  # Redis does not answer: other workers' presences stand still
    LOCAL = "local"  # it has not for a minute: only this worker's own are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Every time of the protocol, in seconds."""

    lease_seconds: float = 15.0
    heartbeat_seconds: float = 5.0
    flush_seconds: float = 0.1
    digest_seconds: float = 30.0
    echo_seconds: float = 3.0
    local_after_seconds: float = 60.0
    max_fetch_jitter_seconds: float = 1.0
    max_retry_seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.lease_seconds < 2 * self.heartbeat_seconds:
            raise ValueError(
                f"found a lease of {self.lease_seconds:g} s with a heartbeat of "
                f"{self.heartbeat_seconds:g} s, expected a lease of at least twice the heartbeat"
            )


class Sync:
    """Write `slot` to the store and keep `replica` equal to all slots, through every fault.

    The owner changes slot and replica for its own presences and calls `wake`; `tell(diff)` is
    called for what other workers changed.
    """

    def __init__(
        self,
        store: Store,
        *,
        worker: str,
        slot: Slot,
        replica: Replica,
        timings: Timings,
        tell: Callable[[Diff], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state_listeners: list[Callable[[State], None]] = []
        self._store = store
        self._worker = worker
        self._slot = slot
        self._replica = replica
        self._timings = timings
        self._tell = tell
        self._now = now
        # A peer may be asleep between two tries, then connect, then write.
        return_seconds = timings.max_retry_seconds + 2 * CALL_TIMEOUT_SECONDS
        self._membership = Membership(worker, timings.lease_seconds, return_seconds)
        self._news = gevent.event.Event()
        self._failing: set[str] = set()  # which of the two greenlets has an outage
        self._failing_since = 0.0
        self._echo_due: float | None = None
        self._state = State.WHOLE
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._is_closing = False

    @property
    def state(self) -> State:
        """How far the numbers can be believed."""
        return self._state

    def wake(self) -> None:
        """Have the writer look at the slot."""
        self._news.set()

    def start(self) -> None:
        """Start both greenlets."""
        if self._greenlets:
            raise RuntimeError("found the tracker started already, expected start once")
        self._greenlets = [gevent.spawn(self._write_forever), gevent.spawn(self._read_forever)]

    def close(self, *, lease_seconds: float) -> None:
        """Stop both greenlets and shorten our lease; at most 4 s."""
        self._is_closing = True
        self._news.set()
        # They see the flag between two calls. A greenlet is never killed inside a call, which
        # would leave half an answer in a pooled connection.
        gevent.joinall(self._greenlets, timeout=3.0)
        try:
            if self._slot.version is not None:
                self._store.leave(self._worker, lease_seconds=max(lease_seconds, 0.001))
        except FAILURES as error:
            log.warning("presence: no goodbye (%s); the lease will end by itself", error)
        self._store.close()

    # -- The writer ------------------------------------------------------------------------------

    def _write_forever(self) -> None:
        retry_seconds = 0.1
        last_write = float("-inf")
        while not self._is_closing:
            wait = self._spread(self._timings.heartbeat_seconds)
            if self._slot.has_news or self._news.wait(wait):
                # At once when it has been quiet, else at most every flush_seconds; what comes and
                # goes meanwhile is never sent.
                quiet = self._now() - last_write
                if quiet < self._timings.flush_seconds:
                    gevent.sleep(self._timings.flush_seconds - quiet)
            self._news.clear()
            last_write = self._now()
            if self._write():
                retry_seconds = 0.1
            elif not self._is_closing:
                self._leave_whole_after_a_while()
                gevent.sleep(retry_seconds * random.uniform(0.5, 1.0))
                retry_seconds = min(2 * retry_seconds, self._timings.max_retry_seconds)

    def _write(self) -> bool:
        write = self._slot.next_write()
        lease_seconds = self._timings.lease_seconds
        # Before the call: our message may come back on the other connection before its answer.
        if self._echo_due is None:
            self._echo_due = self._now() + self._timings.echo_seconds
        try:
            is_done = self._store.write(self._worker, write, lease_seconds=lease_seconds)
        except FAILURES as error:
            self._slot.lose(write)
            self._membership.spare(self._now())
            self._echo_due = None
            self._note_failure("writer", error)
            return False
        if is_done:
            self._slot.confirm(write)
        else:
            log.info("presence: our slot was lost or changed, putting it whole")
            self._slot.refuse(write)
            self._membership.spare(self._now())
            self._echo_due = None  # what was refused was not published
        self._note_success("writer")
        return True

    # -- The reader ------------------------------------------------------------------------------

    def _read_forever(self) -> None:
        retry_seconds = 0.1
        while not self._is_closing:
            subscription: Subscription | None = None
            try:
                subscription = self._store.subscribe()
                while not self._is_closing:
                    self._read_once(subscription)
                    retry_seconds = 0.1
            except _DeafError:
                log.info("presence: did not hear our own message, replacing the subscription")
            except FAILURES as error:
                self._note_failure("reader", error)
                gevent.sleep(retry_seconds * random.uniform(0.5, 1.0))
                retry_seconds = min(2 * retry_seconds, self._timings.max_retry_seconds)
            except Exception as error:  # a fault of ours, or what another program wrote: go on
                log.exception("presence: reading failed, subscribing anew")
                self._note_failure("reader", error)
                gevent.sleep(self._timings.max_retry_seconds)
            finally:
                if subscription is not None:
                    subscription.close()

    def _read_once(self, subscription: Subscription) -> None:
        now = self._now()
        wait = min(1.0, max(0.0, self._membership.next_due() - now))
        received = subscription.receive(max(wait, 0.001))
        now = self._now()
        if received is None:
            # Only an empty buffer proves that our own message did not come: after a pause of this
            # process it may still be waiting in it.
            if self._echo_due is not None and now > self._echo_due:
                self._echo_due = None
                raise _DeafError
        elif received[0] == "subscribe":
            # Redis loses messages between two subscriptions and does not say so.
            self._membership.digest_by(now)
            self._echo_due = None  # what we published before was not for this subscription
        else:
            self._take(received[1], now)
        if self._membership.is_digest_due(now):
            self._digest()
        for worker in self._membership.due_fetches(now):
            self._fetch(worker)

    def _take(self, payload: bytes, now: float) -> None:
        try:
            message = decode_message(payload)
        except ValueError as error:
            log.warning("presence: %s; is something else publishing on our channel?", error)
            return
        if message.worker == self._worker:
            self._echo_due = None
            return
        if isinstance(message, Leaving):
            self._membership.digest_by(now + message.lease_ms / 1000 + self._timings.flush_seconds)
            return
        self._membership.hear(message.worker, now)
        diff = self._apply(message, now)
        if diff:
            self._tell(diff)

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
            self._membership.doubt(message.worker, now + self._fetch_jitter())
        return diff

    def _digest(self) -> None:
        found = self._store.digest()
        now = self._now()
        held = {worker: self._replica.version(worker) for worker in self._replica.workers()}
        dead = self._membership.read_digest(
            found,
            held,
            now,
            next_digest_due=now + self._spread(self._timings.digest_seconds),
            fetch_due=now + self._fetch_jitter(),
        )
        for worker in dead:
            self._tell(self._replica.drop(worker))
        self._note_success("reader")

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

    # -- Health ----------------------------------------------------------------------------------

    def _note_failure(self, who: str, error: BaseException) -> None:
        if not self._failing:
            self._failing_since = self._now()
            # A client's error may repeat the command, and with it readers' keys: only its kind and
            # its first words are logged.
            log.warning(
                "presence: Redis does not answer (%s: %.80s); pages go on, counts stand still",
                type(error).__name__,
                str(error).splitlines()[0] if str(error) else "",
            )
        self._failing.add(who)
        self._set_state(State.LOCAL if self._state is State.LOCAL else State.STALE)

    def _note_success(self, who: str) -> None:
        if who not in self._failing:
            return
        self._failing.discard(who)
        if who == "writer":
            # A server that was frozen may have come back without what was published meanwhile.
            self._membership.digest_by(self._now())
        if not self._failing:
            log.info("presence: Redis is back after %.1f s", self._now() - self._failing_since)
            self._set_state(State.WHOLE)

    def _leave_whole_after_a_while(self) -> None:
        """After a minute without Redis the others' presences are a guess: drop them."""
        age = self._now() - self._failing_since
        if self._state is not State.STALE or age < self._timings.local_after_seconds:
            return
        self._set_state(State.LOCAL)
        for worker in self._replica.workers():
            if worker != self._worker:
                self._membership.forget(worker)
                self._tell(self._replica.drop(worker))

    def _set_state(self, state: State) -> None:
        if state is self._state:
            return
        self._state = state
        for listener in self.state_listeners:
            listener(state)

    def _spread(self, seconds: float) -> float:
        return seconds * random.uniform(1 - SPREAD, 1 + SPREAD)

    def _fetch_jitter(self) -> float:
        # A slot that a hundred workers find missing is not asked for by all at once; two workers
        # have no reason to wait.
        most = 0.01 * len(list(self._replica.workers()))
        return random.uniform(0.0, min(most, self._timings.max_fetch_jitter_seconds))


class _DeafError(Exception):
    """Our own message did not come back: the subscription is open, but silent."""
