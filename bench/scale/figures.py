"""The figures of many workers. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from bench.figures import Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """Workers of `presences` each; in each flush of each, `pairs` readers come and as many go.

    CPU is beyond what the same processes take when nothing happens.
    """

    workers: int
    presences: int
    pairs: int
    flushes_per_second: float  # of one worker
    flush_us: float  # of a worker's CPU: its own flush, and hearing one of each other worker
    redis_us: float  # of Redis's


@dataclass(frozen=True, slots=True, kw_only=True)
class Writes:
    """Redis with as much to do as it can: one slot of `presences`, so many who hear its changes."""

    workers: int
    presences: int
    pairs: int
    writes_per_second: float
    redis_us: float  # of Redis's CPU, for one write and telling it to all
    message_bytes: float

    @property
    def most_writes(self) -> float:
        """How many writes fit into a second of one core."""
        return 1e6 / self.redis_us


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotCost:
    """A slot of `presences`, wall time seen by one client and Redis's CPU, in ms."""

    presences: int
    put_ms: float
    put_redis_ms: float
    fetch_ms: float
    fetch_redis_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestCost:
    """One digest of so many workers."""

    workers: int
    wall_ms: float
    redis_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A worker that starts where others have `presences` in `slots`."""

    slots: int
    presences: int
    seconds: float
    cpu_seconds: float
    stall_seconds: float
    replica_bytes: float  # of one presence
    redis_bytes: float  # of one presence


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One run."""

    date: str
    command: str
    machine: tuple[tuple[str, str], ...]
    writes: tuple[Writes, ...]
    steady: tuple[Steady, ...]
    slots: tuple[SlotCost, ...]
    digests: tuple[DigestCost, ...]
    newcomer: Newcomer
    blogs: tuple[tuple[int, Measurement], ...]  # the whole blog, with so many workers
