"""What the project promises, each beside what was measured: `make bench ARGS=--check`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .figures import Measurement, Results, Returning

OURS, SLOWER, FLOOR = "detached", "generator", "floor"
SOME, MANY, MOST = 500, 5_000, 18_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise: what was measured, in words, and whether it was kept (None: not measured).

    A promise that was not measured counts as not kept.
    """

    promise: str
    measured: str
    is_kept: bool | None


def judge(results: Results) -> list[Verdict]:
    """Judge every promise. Ratios are of figures of the same run."""
    few, many, most = (results.find(OURS, readers) for readers in (SOME, MANY, MOST))
    return [
        _compare("CPU per update, 5,000 readers, to the floor", 1.25, many, _floor(results, MANY)),
        _of_what_can_be_saved(many, results.find(SLOWER, MANY), _floor(results, MANY)),
        _compare("CPU per update, 18,000 readers, to the floor", 1.4, most, _floor(results, MOST)),
        _compare("CPU per update, 500 readers, to the floor", 2.0, few, _floor(results, SOME)),
        _growth(many, most, _floor(results, MANY), _floor(results, MOST)),
        _limit("worker's memory per reader, 5,000 readers", 4.0, "KB", many, _worker_kilobytes),
        _limit("worker's memory per reader, 18,000 readers", 4.0, "KB", most, _worker_kilobytes),
        _limit("the last of 5,000 has a join", 100.0, "ms", many, lambda m: m.join.last * 1000),
        _limit("idle, per 1,000 readers", 0.02, "% of a core", many, _idle_percent),
        Verdict(
            "readers held by one worker: at least 18,000",
            f"{most.readers:,}" if most else "not measured",
            most.readers >= MOST if most else None,
        ),
        _limit("worker's CPU of a join", 250.0, "µs", many, _worker_join_us),
        _limit("CPU of 5,000 who join at once", 2.0, "s", many, lambda m: m.storm_cpu_seconds),
        _limit("all of 5,000 at once are told right", 3.0, "s", many, lambda m: m.storm_seconds),
        _slowdown(many),
        _comeback(results.returning),
    ]


def describe(verdicts: list[Verdict]) -> Iterator[str]:
    """Yield a line for each verdict."""
    words = {True: "PASS", False: "FAIL", None: "FAIL"}
    width = max(len(verdict.promise) for verdict in verdicts)
    for verdict in verdicts:
        yield f"{words[verdict.is_kept]}  {verdict.promise:<{width}}  {verdict.measured}"


def _floor(results: Results, readers: int) -> Measurement | None:
    return results.find(FLOOR, readers)


def _compare(
    promise: str, most: float, ours: Measurement | None, other: Measurement | None
) -> Verdict:
    promise = f"{promise}: at most {most:g}×"
    if ours is None or other is None:
        return Verdict(promise, "not measured", None)
    ratio = ours.update_cpu_us / other.update_cpu_us
    measured = f"{ratio:.2f}× ({ours.update_cpu_us:.1f} to {other.update_cpu_us:.1f} µs)"
    return Verdict(promise, measured, ratio <= most)


def _of_what_can_be_saved(
    ours: Measurement | None, slower: Measurement | None, floor: Measurement | None
) -> Verdict:
    """Judge the saving of our own sockets over the generator: no server can get below the floor.

    The promise was a quarter of the generator's cost when that cost was 50 µs. It costs 17 now, and
    the floor itself is a third of that.
    """
    promise = "of the generator's CPU above the floor, 5,000 readers, saved: at least 90 %"
    if ours is None or slower is None or floor is None:
        return Verdict(promise, "not measured", None)
    most = slower.update_cpu_us - floor.update_cpu_us
    saved = (slower.update_cpu_us - ours.update_cpu_us) / most if most > 0 else 0.0
    figures = (slower.update_cpu_us, ours.update_cpu_us, floor.update_cpu_us)
    words = "{:.1f}, {:.1f}, {:.1f} µs".format(*figures)
    return Verdict(promise, f"{saved * 100:.0f} % ({words})", saved >= 0.9)


def _growth(
    few: Measurement | None,
    many: Measurement | None,
    floor_few: Measurement | None,
    floor_many: Measurement | None,
) -> Verdict:
    """Judge that the cost per reader does not grow with their number, except for the kernel's part.

    A processor's caches hold 5,000 sockets but not 18,000: the floor shows the same growth.
    """
    promise = "growth of CPU per update, 5,000 to 18,000, to the floor's: at most 1.2×"
    if few is None or many is None or floor_few is None or floor_many is None:
        return Verdict(promise, "not measured", None)
    ours = many.update_cpu_us / few.update_cpu_us
    floor = floor_many.update_cpu_us / floor_few.update_cpu_us
    return Verdict(promise, f"{ours / floor:.2f}× ({ours:.2f}, {floor:.2f})", ours / floor <= 1.2)


def _slowdown(ours: Measurement | None) -> Verdict:
    promise = "a page (p99) while 200 join 5,000 each second, to quiet: at most 3×"
    if ours is None or ours.page_quiet_seconds is None or ours.page_storm_seconds is None:
        return Verdict(promise, "not measured", None)
    ratio = ours.page_storm_seconds / ours.page_quiet_seconds
    times = (ours.page_storm_seconds * 1000, ours.page_quiet_seconds * 1000)
    return Verdict(promise, "{:.2f}× ({:.1f} to {:.1f} ms)".format(ratio, *times), ratio <= 3.0)


def _comeback(returning: Returning | None) -> Verdict:
    promise = "10,000 are back after a deploy, and pages are answered: at most 15 s"
    if returning is None or returning.readers < 10_000:
        return Verdict(promise, "not measured", None)
    measured = f"{returning.wait.last:.1f} s (slowest page {returning.page_seconds * 1000:.0f} ms)"
    return Verdict(promise, measured, returning.wait.last <= 15.0)


def _limit(
    promise: str,
    most: float,
    unit: str,
    ours: Measurement | None,
    figure: Callable[[Measurement], float | None],
) -> Verdict:
    promise = f"{promise}: at most {most:g} {unit}"
    measured = None if ours is None else figure(ours)
    if measured is None:
        return Verdict(promise, "not measured", None)
    return Verdict(promise, f"{measured:.3g} {unit}", measured <= most)


def _worker_kilobytes(measurement: Measurement) -> float:
    return (measurement.reader_bytes - measurement.reader_redis_bytes) / 1024


def _worker_join_us(measurement: Measurement) -> float:
    return measurement.join_cpu_us - measurement.join_redis_cpu_us


def _idle_percent(measurement: Measurement) -> float | None:
    if measurement.idle is None:
        return None
    of_all = measurement.idle.cores - measurement.idle.empty_cores
    return max(0.0, of_all) / measurement.readers * 1000 * 100
