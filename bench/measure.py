"""One contestant with so many readers: what it costs, and how long they wait for a number."""

from __future__ import annotations

import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from .accounting import Usage, read_usage
from .contestants import Contestant
from .crowd import Crowd, Stream, WrongCountError
from .figures import Idle, Measurement, Wait
from .idle import count_down, measure_idle
from .page_client import read_waits, start_asking
from .server import ContestantError, Server

WARM_UP_READERS = 20
SINGLE_JOINS = 100
JOIN_SECONDS = 150.0
# Pages are requested before, and while, so many readers come each second.
PAGE_JOINS_PER_SECOND = 200
JOIN_STEP_SECONDS = 0.01
QUIET_SECONDS = 0.3
# A page's fan-out may be followed by a rest of three times its length.
QUIET_PER_FANOUT = 4.0
# One reader comes or goes every 100 ms: ten come, ten go, and so on. Each changes the number.
ACT_SECONDS = 0.1
MOST_ACTORS = 10
# A repeated step is stopped after so many seconds, but never before it was done three times.
REPEAT_SECONDS = 10.0

Tell = Callable[[str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long to measure, in seconds, and how often."""

    steady_seconds: float = 5.0
    # Half a ping of the blog, then two: in 60 s there are one or two, by chance.
    calm_seconds: float = 25.0
    idle_seconds: float = 100.0
    page_seconds: float = 20.0
    return_seconds: float = 60.0  # at most, for each step of a deploy
    repeats: int = 5


def measure(
    contestant: Contestant, size: int, plan: Plan, *, idle: bool, tell: Tell
) -> Measurement:
    """Start a contestant, measure it with so many readers, or all it has files for; stop it."""
    readers = min(size, contestant.most_readers(resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
    in_storm = round(PAGE_JOINS_PER_SECOND * plan.page_seconds) if contestant.page and idle else 0
    server = Server(contestant.prepare, readers + MOST_ACTORS + 1 + in_storm)
    # Stop the server first: it then need not count down thousands of leaves.
    crowd = Crowd(server.port, contestant.path, late_leaves=contestant.late_leaves)
    with crowd, server:
        run = _Run(contestant, size, readers, plan, server, crowd, tell)
        try:
            return run.measure(idle=idle)
        except (WrongCountError, ValueError, OSError) as error:
            log = server.log()
            raise ContestantError(
                f"{contestant.title}, {readers:,} readers, {run.step}: {error}"
                + (f"\nThe server's log ends with:\n{log}" if log else "")
            ) from error


class _Run:
    """The steps, in their order. Every reader shows the right number at the end of each."""

    def __init__(
        self,
        contestant: Contestant,
        size: int,
        readers: int,
        plan: Plan,
        server: Server,
        crowd: Crowd,
        tell: Tell,
    ) -> None:
        self._contestant = contestant
        self._size = size
        self._readers = readers
        self._plan = plan
        self._server = server
        self._crowd = crowd
        self._tell_all = tell
        self.step = "starting"

    def measure(self, *, idle: bool) -> Measurement:
        self._warm_up()
        time.sleep(self._contestant.loads_seconds)
        empty, at_first = self._usage(memory=True), len(self._crowd)
        join_cpu_us, join_redis_cpu_us = self._join_one_by_one()
        storm_readers = self._readers - len(self._crowd)
        storm_cpu_seconds, storm_seconds = self._storm()
        full, more = self._usage(memory=True), self._readers - at_first
        join, leave = self._come_and_go()
        update_cpu_us, update_redis_cpu_us, updates_per_second = self._act()
        idle_figures = self._idle() if idle else None
        pages = self._ask_for_pages() if idle and self._contestant.page else (None, None)
        return Measurement(
            contestant=self._contestant.name,
            size=self._size,
            readers=self._readers,
            update_cpu_us=update_cpu_us,
            update_redis_cpu_us=update_redis_cpu_us,
            updates_per_second=updates_per_second,
            reader_bytes=(full.pss_bytes - empty.pss_bytes) / more,
            reader_redis_bytes=(full.redis_pss_bytes - empty.redis_pss_bytes) / more,
            join_cpu_us=join_cpu_us,
            join_redis_cpu_us=join_redis_cpu_us,
            storm_readers=storm_readers,
            storm_cpu_seconds=storm_cpu_seconds,
            storm_seconds=storm_seconds,
            join=join,
            leave=leave,
            idle=idle_figures,
            page_quiet_seconds=pages[0],
            page_storm_seconds=pages[1],
        )

    def _tell(self, step: str) -> None:
        self.step = step
        self._tell_all(f"{self._contestant.title}, {self._readers:,} readers: {step}")

    def _usage(self, *, memory: bool = False) -> Usage:
        return read_usage(self._server.pids, memory=memory)

    def _settle(self, count: int) -> None:
        self._crowd.settle(count, self._contestant.settle_seconds)

    def _warm_up(self) -> None:
        """Have the server load its late imports; leave one reader, who shows that all is well."""
        self._tell("warming up")
        self._crowd.open_many(WARM_UP_READERS, JOIN_SECONDS)
        self._settle(WARM_UP_READERS)
        if self._contestant.late_leaves:
            return
        for stream in list(self._crowd.moments())[1:]:
            self._crowd.leave(stream)
        self._settle(1)

    def _join_one_by_one(self) -> tuple[float, float]:
        """Return CPU and Redis's share of a join, in µs: each waits until the one before has its
        answer.
        """
        self._tell("joining one by one")
        before = self._usage()
        count = min(SINGLE_JOINS, self._readers // 2)
        for _ in range(count):
            self._crowd.open_many(1, JOIN_SECONDS)
            while self._crowd.unanswered:
                self._crowd.pump(1.0)
        self._settle(len(self._crowd))
        return _cpu_us_of_each(before, self._usage(), count)

    def _storm(self) -> tuple[float, float]:
        """Have all the others join at once; return CPU, and the time until all are told right."""
        before, began = self._usage(), time.monotonic()
        self._crowd.open_many(
            self._readers - len(self._crowd),
            JOIN_SECONDS,
            lambda joined: self._tell(f"{joined:,} have joined"),
        )
        self._tell("all have asked to join")
        self._settle(self._readers)
        seconds = time.monotonic() - began
        return (self._usage().cpu_ns - before.cpu_ns) / 1e9, seconds

    def _come_and_go(self) -> tuple[Wait, Wait]:
        """Return how long all wait for a join and for a leave on a quiet page: medians."""
        joins: list[Wait] = []
        leaves: list[Wait] = []
        began = time.monotonic()
        while len(joins) < self._plan.repeats:
            if len(joins) >= 3 and time.monotonic() > began + REPEAT_SECONDS:
                break
            self._tell(f"one joins, one leaves ({len(joins) + 1} of {self._plan.repeats})")
            self._be_quiet(joins, leaves)
            stream, moment = self._crowd.open()
            self._settle(self._readers + 1)
            joins.append(self._wait_since(moment, stream))
            self._be_quiet(joins, leaves)
            moment = self._crowd.leave(stream)
            self._settle(self._readers)
            leaves.append(self._wait_since(moment, stream))
            if self._contestant.late_leaves:  # a wait for its heartbeat, every time
                break
        return _median(joins), _median(leaves)

    def _be_quiet(self, *waits: list[Wait]) -> None:
        longest = max((wait.last for all_waits in waits for wait in all_waits[-1:]), default=0.0)
        quiet_seconds = max(QUIET_SECONDS, min(QUIET_PER_FANOUT * longest, 3.0))
        self._crowd.pump_until(time.monotonic() + quiet_seconds)

    def _wait_since(self, moment: float, actor: Stream) -> Wait:
        waits = sorted(
            since - moment for stream, since in self._crowd.moments().items() if stream is not actor
        )
        return Wait(waits[len(waits) // 2], waits[len(waits) * 99 // 100], waits[-1])

    def _act(self) -> tuple[float, float, float]:
        """Return CPU and Redis's share for one update, in µs, and updates a second, under load."""
        actors: list[Stream] = []
        is_filling = True
        before, updates, began = self._usage(), self._crowd.updates, time.monotonic()
        for step in range(1, round(self._plan.steady_seconds / ACT_SECONDS) + 1):
            self._tell(f"one comes or goes every 100 ms ({step * ACT_SECONDS:.0f} s)")
            if is_filling:
                actors.append(self._crowd.open()[0])
                is_filling = len(actors) < MOST_ACTORS
            else:
                self._crowd.leave(actors.pop())
                is_filling = not actors
            self._crowd.pump_until(began + step * ACT_SECONDS)
        after, seconds = self._usage(), time.monotonic() - began
        updates = self._crowd.updates - updates
        # A lagging server may have sent them all that number before it heard of the last joins and
        # leaves. A number higher than any before proves that it has heard of all.
        while len(actors) <= MOST_ACTORS:
            actors.append(self._crowd.open()[0])
        self._settle(self._readers + len(actors))
        for stream in actors:
            self._crowd.leave(stream)
        self._settle(self._readers)
        if not updates:
            raise WrongCountError(f"no number came in {seconds:.0f} s of coming and going")
        return *_cpu_us_of_each(before, after, updates), updates / self._readers / seconds

    def _idle(self) -> Idle:
        """Return the idle cost of the server, and of an empty one beside it."""
        with Server(self._contestant.prepare, WARM_UP_READERS) as twin:
            for left in count_down(self._plan.calm_seconds, self._crowd):
                self._tell(f"{left:.0f} s until all is calm")
            return measure_idle(
                self._server, twin, self._crowd, self._plan.idle_seconds, self._tell
            )

    def _ask_for_pages(self) -> tuple[float, float]:
        """Return how long a page took (99 %), in quiet and while readers come."""
        self._be_quiet()
        self._tell("asking for pages")
        with self._start_asking() as client:
            while client.poll() is None:
                self._crowd.pump(0.1)
            quiet = _slowest(read_waits(client))
        self._tell(f"asking for pages, {PAGE_JOINS_PER_SECOND} join each second")
        began, opened = time.monotonic(), 0
        with self._start_asking() as client:
            while client.poll() is None:
                passed = time.monotonic() - began
                if passed < self._plan.page_seconds:
                    for _ in range(opened, int(passed * PAGE_JOINS_PER_SECOND)):
                        self._crowd.open()
                        opened += 1
                self._crowd.pump(JOIN_STEP_SECONDS)
            storm = _slowest(read_waits(client))
        self._settle(len(self._crowd))
        return quiet, storm

    def _start_asking(self) -> AbstractContextManager[subprocess.Popen[bytes]]:
        return start_asking(self._server.port, self._contestant.page, self._plan.page_seconds)


def _slowest(waits: list[float]) -> float:
    return waits[len(waits) * 99 // 100]


def _cpu_us_of_each(before: Usage, after: Usage, count: int) -> tuple[float, float]:
    cpu_ns = after.cpu_ns - before.cpu_ns
    redis_cpu_ns = after.redis_cpu_ns - before.redis_cpu_ns
    return cpu_ns / 1000 / count, redis_cpu_ns / 1000 / count


def _median(waits: list[Wait]) -> Wait:
    return Wait(
        statistics.median(wait.half for wait in waits),
        statistics.median(wait.most for wait in waits),
        statistics.median(wait.last for wait in waits),
    )
