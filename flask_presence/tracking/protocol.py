"""The rules of the protocol: what is due, who is dead, what is stale, how far to believe counts.

Pure: nothing here waits, calls or logs. Every time is in seconds of one monotonic clock and passed
by the caller, `sync`, which reads, asks and writes as is decided here.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .values import Version
from .wire import Digested

SPREAD = 0.2  # timers are up to 20 % shorter, so that workers started together do not stay so
# After a lease's end, so that the digest finds it ended.
LEASE_SLACK_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Every time of the protocol, in seconds."""

    lease_seconds: float = 15.0
    heartbeat_seconds: float = 5.0
    # After a change the next heartbeat comes this soon, to reveal a lost message.
    settle_seconds: float = 1.0
    flush_seconds: float = 0.1
    digest_seconds: float = 30.0
    # If the reading greenlet hears nothing for so long, it has the writer publish: the echo tells
    # within `echo_seconds` whether the subscription is deaf or just quiet.
    quiet_seconds: float = 2.0
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

    def next_heartbeat(self, *, has_changed: bool) -> float:
        """Return in how many seconds the next heartbeat is due if there is no news.

        Sooner after a change: Redis may have lost its message, and a worker that missed it notices
        only at the next one.
        """
        sooner = min(self.heartbeat_seconds, self.settle_seconds)
        return spread(sooner if has_changed else self.heartbeat_seconds)

    def next_digest(self) -> float:
        """Return in how many seconds the next digest is due if nothing asks for an earlier one."""
        return spread(self.digest_seconds)

    def fetch_jitter(self, workers: int) -> float:
        """Return how long to wait before a fetch.

        A hundred workers that find a slot missing should not all ask for it at once; two workers
        need not wait.
        """
        return random.uniform(0.0, min(0.01 * workers, self.max_fetch_jitter_seconds))


def spread(seconds: float) -> float:
    """Return a random time between 80 % of `seconds` and `seconds`."""
    return seconds * random.uniform(1 - SPREAD, 1)


class State(enum.Enum):
    """How far the numbers can be believed."""

    WHOLE = "whole"
    STALE = "stale"  # Redis does not answer, or refuses: other workers' presences stand still
    LOCAL = "local"  # it has not for a minute: only this worker's own are shown


class Health:
    """The outages of both greenlets, writer and reader, as one; calls its `listeners`."""

    def __init__(self, *, local_after_seconds: float) -> None:
        self.listeners: list[Callable[[State], None]] = []
        self.state = State.WHOLE
        self.failing_since: float | None = None
        self._local_after_seconds = local_after_seconds
        self._failing: set[str] = set()

    def note_failure(self, who: str, now: float) -> bool:
        """Note that `who` failed: the numbers are stale. Return whether that begins an outage."""
        is_first = self.failing_since is None
        if self.failing_since is None:
            self.failing_since = now
        self._failing.add(who)
        if self.state is State.WHOLE:
            self._set(State.STALE)
        return is_first

    def note_success(self, who: str) -> bool:
        """Note that `who` succeeded; return whether that ends an outage of its own."""
        if who not in self._failing:
            return False
        self._failing.discard(who)
        if not self._failing:
            self.failing_since = None
            self._set(State.WHOLE)
        return True

    def must_forget(self, now: float) -> bool:
        """Tell, once in an outage, that the others' presences have become a mere guess."""
        if self.state is not State.STALE or self.failing_since is None:
            return False
        if now - self.failing_since < self._local_after_seconds:
            return False
        self._set(State.LOCAL)
        return True

    def _set(self, state: State) -> None:
        self.state = state
        for listener in self.listeners:
            listener(state)


class Hearing:
    """Detects a subscription that is open but silent: our own messages must come back on it."""

    def __init__(self, timings: Timings, now: float) -> None:
        self._quiet_seconds = timings.quiet_seconds
        self._echo_seconds = timings.echo_seconds
        self._quiet_since = now
        self._echo_due: float | None = None

    def expect_echo(self, now: float) -> None:
        """Expect a message of our own, if none is expected yet."""
        if self._echo_due is None:
            self._echo_due = now + self._echo_seconds

    def forget_echo(self) -> None:
        """Expect no echo any more: it came, or cannot come."""
        self._echo_due = None

    def begin_quiet(self, now: float) -> None:
        """Start timing the silence anew: something came, or was asked for."""
        self._quiet_since = now

    def next_due(self) -> float:
        """Return when `is_deaf` or `needs_echo` may next become true."""
        return self._quiet_since + self._quiet_seconds if self._echo_due is None else self._echo_due

    def is_deaf(self, now: float) -> bool:
        """Tell whether a message of our own did not come back in time."""
        return self._echo_due is not None and now > self._echo_due

    def needs_echo(self, now: float) -> bool:
        """Tell whether it has been quiet for so long that we should publish, to hear ourselves."""
        return self._echo_due is None and now >= self._quiet_since + self._quiet_seconds


@dataclass(slots=True)
class Membership:
    """When each peer is to be heard by, which slots are to be fetched, and when to digest next.

    All times are seconds of one monotonic clock.
    """

    worker: str
    lease_seconds: float
    # How long a worker may take to renew its lease after an outage.
    return_seconds: float = 3.0
    digest_due: float = 0.0
    has_lease: bool = False  # since our first write; it may be lost meanwhile
    _grace_until: float = float("-inf")
    _expected_by: dict[str, float] = field(default_factory=dict)
    _fetch_due: dict[str, float] = field(default_factory=dict)
    _leaving: dict[str, float] = field(default_factory=dict)

    def note_alive(self, worker: str, now: float) -> None:
        """Note a sign of life: the next is expected within a lease."""
        if worker != self.worker:
            self._expected_by[worker] = now + self.lease_seconds
            self._leaving.pop(worker, None)

    def note_leaving(self, worker: str, due: float) -> None:
        """Note that a peer is dead or stopping and counts until `due`; plan a digest for then."""
        if worker in self._expected_by:
            self._leaving[worker] = due
        self.digest_by(due)

    def refetch(self, worker: str, due: float) -> None:
        """Schedule a slot's fetch for `due`, unless it is already due earlier."""
        if worker != self.worker:
            self._fetch_due[worker] = min(due, self._fetch_due.get(worker, due))

    def digest_by(self, due: float) -> None:
        """Schedule a digest for `due` at the latest."""
        self.digest_due = min(self.digest_due, due)

    def grant_grace(self, now: float) -> None:
        """Drop no peer for a moment: our own lease was lost, so the others' leases prove nothing.

        After an outage longer than a lease (server frozen, network cut, machine asleep) every lease
        has ended, though every worker lives. The first worker to come back would see all others
        dead, and its counts would dip until they were back, too.
        """
        self._grace_until = now + self.return_seconds
        self.digest_by(self._grace_until)

    def note_fetched(self, worker: str) -> None:
        """Note that a slot was fetched, or is gone."""
        self._fetch_due.pop(worker, None)

    def forget(self, worker: str) -> None:
        """Forget a dead peer."""
        self._expected_by.pop(worker, None)
        self._fetch_due.pop(worker, None)
        self._leaving.pop(worker, None)

    @property
    def has_stale_slots(self) -> bool:
        """Tell whether a slot is still to be fetched."""
        return bool(self._fetch_due)

    def due_fetches(self, now: float) -> list[str]:
        """Return the workers whose slots are to be fetched now."""
        return [worker for worker, due in self._fetch_due.items() if due <= now]

    def next_due(self) -> float:
        """Return when something is next to be done: a fetch, a digest, or a silence that is long.

        A peer silent for a whole lease is dead, or we do not hear it: the digest tells which.
        """
        expected = self._expected_by.values()
        return min([self.digest_due, *self._fetch_due.values(), *expected])

    def is_digest_due(self, now: float) -> bool:
        """Tell whether to digest now."""
        if now >= self.digest_due:
            return True
        return any(now >= due for due in self._expected_by.values())

    def read_digest(
        self,
        found: Mapping[str, Digested],
        held: Mapping[str, Version | None],
        now: float,
        *,
        had_lease: bool,
        next_digest_due: float,
        fetch_due: float,
    ) -> list[str]:
        """Take in a digest; return the peers to drop, and schedule fetches of changed slots.

        `had_lease` is `has_lease` at the time of the request: a lease that was never there is not
        lost.

        A peer is dead if the digest *says* so. A peer that the digest does not mention may live:
        the list itself may be lost (FLUSHALL, eviction), and the peer's next heartbeat brings it
        back. It is dropped only if it is also silent for a whole lease, or if a message said that
        it left, such as its master sends when it died. No other peer is dropped while our own lease
        is lost; see `grant_grace`.
        """
        is_early = now < self.digest_due  # asked for by a silence: the appointment stays
        self.digest_due = min(next_digest_due, self.digest_due) if is_early else next_digest_due
        own = found.get(self.worker)
        if had_lease and (own is None or not own.alive):
            self.grant_grace(now)
        dead = []
        for worker in {*held, *self._expected_by} - {self.worker}:
            is_silent = now >= self._expected_by.get(worker, float("-inf"))
            has_left = now >= self._leaving.get(worker, float("inf"))
            said = found.get(worker)
            is_dead = is_silent or has_left if said is None else not said.alive
            if not is_dead:
                continue
            if now < self._grace_until and not has_left:
                self._expected_by[worker] = self._grace_until
                self.digest_by(self._grace_until)
            else:
                dead.append(worker)
        for worker, said in found.items():
            if worker == self.worker or not said.alive:
                continue
            self._expected_by[worker] = now + self.lease_seconds
            if said.left_ms is not None:
                # It may be dead, or may have said goodbye while we were deaf: look again when its
                # lease ends.
                self._expected_by[worker] = now + said.left_ms / 1000 + LEASE_SLACK_SECONDS
            if said.version is None or is_behind(said.version, held.get(worker)):
                # The slot is gone, or older than the version held (after a failover to a Redis
                # replica that lagged): its owner will put it whole at its next heartbeat.
                self.note_fetched(worker)
            else:
                self.refetch(worker, fetch_due)
        for worker in dead:
            self.forget(worker)
        return dead


def is_behind(said: Version, held: Version | None) -> bool:
    """Tell whether a slot's version is not newer than the one held."""
    return held is not None and said.epoch == held.epoch and said.seq <= held.seq
