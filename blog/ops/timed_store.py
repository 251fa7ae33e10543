"""The calls to Redis, timed and counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from flask_presence.tracking import Digested, Link, Presence, Store, Version, Write

STEPS = ("append", "heartbeat", "put", "digest", "fetch")
REDIS_BUCKETS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0)

Answer = TypeVar("Answer")


class RedisMetrics:
    """The calls to Redis: how long they take, and what became of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        seconds = Histogram(
            "viblog_redis_seconds",
            "Calls to Redis that were answered; their count says how many writes, puts, digests.",
            ["step"],
            buckets=REDIS_BUCKETS,
            registry=registry,
        )
        failures = Counter(
            "viblog_redis_failures",
            "Calls to Redis that failed or took too long.",
            ["step"],
            registry=registry,
        )
        self._seconds = {step: seconds.labels(step) for step in STEPS}
        self._failures = {step: failures.labels(step) for step in STEPS}
        self.refused = Counter(
            "viblog_slots_lost",
            "Slots that were not in Redis any more as their worker knew them; a put follows.",
            registry=registry,
        )
        self.answered = Gauge(
            "viblog_redis_answered_timestamp_seconds",
            "When Redis last answered the worker that waits longest; Unix time.",
            registry=registry,
            multiprocess_mode="livemin",
        )

    def took(self, step: str, seconds: float) -> None:
        """Time a call that was answered."""
        self._seconds[step].observe(seconds)
        self.answered.set(time.time())

    def failed(self, step: str) -> None:
        """Count a call that was not."""
        self._failures[step].inc()


class TimedStore(Store):
    """A store that tells what its calls take. What waits for its turn in the worker is in it."""

    def __init__(self, link: Link, prefix: str, metrics: RedisMetrics) -> None:
        super().__init__(link, prefix)
        self._metrics = metrics

    def write(self, worker: str, write: Write, *, lease_seconds: float) -> bool:
        """Append or put, timed."""
        step = "append"
        if write.prev is None:
            step = "put"
        elif write.prev == write.new:
            step = "heartbeat"
        call = super().write
        is_written = self._time(step, lambda: call(worker, write, lease_seconds=lease_seconds))
        if not is_written:
            self._metrics.refused.inc()
        return is_written

    def digest(self, *, forgets: bool = True) -> dict[str, Digested]:
        """Digest, timed."""
        call = super().digest
        return self._time("digest", lambda: call(forgets=forgets))

    def fetch(self, worker: str) -> tuple[Version, tuple[Presence, ...]] | None:
        """Fetch a slot, timed."""
        call = super().fetch
        return self._time("fetch", lambda: call(worker))

    def _time(self, step: str, call: Callable[[], Answer]) -> Answer:
        began = time.monotonic()
        try:
            answer = call()
        except Exception:
            self._metrics.failed(step)
            raise
        self._metrics.took(step, time.monotonic() - began)
        return answer
