"""Report the cost of pages: a table for a terminal, a section of docs/pages.md, the promise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bench.bounds import Verdict
from bench.report import align, markdown, short

from .measure import EMPTY_VIEW, Cost

MOST_OF_FLASK = 0.75
SECTION = re.compile(r"(<!-- bench-pages: .*? -->\n).*?(<!-- end of bench-pages -->)", re.DOTALL)


def write_table(costs: Sequence[Cost]) -> list[list[str]]:
    """Return the rows of the one table."""
    flask = find_empty_view(costs)
    rows = [["", "kept alive, µs", "to Flask", "new connection, µs", "to Flask", "body, bytes"]]
    for cost in costs:
        kept = short(cost.kept_us), f"{cost.kept_us / flask.kept_us:.2f}"
        new = short(cost.new_us), f"{cost.new_us / flask.new_us:.2f}"
        rows.append([cost.title, *kept, *new, f"{cost.length:,}"])
    return rows


def print_costs(costs: Sequence[Cost], missing: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the table, and the subjects missing from it."""
    yield from align(write_table(costs))
    yield from (f"Not measured: {who}." for who in missing)


def renew(page: str, costs: Sequence[Cost], missing: Sequence[str], about: Sequence[str]) -> str:
    """Return docs/pages.md with a new section; `about` says when, how and on what it was made."""
    lines = [*about, "", *markdown(write_table(costs)), ""]
    lines += [f"Not measured: {who}.\n" for who in missing]
    renewed, count = SECTION.subn(lambda found: found[1] + "\n".join(lines) + found[2], page)
    assert count == 1, "docs/pages.md: the comments around the section of the benchmark are missing"
    return renewed


def judge(costs: Sequence[Cost]) -> list[Verdict]:
    """Judge the promise for each page that it covers, in both ways to connect."""
    flask = find_empty_view(costs)
    return [
        Verdict(
            f"{cost.title}, {how}: at most {MOST_OF_FLASK:g}× an empty Flask view",
            f"{ours / theirs:.2f}× ({ours:.0f} to {theirs:.0f} µs)",
            ours <= MOST_OF_FLASK * theirs,
        )
        for cost in costs
        if cost.is_promised
        for how, ours, theirs in (
            ("kept alive", cost.kept_us, flask.kept_us),
            ("new connection", cost.new_us, flask.new_us),
        )
    ]


def find_empty_view(costs: Sequence[Cost]) -> Cost:
    """Return the empty view's row, with which all others are compared."""
    return next(cost for cost in costs if cost.title == EMPTY_VIEW)
