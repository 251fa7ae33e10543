"""The results of a benchmark. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Wait:
    """How long readers waited for a number, in seconds: median, 99 %, and the last one."""

    half: float
    most: float
    last: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """How much of one core a server takes while nobody comes or goes: with readers and without."""

    cores: float
    empty_cores: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Everything about one contestant with so many readers, Redis's share included."""

    contestant: str
    size: int  # how many readers were asked for
    readers: int  # fewer where it has not the files for all
    update_cpu_us: float
    update_redis_cpu_us: float
    updates_per_second: float  # of one reader, on average
    reader_bytes: float
    reader_redis_bytes: float
    join_cpu_us: float  # one after the other
    join_redis_cpu_us: float
    storm_readers: int  # all at once
    storm_cpu_seconds: float
    storm_seconds: float
    join: Wait
    leave: Wait
    idle: Idle | None = None  # None: not measured
    # How long a page takes beside the streams, at its slowest (99 %): in quiet, and in a storm.
    page_quiet_seconds: float | None = None
    page_storm_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Returning:
    """After a deploy: how long until so many readers were back, and the slowest page meanwhile."""

    readers: int
    wait: Wait
    page_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """One run of the benchmark."""

    date: str
    command: str
    machine: tuple[tuple[str, str], ...]  # what, and what it is
    titles: dict[str, str]  # of every contestant that there is, by name, in their order
    measurements: tuple[Measurement, ...] = ()
    returning: Returning | None = None
    missing: dict[str, str] = field(default_factory=dict)  # why a contestant was not measured
    failures: tuple[str, ...] = ()

    def find(self, contestant: str, size: int) -> Measurement | None:
        """Return a contestant's measurement where so many readers were asked for, if any."""
        for found in self.measurements:
            if (found.contestant, found.size) == (contestant, size):
                return found
        return None

    def of(self, contestant: str) -> list[Measurement]:
        """Return a contestant's measurements, from few readers to many."""
        found = [each for each in self.measurements if each.contestant == contestant]
        return sorted(found, key=lambda each: each.readers)

    def sizes(self) -> list[int]:
        """Return every number of readers that was asked for, from few to many."""
        return sorted({each.size for each in self.measurements})
