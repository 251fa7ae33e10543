"""Which peers to ask about, and when. Pure: the clock and the randomness are arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .replica import Version
from .store import Digested

# After a lease's end, so that the digest finds it ended.
LEASE_SLACK_SECONDS = 0.05


@dataclass(slots=True)
class Membership:
    """By when each peer should be heard, whose slot must be fetched, and when to digest next.

    All times are seconds of one monotonic clock.
    """

    worker: str
    lease_seconds: float
    # How long a worker may take to renew its lease after an outage.
    return_seconds: float = 3.0
    digest_due: float = 0.0
    has_lease: bool = False  # since our first write; it may be lost meanwhile
    _spare_until: float = float("-inf")
    _expected_by: dict[str, float] = field(default_factory=dict)
    _fetch_due: dict[str, float] = field(default_factory=dict)
    _leaving: dict[str, float] = field(default_factory=dict)

    def hear(self, worker: str, now: float) -> None:
        """Note a sign of life: the next is expected within a lease."""
        if worker != self.worker:
            self._expected_by[worker] = now + self.lease_seconds
            self._leaving.pop(worker, None)

    def leaves(self, worker: str, due: float) -> None:
        """Note that a peer is dead or about to stop, and counts until `due`; have a digest then."""
        if worker in self._expected_by:
            self._leaving[worker] = due
        self.digest_by(due)

    def doubt(self, worker: str, due: float) -> None:
        """Have a slot fetched at `due`; an earlier appointment stays."""
        if worker != self.worker:
            self._fetch_due[worker] = min(due, self._fetch_due.get(worker, due))

    def digest_by(self, due: float) -> None:
        """Have a digest at `due` at the latest."""
        self.digest_due = min(self.digest_due, due)

    def spare(self, now: float) -> None:
        """Drop nobody for a moment: our own lease was lost, so the others' prove nothing.

        After an outage longer than a lease (server frozen, network cut, machine asleep) every lease
        has ended, though every worker lives. Whoever comes back first would see all others dead,
        and its counts would dip until they have come back, too.
        """
        self._spare_until = now + self.return_seconds
        self.digest_by(self._spare_until)

    def fetched(self, worker: str) -> None:
        """Note that a slot was fetched, or is gone."""
        self._fetch_due.pop(worker, None)

    def forget(self, worker: str) -> None:
        """Forget a dead peer."""
        self._expected_by.pop(worker, None)
        self._fetch_due.pop(worker, None)
        self._leaving.pop(worker, None)

    @property
    def has_doubts(self) -> bool:
        """Tell whether a slot is still to be fetched."""
        return bool(self._fetch_due)

    def due_fetches(self, now: float) -> list[str]:
        """Return the workers whose slots are to be fetched now."""
        return [worker for worker, due in self._fetch_due.items() if due <= now]

    def next_due(self) -> float:
        """Return when something is next to be done: a fetch, a digest, or a silence that is long.

        A peer silent for a whole lease is either dead or not heard by us: the digest tells.
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
        """Take a digest in; return the peers to drop, and have changed slots fetched.

        `had_lease` is `has_lease` when it was asked for: what was never there is not lost.

        Dead is who is *said* to be dead. One who is not mentioned at all was not seen to die: the
        list itself may be lost (FLUSHALL, eviction), and its next heartbeat will bring it back.
        Only when it is silent for a whole lease as well, it is dropped; or when it is told to have
        left, as its master tells of one that died. Nobody else is while our own lease is lost; see
        `spare`.
        """
        is_early = now < self.digest_due  # asked for by a silence: the appointment stays
        self.digest_due = min(next_digest_due, self.digest_due) if is_early else next_digest_due
        own = found.get(self.worker)
        if had_lease and (own is None or not own.alive):
            self.spare(now)
        dead = []
        for worker in {*held, *self._expected_by} - {self.worker}:
            is_silent = now >= self._expected_by.get(worker, float("-inf"))
            has_left = now >= self._leaving.get(worker, float("inf"))
            said = found.get(worker)
            is_dead = is_silent or has_left if said is None else not said.alive
            if not is_dead:
                continue
            if now < self._spare_until and not has_left:
                self._expected_by[worker] = now + self.lease_seconds
                self.digest_by(self._spare_until)
            else:
                dead.append(worker)
        for worker, said in found.items():
            if worker == self.worker or not said.alive:
                continue
            self._expected_by[worker] = now + self.lease_seconds
            if said.left_ms is not None:
                # If it is dead, or said goodbye when we were deaf: look again when its lease ends.
                self._expected_by[worker] = now + said.left_ms / 1000 + LEASE_SLACK_SECONDS
            if said.version is None or is_behind(said.version, held.get(worker)):
                # Gone, or older than what is held (a failover to a replica that lagged): its owner
                # will put it whole at its next heartbeat.
                self.fetched(worker)
            else:
                self.doubt(worker, fetch_due)
        for worker in dead:
            self.forget(worker)
        return dead


def is_behind(said: Version, held: Version | None) -> bool:
    """Tell whether a slot has nothing that is not held already."""
    return held is not None and said.epoch == held.epoch and said.seq <= held.seq
