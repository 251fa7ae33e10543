"""`make bench-scale`: what one worker, one host and one Redis carry; writes docs/scale.md."""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.contestants import Contestant, viblog
from bench.crowd import raise_file_limit
from bench.figures import Measurement
from bench.machine import describe_machine
from bench.measure import Plan as BlogPlan
from bench.measure import measure
from bench.report import align
from bench.server import ROOT, stop_on_signals

from .figures import Figures
from .measure import (
    measure_digest,
    measure_newcomer,
    measure_slot,
    measure_steady,
    measure_writes,
)
from .report import make_tables, write_page

PEERS = {"flask-sse", "sse-starlette", "uvicorn"}  # which have no part in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured."""

    writes: tuple[tuple[int, int], ...] = tuple((n, k) for n in (1, 10, 30, 100) for k in (1, 17))
    big_slots: tuple[int, ...] = (100, 10_000)
    steady: tuple[tuple[int, int], ...] = tuple((n, k) for n in (2, 4, 8, 16) for k in (1, 10, 30))
    presences: int = 1_000
    seconds: float = 4.0
    slots: tuple[int, ...] = (100, 1_000, 10_000)
    digests: tuple[int, ...] = (10, 100, 1_000)
    newcomer: tuple[int, int] = (100, 1_000_000)
    blogs: tuple[tuple[int, int], ...] = ((1, 10_000), (2, 18_000))


QUICK = Plan(
    writes=((1, 1), (1, 17), (10, 1), (10, 17)),
    big_slots=(),
    steady=((2, 1), (2, 10), (4, 1), (4, 10)),
    seconds=1.0,
    slots=(100,),
    digests=(10,),
    newcomer=(10, 10_000),
    blogs=((2, 500),),
)


def main(argv: Sequence[str] | None = None, *, plan: Plan | None = None) -> int:
    """Measure, print the tables, and write the page if it was a whole run."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a minute, with few of everything; writes no page"
    )
    options = parser.parse_args(argv)
    plan = plan or (QUICK if options.quick else Plan())
    raise_file_limit()
    figures = find_figures(plan, "make bench-scale" + " ARGS=--quick" * options.quick)
    for name, rows in make_tables(figures).items():
        print(f"\n{name}", *align(rows), sep="\n")
    page = write_page(figures)
    if options.quick:
        print("\ndocs/scale.md is left as it was: this was not a whole run.")
    else:
        (ROOT / "docs" / "scale.md").write_text(page, encoding="utf-8")
        print("\nWritten: docs/scale.md")
    return 0


def find_figures(plan: Plan, command: str, say: Callable[[str], object] = print) -> Figures:
    """Measure everything, one thing after the other."""
    machine = [row for row in describe_machine(()) if row[0] not in PEERS]
    machine.append(("Other work", f"{os.getloadavg()[0]:.1f} processes in the minute before"))
    writes, steady = [], []
    for workers, pairs in plan.writes:
        say(f"one slot, {workers} workers hear of it, {pairs} come and go in each write")
        writes.append(
            measure_writes(workers, pairs, presences=plan.presences, seconds=plan.seconds)
        )
    for presences in plan.big_slots:
        say(f"a slot of {presences:,}")
        workers, pairs = 10, 17
        writes.append(measure_writes(workers, pairs, presences=presences, seconds=plan.seconds))
    for workers, pairs in plan.steady:
        say(f"{workers} workers, {pairs} come and go in each flush")
        steady.append(
            measure_steady(workers, pairs, presences=plan.presences, seconds=plan.seconds)
        )
    say("slots, digests")
    slots = tuple(map(measure_slot, plan.slots))
    digests = tuple(map(measure_digest, plan.digests))
    say(f"a newcomer, where {plan.newcomer[1]:,} are already")
    newcomer = measure_newcomer(*plan.newcomer)
    blogs = tuple((workers, measure_blog(workers, readers, say)) for workers, readers in plan.blogs)
    return Figures(
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        command=command,
        machine=tuple(machine),
        writes=tuple(writes),
        steady=tuple(steady),
        slots=slots,
        digests=digests,
        newcomer=newcomer,
        blogs=blogs,
    )


def measure_blog(workers: int, readers: int, say: Callable[[str], object]) -> Measurement:
    """Measure the whole blog, with its embedded Valkey."""
    say(f"the blog: {workers} workers, {readers:,} readers")
    blog = Contestant(
        name="detached",
        title=f"Viblog, {workers} workers",
        prepare=viblog("auto", workers=workers),
        missing=lambda: "",
        path="/live?page=index",
    )
    return measure(blog, readers, BlogPlan(repeats=3), idle=False, tell=lambda step: None)


if __name__ == "__main__":
    stop_on_signals()
    sys.exit(main())
