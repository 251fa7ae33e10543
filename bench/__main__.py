"""`make bench`: measure every contestant in turn, print one table, write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import datetime
import shlex
import sys
from collections.abc import Sequence

from .bounds import SOME, describe, judge
from .contestants import CONTESTANTS, Contestant
from .crowd import raise_file_limit
from .figures import Measurement, Results, Returning
from .machine import describe_machine
from .measure import Plan, measure
from .plot import draw
from .progress import Progress
from .report import print_results, write_page
from .returning import measure_returning
from .server import ROOT, ContestantError, stop_on_signals

# "As many as the file limit allows": with a limit of 20,000, less a server's other open files.
MOST_READERS, FILES_NOT_FOR_READERS = 18_000, 1_000
SIZES, QUICK_SIZES = (100, SOME, 1_000, 5_000), (100, 1_000)
# How many readers come back after a deploy; fewer if fewer are asked for.
RETURNING = 10_000
# With how many readers to idle; fewer if fewer are asked for.
IDLE_READERS = 5_000
# So many readers are measured only for the contestants that a promise names.
ONLY_PROMISED = {SOME: ("detached", "generator", "floor")}
QUICK = Plan(steady_seconds=2.0, calm_seconds=3.0, idle_seconds=5.0, page_seconds=5.0, repeats=3)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; return 1 if a contestant failed, or with --check if a promise was not kept."""
    options = _parse(argv)
    file_limit = raise_file_limit()
    chosen = [each for each in CONTESTANTS if each.name in options.only]
    missing = {each.name: why for each in chosen if (why := each.missing())}
    present = [each for each in chosen if each.name not in missing]
    plan = QUICK if options.quick else Plan()
    runs = _plan_runs(present, _sizes(options, file_limit))
    measurements: list[Measurement] = []
    failures: list[str] = []
    returning: Returning | None = None
    deployed = [each for each in present if each.page]
    with Progress(len(runs) + len(deployed)) as progress:
        for contestant, size, idle in runs:
            try:
                measurements.append(measure(contestant, size, plan, idle=idle, tell=progress.tell))
            except ContestantError as failure:
                failures.append(str(failure))
            progress.step()
        for contestant in deployed:
            try:
                count = RETURNING if _is_whole(options) else max(_sizes(options, file_limit))
                returning = measure_returning(contestant, count, plan, progress.tell)
            except ContestantError as failure:
                failures.append(str(failure))
            progress.step()
    results = Results(
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        command=_command(argv),
        machine=describe_machine(each.name for each in present),
        titles={each.name: each.title for each in CONTESTANTS},
        measurements=tuple(measurements),
        returning=returning,
        missing=missing,
        failures=tuple(failures),
    )
    return _report(results, options)


def _report(results: Results, options: argparse.Namespace) -> int:
    print("\n".join(print_results(results)))
    if results.failures or options.is_partial:
        print("\ndocs/benchmarks.md is left as it was: this was not a whole run, or one failed.")
    else:
        (ROOT / "docs" / "benchmarks.md").write_text(write_page(results), encoding="utf-8")
        (ROOT / "docs" / "benchmarks.svg").write_text(draw(results), encoding="utf-8")
        print("\nWritten: docs/benchmarks.md, docs/benchmarks.svg")
    are_kept = True
    if options.check:
        verdicts = judge(results)
        print("", *describe(verdicts), sep="\n")
        are_kept = all(verdict.is_kept for verdict in verdicts)
    return 1 if results.failures or not are_kept else 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    names = [each.name for each in CONTESTANTS]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="two minutes: 100 and 1,000 readers, short steps"
    )
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=names,
        metavar="NAMES",
        help=f"only these, comma-separated: {', '.join(names)}",
    )
    parser.add_argument(
        "--readers",
        type=lambda text: [int(number) for number in text.split(",")],
        default=[],
        metavar="NUMBERS",
        help="so many readers, comma-separated",
    )
    parser.add_argument(
        "--check", action="store_true", help="judge every promise; exit 1 if one is not kept"
    )
    options = parser.parse_args(argv)
    if unknown := sorted(set(options.only) - set(names)):
        parser.error(f"--only: found {', '.join(unknown)}, expected some of {', '.join(names)}")
    if any(number < 2 * 20 for number in options.readers):
        parser.error("--readers: expected numbers from 40")
    options.is_partial = not _is_whole(options) or options.only is not names
    return options


def _is_whole(options: argparse.Namespace) -> bool:
    return not (options.quick or options.readers)


def _sizes(options: argparse.Namespace, file_limit: int) -> list[int]:
    if options.readers:
        return sorted(set(options.readers))
    if options.quick:
        return list(QUICK_SIZES)
    return [*SIZES, min(MOST_READERS, file_limit - FILES_NOT_FOR_READERS)]


def _plan_runs(
    contestants: Sequence[Contestant], sizes: Sequence[int]
) -> list[tuple[Contestant, int, bool]]:
    """Return the contestants, each with a number of readers, and whether to idle with them.

    Ordered by size: contestants that are compared are measured close in time.
    """
    idle_size = max((size for size in sizes if size <= IDLE_READERS), default=min(sizes))
    runs: list[tuple[Contestant, int, bool]] = []
    names = [contestant.name for contestant in contestants]
    for size in sizes:
        for contestant in contestants:
            if len(sizes) > 1 and contestant.name not in ONLY_PROMISED.get(size, names):
                continue
            runs.append((contestant, size, size == idle_size))
    return runs


def _command(argv: Sequence[str] | None) -> str:
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments:
        return "make bench"
    return f"make bench ARGS={shlex.quote(shlex.join(arguments))}"


if __name__ == "__main__":
    stop_on_signals()
    sys.exit(main())
