"""Run random schedules for as long as told: `python -m tests.tracking.soak SECONDS`.

Prints how many schedules there were, which faults, and the longest time from the last repair until
every worker saw exactly the open tabs. Ends with 1 and the schedule where one does not converge.
"""

from __future__ import annotations

import platform
import random
import sys
import time

import hypothesis
from hypothesis.stateful import run_state_machine_as_test

from bench.server import stop_on_signals
from tests.tracking.machine import CONVERGE_SECONDS, WORKERS, PresenceMachine, settings
from tests.valkey import Valkey

BATCH = 20  # schedules between two looks at the clock
BAR_WIDTH = 30


def soak(seconds: float) -> None:
    """Run batches, each from a seed of its own, until the time is over."""
    began = time.monotonic()
    seeds = random.SystemRandom()
    while (passed := time.monotonic() - began) < seconds:
        show_progress(passed / seconds)
        hypothesis.seed(seeds.getrandbits(64))(PresenceMachine)
        run_state_machine_as_test(PresenceMachine, settings=settings(BATCH, database=None))
    show_progress(1.0)


def show_progress(share: float) -> None:
    """Draw a progress bar if stderr is a terminal."""
    if sys.stderr.isatty():
        bar = ("█" * round(share * BAR_WIDTH)).ljust(BAR_WIDTH, "·")
        end = "\n" if share >= 1 else ""
        schedules = PresenceMachine.schedules
        print(f"\r{bar} {share:4.0%}  {schedules} schedules", end=end, file=sys.stderr, flush=True)


def report(seconds: float) -> str:
    """Say what was done and what was seen."""
    faults = PresenceMachine.faults
    lines = [
        f"{time.strftime('%Y-%m-%d')}, {seconds:g} s on {platform.machine()}, Python "
        f"{platform.python_version()}: every schedule converged",
        f"schedules: {PresenceMachine.schedules}, {WORKERS} workers and more, up to 50 steps each",
        f"faults: {faults.total()}",
        *(f"  {count:7} {fault}" for fault, count in faults.most_common()),
        f"worst time to converge: {PresenceMachine.worst_seconds:.1f} s of simulated time "
        f"(bound {CONVERGE_SECONDS:g} s)",
    ]
    return "\n".join(lines)


def main(argument: str = "60") -> None:
    """Soak and report."""
    try:
        seconds = float(argument)
    except ValueError:
        sys.exit(f"soak: found {argument!r}, expected for how many seconds to run")
    with Valkey() as valkey:
        valkey.start()
        PresenceMachine.url = valkey.url
        soak(seconds)
    print(report(seconds))


if __name__ == "__main__":
    stop_on_signals()
    main(*sys.argv[1:])
