"""The two greenlets that keep the workers in agreement: one writes our slot, one reads all others.

Each is a loop of steps, `write` and `read`. Both are written out below in the order of their
actions; `protocol` has the rules for their decisions.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import gevent
import gevent.event

from .asks import Asks
from .backoff import Backoff
from .own_presences import OwnPresences
from .protocol import Health, Hearing, Membership, Timings
from .redis_link import CALL_TIMEOUT_SECONDS, FAILURES, describe_outage
from .replica import Applied
from .slot import Write
from .slots import Slots, Subscription
from .values import Diff
from .wire import Asked, Leaving, Published, begin_message, decode_message

log = logging.getLogger(__name__)

# The longest wait for a message: a stopping worker has to wait for it to end.
MAX_WAIT_SECONDS = 1.0


class Sync:
    """Write our slot to the store and keep our replica equal to all slots, through every fault.

    The owner changes its own presences and calls `wake`; `tell(diff)` is called for what other
    workers changed. `start` runs the steps `write` and `read` in two greenlets; a program with a
    loop of its own, such as a test, may call them itself.
    """

    def __init__(
        self,
        store: Slots,
        own: OwnPresences,
        *,
        timings: Timings,
        tell: Callable[[Diff], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._own = own
        self._replica = own.replica
        self._timings = timings
        self._tell = tell
        self._now = now
        self.asks = Asks()
        self.health = Health(local_after_seconds=timings.local_after_seconds)
        # A peer may be asleep between two tries, then connect, then write.
        return_seconds = timings.max_retry_seconds + 2 * CALL_TIMEOUT_SECONDS
        self._peers = Membership(own.worker, timings.lease_seconds, return_seconds)
        self._hearing = Hearing(timings, now())
        self._own_beginning = begin_message(own.worker).encode()
        self._unreadable: dict[str, str] = {}  # what was said of the slots of some peers
        self._has_changed = False  # by our last write
        self._has_digested = False
        self._subscription: Subscription | None = None
        self._news = gevent.event.Event()
        self._began = gevent.event.Event()  # all slots are held, or Redis does not answer
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._is_closing = False

    def start(self) -> None:
        """Start both greenlets."""
        if self._greenlets:
            raise RuntimeError("found the tracker started already, expected start once")
        self._greenlets = [gevent.spawn(self._write_forever), gevent.spawn(self._read_forever)]

    def wait(self, seconds: float) -> bool:
        """Wait until every slot is held or Redis fails to answer; return false at the timeout."""
        return self._began.wait(seconds)

    def close(self, *, lease_seconds: float) -> None:
        """Stop both greenlets and set the end of our lease; at most 4 s."""
        self._is_closing = True
        self._news.set()
        # The greenlets see the flag between two calls. A greenlet is never killed inside a call, as
        # that would leave half an answer in a pooled connection.
        gevent.joinall(self._greenlets, timeout=3.0)
        try:
            own, seconds = self._own, max(lease_seconds, 0.001)
            self._store.leave(own.worker, lease_seconds=seconds, version=own.slot.version)
        except FAILURES as error:
            log.warning("presence: no goodbye (%s); the lease will end by itself", error)
        self._store.close()

    # -- The writing greenlet --------------------------------------------------------------------

    def wake(self) -> None:
        """Have the writer look at the slot."""
        self._news.set()

    @property
    def has_news(self) -> bool:
        """Tell whether something waits to be written."""
        return self._news.is_set() or self._own.slot.has_news

    @property
    def heartbeat_seconds(self) -> float:
        """How long to wait for news before the next heartbeat."""
        return self._timings.next_heartbeat(has_changed=self._has_changed)

    def _write_forever(self) -> None:
        backoff = Backoff(self._timings.max_retry_seconds)
        last_write = float("-inf")
        while not self._is_closing:
            if self._own.slot.has_news or self._news.wait(self.heartbeat_seconds):
                # At once after a quiet time, else at most every flush_seconds; a presence that
                # comes and goes in between is never sent.
                quiet = self._now() - last_write
                if quiet < self._timings.flush_seconds:
                    gevent.sleep(self._timings.flush_seconds - quiet)
            last_write = self._now()
            if self.write():
                backoff.reset()
            elif not self._is_closing:
                backoff.wait()

    def write(self) -> bool:
        """Write once: what waits, or a heartbeat. Return whether the store answered."""
        self._news.clear()
        try:
            self._own.lift_tombstones()
            if not self._send(self._own.slot.next_write()):
                log.info("presence: our slot was lost or changed, putting it whole")
            for named, changes in self.asks.take().items():
                self._store.ask(self._own.worker, *named, changes)
            self.asks.note_sent()
            if self._note_success("writer"):
                # A server that was frozen may have lost what was published meanwhile.
                self._peers.digest_by(self._now())
            return True
        except FAILURES as error:
            self._note_failure("writer", error)
        except Exception as error:  # a fault of ours: go on, with a put
            log.exception("presence: writing failed")
            self._note_failure("writer", error)
        if self.health.must_forget(self._now()):
            self._forget_others()
        return False

    def _send(self, write: Write) -> bool:
        """Return whether the store holds what was written. Raises what it raises."""
        # Before the call: our message may come back on the other connection before its answer.
        self._hearing.expect_echo(self._now())
        is_known = False
        try:
            is_known = self._store.write(
                self._own.worker, write, lease_seconds=self._timings.lease_seconds
            )
        finally:
            if is_known:
                self._own.slot.confirm(write)
                self._peers.has_lease = True
                self._has_changed = write.prev != write.new
            else:
                # Refused, failed, or unknown: no echo can be expected, and our lease may be lost.
                self._own.slot.lose()
                self._hearing.forget_echo()
                self._peers.grant_grace(self._now())
        return is_known

    def _forget_others(self) -> None:
        for worker in self._replica.workers():
            if worker != self._own.worker:
                self._peers.forget(worker)
                self._tell(self._replica.drop(worker))

    # -- The reading greenlet --------------------------------------------------------------------

    def _read_forever(self) -> None:
        backoff = Backoff(self._timings.max_retry_seconds)
        while not self._is_closing:
            if self.read():
                backoff.reset()
            else:
                backoff.wait()
        self._unsubscribe()

    def read(self) -> bool:
        """Read once: take a message, if one comes, and do what is due. Return whether it went well.

        Subscribes first if there is no subscription, as after a failure.
        """
        try:
            if self._subscription is None:
                self._subscription = self._store.subscribe()
            if self._hear(self._subscription):
                self._catch_up(self._now())
                if self._has_digested and not self._peers.has_stale_slots:
                    self._began.set()
            else:
                log.info("presence: did not hear our own message, replacing the subscription")
                self._store.observer.went_deaf()
                self._unsubscribe()
            return True
        except FAILURES as error:
            self._note_failure("reader", error)
        except Exception as error:  # a fault of ours, or what another program wrote: go on
            log.exception("presence: reading failed, subscribing anew")
            self._note_failure("reader", error)
        self._began.set()
        self._unsubscribe()
        return False

    def _hear(self, subscription: Subscription) -> bool:
        """Wait for one message until something is due, and take it; return False if it is deaf."""
        due = min(self._peers.next_due(), self._hearing.next_due())
        wait = min(MAX_WAIT_SECONDS, due - self._now())
        received = subscription.receive(max(wait, 0.001))
        now = self._now()
        if received is not None:
            self._hearing.begin_quiet(now)
            self._take(*received, now)
        elif self._hearing.is_deaf(now):
            # Only an empty buffer proves that our own message did not come: after a pause of this
            # process the message may still wait in it.
            self._hearing.forget_echo()
            return False
        elif self._hearing.needs_echo(now):
            self._hearing.begin_quiet(now)
            self.wake()
        return True

    def _take(self, kind: str, payload: bytes, now: float) -> None:
        if kind == "subscribe":
            # Redis loses messages between two subscriptions and does not say so.
            self._peers.digest_by(now)
            self._hearing.forget_echo()  # what we published before was not for this subscription
            return
        if payload.startswith(self._own_beginning):  # not decoded: we know what it says
            self._hearing.forget_echo()
            return
        try:
            message = decode_message(payload)
        except ValueError as error:
            log.warning("presence: %s; is something else publishing on our channel?", error)
            return
        if isinstance(message, Asked):
            self.asks.listener(message.key, message.ref, message.changes)
        elif isinstance(message, Leaving):
            lease_seconds = message.lease_ms / 1000 + self._timings.flush_seconds
            self._peers.note_leaving(message.worker, now + lease_seconds)
        else:
            self._peers.note_alive(message.worker, now)
            self._tell(self._apply(message, now))

    def _apply(self, message: Published, now: float) -> Diff:
        worker = message.worker
        if message.prev is None:
            held = self._replica.version(worker)
            if held is not None and held.epoch == message.new.epoch:
                return Diff()  # an old put
            if message.joins is not None:
                self._peers.note_fetched(worker)
                return self._replica.replace(worker, message.new, message.joins)
            self._peers.refetch(worker, now + self._fetch_jitter())
            return Diff()
        applied, diff = self._replica.apply(
            worker, message.prev, message.new, message.joins or (), message.leaves
        )
        if applied is Applied.GAP:
            self._store.observer.missed()
            self._peers.refetch(worker, now + self._fetch_jitter())
        return diff

    def _catch_up(self, now: float) -> None:
        """Ask the store for what is due: a digest, and slots that are stale."""
        if self._peers.is_digest_due(now):
            self._digest()
        for worker in self._peers.due_fetches(now):
            self._fetch(worker)

    def _digest(self) -> None:
        had_lease = self._peers.has_lease
        found = self._store.digest()
        now = self._now()
        held = {worker: self._replica.version(worker) for worker in self._replica.workers()}
        dead = self._peers.read_digest(
            found,
            held,
            now,
            had_lease=had_lease,
            next_digest_due=now + self._timings.next_digest(),
            fetch_due=now + self._fetch_jitter(),
        )
        for worker in dead:
            self._unreadable.pop(worker, None)
            self._tell(self._replica.drop(worker))
        self._note_success("reader")
        self._has_digested = True

    def _fetch(self, worker: str) -> None:
        slot = None
        try:
            slot = self._store.fetch(worker)
        except ValueError as error:
            # Perhaps from another version of this program: we cannot read it, and need not stop for
            # it.
            if self._unreadable.get(worker) != str(error):
                log.warning("presence: %s in the slot of %.100r", error, worker)
            self._unreadable[worker] = str(error)
        self._peers.note_fetched(worker)
        if slot is not None:
            self._unreadable.pop(worker, None)
            self._tell(self._replica.replace(worker, *slot))

    def _fetch_jitter(self) -> float:
        return self._timings.fetch_jitter(len(list(self._replica.workers())))

    def _unsubscribe(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.close()

    # -- Outages: logged once when one starts, and once when it ends -----------------------------

    def _note_failure(self, who: str, error: BaseException) -> None:
        if self.health.note_failure(who, self._now()):
            log.warning(
                "presence: Redis %s; pages go on, counts stand still", describe_outage(error)
            )

    def _note_success(self, who: str) -> bool:
        since = self.health.failing_since
        has_ended = self.health.note_success(who)
        if since is not None and self.health.failing_since is None:
            log.info("presence: Redis is back after %.1f s", self._now() - since)
        return has_ended
