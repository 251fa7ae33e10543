"""Measure trackers in processes of their own on one real Valkey. Linux."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from bench.accounting import pss
from flask_presence.tracking import Presence, Store, connect
from flask_presence.tracking.slot import Slot, Write, new_epoch
from flask_presence.tracking.values import Version
from flask_presence.tracking.wire import encode_joins, encode_message

from .figures import DigestCost, Newcomer, SlotCost, Steady, Writes
from .processes import Redis, Subscribers, WorkerProcess, run_redis
from .readers import PREFIX, TOPIC, make_reader

MEET_SECONDS = 120.0
IDLE_SECONDS = 2.0
START_SECONDS = 1.0  # until all run evenly
REPEATS = 5
LEASE_SECONDS = 1200.0
WORKER = "0123456789ab"  # twelve characters, as the blog names them


def measure_writes(workers: int, pairs: int, *, presences: int, seconds: float) -> Writes:
    """Write one slot as fast as Redis takes it, with so many subscribers."""
    with run_redis() as server, Subscribers(server.path, workers) as subscribers:
        store, slot = Store(connect(server.url), PREFIX), Slot()
        numbers = itertools.count()

        def write() -> int:
            """Write what waits; return the length of the message."""
            step = slot.next_write()
            assert store.write(WORKER, step, lease_seconds=LEASE_SECONDS), "the slot was lost"
            slot.confirm(step)
            return len(encode_message(WORKER, step, encode_joins(step)))

        for _ in range(presences):
            slot.add(make_presence(WORKER, next(numbers)))
        write()
        subscribers.wait_for(1)
        time.sleep(0.2)
        received_before, cpu_before = subscribers.received_bytes, server.cpu_ns()
        writes, told, began = 0, 0, time.monotonic()
        while time.monotonic() < began + seconds:
            for ref in list(itertools.islice(slot.presences, pairs)):
                slot.remove(ref)
            for _ in range(pairs):
                slot.add(make_presence(WORKER, next(numbers)))
            told += write()
            writes += 1
        # Redis would have cut off a subscriber that was too slow.
        subscribers.wait_for(received_before + told * workers)
        passed, cpu_ns = time.monotonic() - began, server.cpu_ns() - cpu_before
        store.close()
        return Writes(
            workers=workers,
            presences=presences,
            pairs=pairs,
            writes_per_second=writes / passed,
            redis_us=cpu_ns / writes / 1000,
            message_bytes=(subscribers.received_bytes - received_before) / writes / workers,
        )


def measure_steady(workers: int, pairs: int, *, presences: int, seconds: float) -> Steady:
    """Have readers come and go at all of the workers, and measure the cost."""
    with run_redis() as server, ExitStack() as stack:
        running = [stack.enter_context(WorkerProcess(server.url)) for _ in range(workers)]
        for worker in running:
            worker.tell("start")
        for worker in running:
            worker.answer()
            worker.ask("fill", presences)
        _wait_for_count(running, workers * presences)
        before = _Books(server, running)
        time.sleep(IDLE_SECONDS)
        redis_idle, worker_idle = _Books(server, running).rates_since(before)
        for worker in running:
            worker.ask("churn", pairs)
        time.sleep(START_SECONDS)
        before = _Books(server, running)
        time.sleep(seconds)
        after = _Books(server, running)
        redis_busy, worker_busy = after.rates_since(before)
        flushes = after.writes - before.writes
        each = flushes / (after.at - before.at) / workers
        return Steady(
            workers=workers,
            presences=presences,
            pairs=pairs,
            flushes_per_second=each,
            flush_us=(worker_busy - worker_idle) / each / 1000,
            redis_us=(redis_busy - redis_idle) / (each * workers) / 1000,
        )


class _Books:
    """The CPU time of Redis and of the workers at one moment, and what Redis has done."""

    def __init__(self, server: Redis, workers: Sequence[WorkerProcess]) -> None:
        self.writes = server.writes()
        self._redis_ns = server.cpu_ns()
        self._worker_ns = statistics.mean(worker.cpu_ns() for worker in workers)
        self.at = time.monotonic()

    def rates_since(self, before: _Books) -> tuple[float, float]:
        """Return CPU nanoseconds per second: Redis's, and a worker's."""
        passed = self.at - before.at
        redis_ns, worker_ns = self._redis_ns - before._redis_ns, self._worker_ns - before._worker_ns
        return redis_ns / passed, worker_ns / passed


def _wait_for_count(workers: Sequence[WorkerProcess], count: int) -> None:
    deadline = time.monotonic() + MEET_SECONDS
    for worker in workers:
        while (found := worker.ask("count")) != count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"a worker counts {found} of {count} after {MEET_SECONDS:g} s")
            time.sleep(0.1)


def measure_slot(presences: int) -> SlotCost:
    """Put and fetch one slot."""
    with run_redis() as server:
        store = Store(connect(server.url), PREFIX)
        write = make_put(WORKER, presences)
        put = _time(server, lambda: store.write(WORKER, write, lease_seconds=LEASE_SECONDS))
        fetch = _time(server, lambda: store.fetch(WORKER))
        store.close()
        return SlotCost(
            presences=presences,
            put_ms=put[0],
            put_redis_ms=put[1],
            fetch_ms=fetch[0],
            fetch_redis_ms=fetch[1],
        )


def measure_digest(workers: int) -> DigestCost:
    """Ask which version the slot of each of so many workers has."""
    with run_redis() as server:
        store = Store(connect(server.url), PREFIX)
        for number in range(workers):
            store.write(
                f"{number:012x}", make_put(f"{number:012x}", 1), lease_seconds=LEASE_SECONDS
            )
        wall_ms, redis_ms = _time(server, store.digest)
        store.close()
        return DigestCost(workers=workers, wall_ms=wall_ms, redis_ms=redis_ms)


def measure_newcomer(slots: int, presences: int) -> Newcomer:
    """Start one worker where so many presences are in so many slots."""
    with run_redis() as server:
        store = Store(connect(server.url), PREFIX)
        empty = server.stat("memory", "used_memory")
        for number in range(slots):
            worker = f"{number:012x}"
            write = make_put(worker, presences // slots)
            store.write(worker, write, lease_seconds=LEASE_SECONDS)
        redis_bytes = (server.stat("memory", "used_memory") - empty) / presences
        store.close()
        with WorkerProcess(server.url) as newcomer:
            newcomer.ask("watch")
            bytes_before, cpu_before = pss(newcomer.process.pid), newcomer.cpu_ns()
            began = time.monotonic()
            newcomer.ask("start")
            _wait_for_count([newcomer], presences)
            seconds = time.monotonic() - began
            return Newcomer(
                slots=slots,
                presences=presences,
                seconds=seconds,
                cpu_seconds=(newcomer.cpu_ns() - cpu_before) / 1e9,
                stall_seconds=newcomer.ask("longest_stall"),
                replica_bytes=(pss(newcomer.process.pid) - bytes_before) / presences,
                redis_bytes=redis_bytes,
            )


def make_put(worker: str, presences: int) -> Write:
    """Return what puts a slot of made-up readers."""
    joins = tuple(make_presence(worker, number) for number in range(presences))
    return Write(None, Version(new_epoch(), 0), joins)


def make_presence(worker: str, number: int) -> Presence:
    """Return a made-up reader of a worker, as its tracker would make it."""
    key, meta = make_reader()
    return Presence(f"{worker}-{number:x}", TOPIC, key, meta)


def _time(server: Redis, step: Any) -> tuple[float, float]:
    """Return the median wall time of a step, and Redis's CPU for one, in ms."""
    step()
    walls = []
    before = server.cpu_ns()
    for _ in range(REPEATS):
        began = time.perf_counter()
        step()
        walls.append(time.perf_counter() - began)
    return statistics.median(walls) * 1000, (server.cpu_ns() - before) / REPEATS / 1e6
