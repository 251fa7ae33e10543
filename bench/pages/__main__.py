"""`make bench-pages`: measure what pages cost, print one table, write docs/pages.md."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Sequence

from bench.bounds import describe
from bench.machine import describe_machine
from bench.progress import Progress
from bench.server import ROOT, ContestantError, stop_on_signals

from .client import WrongAnswerError
from .measure import Cost, Plan, measure
from .report import judge, print_costs, renew

QUICK = Plan(requests=400, rounds=3)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; return 1 if an answer was wrong, or with --check if the promise was not kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds; writes no docs")
    parser.add_argument(
        "--check", action="store_true", help="judge the promise; exit 1 if it is not kept"
    )
    options = parser.parse_args(argv)
    plan = QUICK if options.quick else Plan()
    try:
        with Progress(plan.rounds) as progress:
            costs, missing = measure(plan, progress.tell, progress.step)
    except (WrongAnswerError, ContestantError, OSError) as failure:
        print(f"FAILED: {failure}\n\ndocs/pages.md is left as it was.")
        return 1
    print("\n".join(print_costs(costs, missing)))
    if options.quick:
        print("\ndocs/pages.md is left as it was: this was a quick run.")
    else:
        _write(costs, missing, "make bench-pages" + (" ARGS=--check" if options.check else ""))
        print("\nWritten: docs/pages.md")
    if not options.check:
        return 0
    verdicts = judge(costs)
    print("", *describe(verdicts), sep="\n")
    return 0 if all(verdict.is_kept for verdict in verdicts) else 1


def _write(costs: Sequence[Cost], missing: Sequence[str], command: str) -> None:
    machine = dict(describe_machine(["nginx"] if not missing else []))
    names = ("CPU", "Kernel", "Python", "gunicorn", "gevent", "Flask", "nginx")
    on = "; ".join(f"{name} {machine[name]}" for name in names if name in machine)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    path = ROOT / "docs" / "pages.md"
    about = [f"Measured on {today} by `{command}` ({on}):"]
    path.write_text(
        renew(path.read_text(encoding="utf-8"), costs, missing, about), encoding="utf-8"
    )


if __name__ == "__main__":
    stop_on_signals()
    sys.exit(main())
