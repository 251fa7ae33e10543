"""Estimate the cost of many workers from that of a few. Pure.

Everything that was measured grows in proportion with the workers and with the changes of a flush,
so two straight lines, each of least squares, say what one more of either costs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import linear_regression, mean
from typing import TypeVar

from .figures import Steady, Writes

Run = TypeVar("Run", Steady, Writes)

FLUSHES_PER_SECOND = 10.0  # Timings.flush_seconds
FANOUT_SHARE = 0.25  # of a worker, at most: flask_presence.streams.hub


@dataclass(frozen=True, slots=True)
class Line:
    """A cost that grows with `workers` and with the `pairs` of a flush."""

    base: float
    for_pair: float
    for_worker: float
    for_pair_and_worker: float

    def at(self, workers: float, pairs: float) -> float:
        """Return the cost with so many."""
        own = self.base + self.for_pair * pairs
        return own + workers * (self.for_worker + self.for_pair_and_worker * pairs)

    @classmethod
    def through(cls, measured: Sequence[Run], cost: Callable[[Run], float]) -> Line:
        """Draw it through what was measured."""
        pairs = sorted({each.pairs for each in measured})
        slopes, intercepts = [], []
        for number in pairs:
            runs = [each for each in measured if each.pairs == number]
            found = linear_regression([run.workers for run in runs], [cost(run) for run in runs])
            slopes.append(found.slope)
            intercepts.append(found.intercept)
        own, others = linear_regression(pairs, intercepts), linear_regression(pairs, slopes)
        return cls(own.intercept, own.slope, others.intercept, others.slope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The cost of a flush for Redis and a worker, the length of its message, an update's cost."""

    redis_us: Line
    worker_us: Line
    message_bytes: float  # without changes
    pair_bytes: float  # of one that comes and one that goes
    update_us: float
    frame_bytes: float

    @classmethod
    def of(
        cls,
        writes: Sequence[Writes],
        steady: Sequence[Steady],
        *,
        update_us: float,
        frame_bytes: float,
    ) -> Model:
        """Make it of measurements."""
        pairs = sorted({each.pairs for each in writes})
        lengths = [mean(e.message_bytes for e in writes if e.pairs == number) for number in pairs]
        length = linear_regression(pairs, lengths)
        return cls(
            redis_us=Line.through(writes, lambda run: run.redis_us),
            worker_us=Line.through(steady, lambda run: run.flush_us),
            message_bytes=length.intercept,
            pair_bytes=length.slope,
            update_us=update_us,
            frame_bytes=frame_bytes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Workers with so many readers each, who stay on a page for so long."""

    workers: int
    readers_each: int
    visit_seconds: float
    flushes_per_second: float = FLUSHES_PER_SECOND

    @property
    def pairs(self) -> float:
        """How many come, and as many go, in one flush of one worker."""
        return self.readers_each / self.visit_seconds / self.flushes_per_second


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one second. Cores are shares of one core."""

    publishes: float
    deliveries: float
    redis_bytes: float  # that leave Redis
    redis_cores: float
    presence_cores: float  # of one worker, to agree with the others
    fanout_cores: float  # of one worker, to tell its readers
    updates: float  # that each reader is told
    reader_bytes: float  # that leave one worker


def estimate(model: Model, load: Load) -> Cost:
    """Estimate the cost of a load."""
    publishes = load.workers * load.flushes_per_second
    deliveries = publishes * load.workers
    wanted_cores = FLUSHES_PER_SECOND * load.readers_each * model.update_us / 1e6
    fanout_cores = min(wanted_cores, FANOUT_SHARE)
    updates = FLUSHES_PER_SECOND * fanout_cores / wanted_cores
    return Cost(
        publishes=publishes,
        deliveries=deliveries,
        redis_bytes=deliveries * (model.message_bytes + model.pair_bytes * load.pairs),
        redis_cores=publishes * model.redis_us.at(load.workers, load.pairs) / 1e6,
        presence_cores=load.flushes_per_second * model.worker_us.at(load.workers, load.pairs) / 1e6,
        fanout_cores=fanout_cores,
        updates=updates,
        reader_bytes=updates * load.readers_each * model.frame_bytes,
    )


def find_bend(costs: Callable[[int], Cost], is_too_much: Callable[[Cost], bool]) -> int:
    """Return the most workers, up to 10,000, before something is too much."""
    fine, beyond = 1, 10_000
    while fine < beyond:
        middle = (fine + beyond + 1) // 2
        if is_too_much(costs(middle)):
            beyond = middle - 1
        else:
            fine = middle
    return fine
