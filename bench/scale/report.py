"""Report the measurements and the estimates from them: docs/scale.md and its tables."""

from __future__ import annotations

import string
from collections.abc import Iterator
from pathlib import Path

from bench.frame import make_html
from bench.report import markdown, short

from .figures import Figures
from .paper import Cost, Load, Model, estimate, find_bend

PAGE = Path(__file__).with_name("page.md")
# The page's example: a hundred workers, a million readers, a minute on each page.
WORKERS, READERS_EACH, VISIT_SECONDS = 100, 10_000, 60.0
SIZES = (2, 8, 16, 50, 100, 200)
PACES = (10.0, 2.0, 1.0)
# Beside the HTML: "data: " on both lines, two line ends, and Ethernet's, IP's and TCP's headers.
FRAME_EXTRA_BYTES = 2 * 6 + 2 + 14 + 20 + 32
# Where it bends: so much of one core, and of a network card of 1 and of 10 Gbit/s.
REDIS_CORES, PRESENCE_CORES = 0.8, 0.25
GIGABIT_BYTES, TEN_GIGABIT_BYTES = 125e6, 1_250e6


def make_model(figures: Figures) -> Model:
    """Return the measurements as the cost of one more worker, and of one more change."""
    presences = figures.writes[0].presences
    return Model.of(
        [run for run in figures.writes if run.presences == presences],
        figures.steady,
        update_us=figures.blogs[0][1].update_cpu_us,
        frame_bytes=len(make_html(WORKERS * READERS_EACH)) + FRAME_EXTRA_BYTES,
    )


def make_load(workers: int, *, flushes_per_second: float = PACES[0]) -> Load:
    """Return the load of the page, with so many workers."""
    return Load(
        workers=workers,
        readers_each=READERS_EACH,
        visit_seconds=VISIT_SECONDS,
        flushes_per_second=flushes_per_second,
    )


def make_tables(figures: Figures) -> dict[str, list[list[str]]]:
    """Return every table by its name on the page."""
    model = make_model(figures)
    return {
        "machine": [["", ""], *map(list, figures.machine)],
        "blogs": list(_blogs(figures)),
        "writes": list(_writes(figures)),
        "steady": list(_steady(figures, model)),
        "slots": list(_slots(figures)),
        "digests": list(_digests(figures)),
        "paper": list(_paper(model)),
        "paces": list(_paces(model)),
    }


def write_page(figures: Figures) -> str:
    """Return docs/scale.md: the text of bench/scale/page.md with the figures of a run."""
    model = make_model(figures)
    whole = estimate(model, make_load(WORKERS))
    line = model.worker_us
    flush = make_load(WORKERS)
    newcomer = figures.newcomer

    def costs(workers: int) -> Cost:
        return estimate(model, make_load(workers))

    words = {
        "date": figures.date,
        "command": figures.command,
        "pairs": short(flush.pairs),
        "message_bytes": short(model.message_bytes),
        "pair_bytes": short(model.pair_bytes),
        "frame_bytes": short(model.frame_bytes),
        "hear_us": short(line.for_worker),
        "hear_pair_us": short(line.for_pair_and_worker),
        "newcomer_seconds": short(newcomer.seconds),
        "newcomer_cpu": short(newcomer.cpu_seconds),
        "newcomer_stall_ms": short(newcomer.stall_seconds * 1000),
        "newcomer_slots": f"{newcomer.slots:,}",
        "newcomer_presences": f"{newcomer.presences:,}",
        "replica_bytes": short(newcomer.replica_bytes),
        "redis_bytes": short(newcomer.redis_bytes),
        "backlog_megabytes": short(newcomer.seconds * whole.redis_bytes / WORKERS / 1e6),
        "replica_gigabytes": short(newcomer.replica_bytes * WORKERS * READERS_EACH / 1e9),
        "redis_megabytes": short(newcomer.redis_bytes * WORKERS * READERS_EACH / 1e6),
        "publishes": short(whole.publishes),
        "deliveries": short(whole.deliveries),
        "megabytes": short(whole.redis_bytes / 1e6),
        "gigabits": short(whole.redis_bytes * 8 / 1e9),
        "presence_share": _share(whole.presence_cores),
        "redis_share": _share(whole.redis_cores),
        "updates": short(whole.updates),
        "reader_megabytes": short(whole.reader_bytes / 1e6),
        "reader_gigabits": short(whole.reader_bytes * WORKERS * 8 / 1e9),
        "gigabit_workers": f"{find_bend(costs, lambda c: c.redis_bytes > GIGABIT_BYTES):,}",
        "ten_gigabit_workers": f"{find_bend(costs, lambda c: c.redis_bytes > TEN_GIGABIT_BYTES):,}",
        "presence_workers": f"{find_bend(costs, lambda c: c.presence_cores > PRESENCE_CORES):,}",
        "redis_workers": f"{find_bend(costs, lambda c: c.redis_cores > REDIS_CORES):,}",
    }
    tables = {name: "\n".join(markdown(rows)) for name, rows in make_tables(figures).items()}
    return string.Template(PAGE.read_text(encoding="utf-8")).substitute(words | tables)


def _share(cores: float) -> str:
    return f"{short(cores * 100)} %"


def _blogs(figures: Figures) -> Iterator[list[str]]:
    yield [
        *("", "readers", "CPU/update, µs", "updates/s", "memory/reader, KB"),
        *("CPU/join, µs", "join seen by 99 %, ms", "storm, s"),
    ]
    for workers, blog in figures.blogs:
        yield [
            "one worker" if workers == 1 else f"one host, {workers} workers",
            f"{blog.readers:,}",
            short(blog.update_cpu_us),
            short(blog.updates_per_second),
            short(blog.reader_bytes / 1024),
            short(blog.join_cpu_us),
            short(blog.join.most * 1000),
            short(blog.storm_seconds),
        ]


def _writes(figures: Figures) -> Iterator[list[str]]:
    yield [
        *("workers who hear", "presences in the slot", "come and go in one write"),
        *("bytes/message", "Redis's CPU/write, µs", "writes/s", "deliveries/s", "MB/s"),
        "writes/s of one core, on paper",
    ]
    for run in figures.writes:
        deliveries = run.writes_per_second * run.workers
        yield [
            f"{run.workers:,}",
            f"{run.presences:,}",
            f"{run.pairs:,}",
            short(run.message_bytes),
            short(run.redis_us),
            short(run.writes_per_second),
            short(deliveries),
            short(deliveries * run.message_bytes / 1e6),
            short(run.most_writes),
        ]


def _steady(figures: Figures, model: Model) -> Iterator[list[str]]:
    yield [
        *("workers", "come and go in one flush", "flushes/s of each"),
        *("messages heard/s by each", "CPU/flush, µs", "by the lines, µs", "of a core, %"),
    ]
    for run in figures.steady:
        yield [
            f"{run.workers:,}",
            f"{run.pairs:,}",
            short(run.flushes_per_second),
            short(run.flushes_per_second * (run.workers - 1)),
            short(run.flush_us),
            short(model.worker_us.at(run.workers, run.pairs)),
            short(run.flush_us * run.flushes_per_second / 1e4),
        ]


def _slots(figures: Figures) -> Iterator[list[str]]:
    yield ["presences", "put, ms", "Redis's CPU, ms", "fetch, ms", "Redis's CPU, ms"]
    for slot in figures.slots:
        costs = (slot.put_ms, slot.put_redis_ms, slot.fetch_ms, slot.fetch_redis_ms)
        yield [f"{slot.presences:,}", *map(short, costs)]


def _digests(figures: Figures) -> Iterator[list[str]]:
    yield ["workers", "digest, ms", "Redis's CPU, ms", "Redis's share if each asks every 27 s"]
    for digest in figures.digests:
        share = digest.redis_ms / 1000 * digest.workers / 27
        yield [
            f"{digest.workers:,}",
            short(digest.wall_ms),
            short(digest.redis_ms),
            f"{share * 100:.3f} %",
        ]


def _paper(model: Model) -> Iterator[list[str]]:
    yield [
        *("workers", "readers", "messages/s into Redis", "out of it", "MB/s out of it"),
        *("Redis, % of a core", "a worker, % of a core: to agree", "to tell its readers"),
        *("updates/s to each reader", "MB/s to a worker's readers"),
    ]
    for workers in SIZES:
        cost = estimate(model, make_load(workers))
        yield [
            f"{workers:,}",
            f"{workers * READERS_EACH:,}",
            short(cost.publishes),
            short(cost.deliveries),
            short(cost.redis_bytes / 1e6),
            short(cost.redis_cores * 100),
            short(cost.presence_cores * 100),
            short(cost.fanout_cores * 100),
            short(cost.updates),
            short(cost.reader_bytes / 1e6),
        ]


def _paces(model: Model) -> Iterator[list[str]]:
    yield [
        *("flushes/s of each", "messages/s out of Redis", "MB/s out of it"),
        *("Redis, % of a core", "a worker, % of a core: to agree"),
    ]
    for pace in PACES:
        cost = estimate(model, make_load(WORKERS, flushes_per_second=pace))
        yield [
            short(pace),
            short(cost.deliveries),
            short(cost.redis_bytes / 1e6),
            short(cost.redis_cores * 100),
            short(cost.presence_cores * 100),
        ]
