"""Write the results: as text for a terminal, as Markdown for docs/benchmarks.md."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from pathlib import Path

from .figures import Measurement, Results, Wait

PAGE = Path(__file__).with_name("page.md")
FLOOR = Path(__file__).with_name("floor.c")

# Every column: its heading in words, and what it says of a measurement.
COLUMNS: tuple[tuple[str, Callable[[Measurement], str]], ...] = (
    ("CPU/update, µs", lambda m: _with_redis(m.update_cpu_us, m.update_redis_cpu_us)),
    ("updates/s", lambda m: short(m.updates_per_second)),
    (
        "memory/reader, KB",
        lambda m: _with_redis(m.reader_bytes / 1024, m.reader_redis_bytes / 1024),
    ),
    ("join seen, ms", lambda m: _wait(m.join)),
    ("leave seen, ms", lambda m: _wait(m.leave)),
    ("CPU/join, µs", lambda m: _with_redis(m.join_cpu_us, m.join_redis_cpu_us)),
    ("storm CPU, s", lambda m: short(m.storm_cpu_seconds)),
    ("storm, s", lambda m: short(m.storm_seconds)),
)


def print_results(results: Results) -> Iterator[str]:
    """Yield the lines of one table with all measurements, and the contestants not measured."""
    for size in results.sizes():
        yield f"\n{size:,} readers"
        yield from align(_table(results, size))
    if any(each.idle for each in results.measurements):
        yield "\nidle, % of a core"
        yield from align(_idle_table(results))
    yield ""
    yield from _beside(results)
    yield from _not_measured(results)
    yield from (f"FAILED: {failure}" for failure in results.failures)


def write_page(results: Results) -> str:
    """Return docs/benchmarks.md: the text of bench/page.md with the figures of a run."""
    tables: list[str] = []
    for size in results.sizes():
        tables += [f"### {size:,} readers", "", *markdown(_table(results, size)), ""]
    page = string.Template(PAGE.read_text(encoding="utf-8"))
    return page.substitute(
        date=results.date,
        floor_lines=len(FLOOR.read_text(encoding="utf-8").splitlines()),
        command=results.command,
        machine="\n".join(markdown([["", ""], *map(list, results.machine)])),
        tables="\n".join(tables).rstrip(),
        idle="\n".join(markdown(_idle_table(results))),
        beside="\n".join(f"- {line}" for line in _beside(results)),
        missing="\n".join(f"{line}\n" for line in _not_measured(results)),
    )


def short(number: float) -> str:
    """Return a number with at most three significant digits and two decimals."""
    if abs(number) < 0.005:
        return "0"
    for limit, decimals in ((10, 2), (100, 1)):
        if round(abs(number), decimals) < limit:
            return f"{number:.{decimals}f}"
    return f"{number:,.0f}"


def _with_redis(whole: float, redis: float) -> str:
    whole = max(0.0, whole)  # memory may have shrunk by a page
    return f"{short(whole)} ({short(redis)})" if redis >= 0.005 else short(whole)


def _wait(wait: Wait) -> str:
    return " / ".join(short(seconds * 1000) for seconds in (wait.half, wait.most, wait.last))


def _table(results: Results, size: int) -> list[list[str]]:
    rows = [["", *(heading for heading, _ in COLUMNS)]]
    for name, title in results.titles.items():
        measurement = results.find(name, size)
        if measurement is not None:
            fewer = f", {measurement.readers:,} readers" if measurement.readers < size else ""
            rows.append([title + fewer, *(say(measurement) for _, say in COLUMNS)])
    return rows


def _idle_table(results: Results) -> list[list[str]]:
    rows = [["", "no reader", "with readers", "readers", "per 1,000 readers"]]
    for name, title in results.titles.items():
        for each in results.of(name):
            if each.idle is None:
                continue
            empty, full = each.idle.empty_cores, each.idle.cores
            shares = [empty, full, (full - empty) / each.readers * 1000]
            texts = [f"{share * 100:.3f}" for share in shares]
            rows.append([title, *texts[:2], f"{each.readers:,}", texts[2]])
    return rows


def _beside(results: Results) -> Iterator[str]:
    """Say how pages are answered beside the streams, and how a deploy goes."""
    for each in results.measurements:
        if each.page_quiet_seconds is None or each.page_storm_seconds is None:
            continue
        yield (
            f"A page beside {each.readers:,} streams, the slowest of a hundred: "
            f"{short(each.page_quiet_seconds * 1000)} ms in quiet, "
            f"{short(each.page_storm_seconds * 1000)} ms while 200 readers join each second."
        )
    if results.returning is not None:
        returning = results.returning
        half, most, last = (
            short(wait) for wait in (returning.wait.half, returning.wait.most, returning.wait.last)
        )
        yield (
            f"After a deploy {returning.readers:,} readers are back at one worker in {half} s "
            f"(half), {most} s (99 %), {last} s (the last); the slowest page meanwhile took "
            f"{short(returning.page_seconds * 1000)} ms."
        )


def _not_measured(results: Results) -> Iterator[str]:
    for name, why in results.missing.items():
        yield f"Not measured: {results.titles[name]}; {why}."


def align(rows: list[list[str]]) -> Iterator[str]:
    """Yield the lines of a table for a terminal."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        yield "  ".join(f"{cell:{'>' if i else '<'}{w}}" for i, (cell, w) in enumerate(cells))


def markdown(rows: list[list[str]]) -> list[str]:
    """Return the lines of a table in Markdown."""
    rule = ["---", *("---:" for _ in rows[0][1:])] if len(rows[0]) > 2 else ["---", "---"]
    lines = [f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:])]
    return [line.replace("|  |", "| |") for line in lines]
