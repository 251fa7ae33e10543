"""The two greenlets that keep the workers agreed: one writes our slot, one reads all others'."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable

import gevent
import gevent.event

from .health import Health
from .membership import Membership
from .observer import NOBODY, Observer
from .reader import DeafError, Reader
from .redis_link import FAILURES
from .replica import Diff, Replica
from .slot import Slot
from .store import CALL_TIMEOUT_SECONDS, Store, Subscription
from .timings import Timings
from .writer import Echo, Writer

log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 0.1


class Sync:
    """Write `slot` to the store and keep `replica` equal to all slots, through every fault.

    The owner changes slot and replica for its own presences and calls `wake`; `tell(diff)` is
    called for what other workers changed, `before_write()` before each write. `start` has two
    greenlets take the steps `write` and `read`; a program with a loop of its own, such as a test,
    may take them itself.
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
        before_write: Callable[[], None],
        now: Callable[[], float] = time.monotonic,
        observer: Observer = NOBODY,
    ) -> None:
        self._store = store
        self._observer = observer
        self._slot = slot
        self._before_write = before_write
        self._timings = timings
        self._now = now
        self.health = Health(local_after_seconds=timings.local_after_seconds)
        # A peer may be asleep between two tries, then connect, then write.
        return_seconds = timings.max_retry_seconds + 2 * CALL_TIMEOUT_SECONDS
        membership = Membership(worker, timings.lease_seconds, return_seconds)
        echo = Echo(timings.echo_seconds)
        self.writer = Writer(
            store,
            worker=worker,
            slot=slot,
            membership=membership,
            health=self.health,
            echo=echo,
            timings=timings,
            now=now,
        )
        self.reader = Reader(
            store,
            worker=worker,
            replica=replica,
            membership=membership,
            health=self.health,
            echo=echo,
            timings=timings,
            tell=tell,
            wake_writer=self.wake,
            now=now,
            observer=observer,
        )
        self._news = gevent.event.Event()
        self._began = gevent.event.Event()  # all slots are held, or Redis does not answer
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._subscription: Subscription | None = None
        self._is_closing = False

    @property
    def has_news(self) -> bool:
        """Tell whether something waits to be written."""
        return self._news.is_set() or self._slot.has_news

    def wake(self) -> None:
        """Have the writer look at the slot."""
        self._news.set()

    def start(self) -> None:
        """Start both greenlets."""
        if self._greenlets:
            raise RuntimeError("found the tracker started already, expected start once")
        self._greenlets = [gevent.spawn(self._write_forever), gevent.spawn(self._read_forever)]

    def wait(self, seconds: float) -> bool:
        """Wait until every slot is held, or Redis does not answer; return whether that came."""
        return self._began.wait(seconds)

    def close(self, *, lease_seconds: float) -> None:
        """Stop both greenlets and set the end of our lease; at most 4 s."""
        self._is_closing = True
        self._news.set()
        # They see the flag between two calls. A greenlet is never killed inside a call, which
        # would leave half an answer in a pooled connection.
        gevent.joinall(self._greenlets, timeout=3.0)
        self.writer.leave(lease_seconds=lease_seconds)
        self._store.close()

    def write(self) -> bool:
        """Write once: what waits, or a heartbeat. Return whether the store answered."""
        self._news.clear()
        try:
            self._before_write()
            if self.writer.write():
                return True
        except Exception as error:  # a fault of ours: go on, with a put
            log.exception("presence: writing failed")
            self.health.note_failure("writer", error, self._now())
        if self.health.must_forget(self._now()):
            self.reader.forget_others()
        return False

    def read(self) -> bool:
        """Read once: take a message, if one comes, and do what is due. Return whether it went well.

        Where there is no subscription, subscribes first; after a failure there is none.
        """
        try:
            if self._subscription is None:
                self._subscription = self._store.subscribe()
            self.reader.read(self._subscription)
            if self.reader.knows_all:
                self._began.set()
            return True
        except DeafError:
            log.info("presence: did not hear our own message, replacing the subscription")
            self._observer.went_deaf()
            self._unsubscribe()
            return True
        except FAILURES as error:
            self.health.note_failure("reader", error, self._now())
        except Exception as error:  # a fault of ours, or what another program wrote: go on
            log.exception("presence: reading failed, subscribing anew")
            self.health.note_failure("reader", error, self._now())
        self._began.set()
        self._unsubscribe()
        return False

    def _unsubscribe(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.close()

    def _write_forever(self) -> None:
        backoff = _Backoff(self._timings.max_retry_seconds)
        last_write = float("-inf")
        while not self._is_closing:
            if self._slot.has_news or self._news.wait(self.writer.heartbeat_seconds):
                # At once when it has been quiet, else at most every flush_seconds; what comes and
                # goes meanwhile is never sent.
                quiet = self._now() - last_write
                if quiet < self._timings.flush_seconds:
                    gevent.sleep(self._timings.flush_seconds - quiet)
            last_write = self._now()
            if self.write():
                backoff.reset()
            elif not self._is_closing:
                backoff.wait()

    def _read_forever(self) -> None:
        backoff = _Backoff(self._timings.max_retry_seconds)
        while not self._is_closing:
            if self.read():
                backoff.reset()
            else:
                backoff.wait()
        self._unsubscribe()


class _Backoff:
    """Waits between tries that fail: longer each time, and not all workers' together."""

    def __init__(self, max_seconds: float) -> None:
        self._max_seconds = max_seconds
        self._seconds = FIRST_RETRY_SECONDS

    def reset(self) -> None:
        self._seconds = FIRST_RETRY_SECONDS

    def wait(self) -> None:
        gevent.sleep(self._seconds * random.uniform(0.5, 1.0))
        self._seconds = min(2 * self._seconds, self._max_seconds)
