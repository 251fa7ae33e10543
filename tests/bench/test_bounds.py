"""Every promise is judged by figures of one run, and one that was not measured is not kept."""

from __future__ import annotations

import dataclasses

from bench.bounds import describe, judge
from bench.figures import Idle, Results, Returning, Wait
from tests.bench.measured import make_measurement, make_results

GOOD = make_results(
    make_measurement("detached", 500, update_cpu_us=15.0),
    make_measurement(
        "detached",
        5_000,
        update_cpu_us=9.5,
        idle=Idle(cores=0.0031, empty_cores=0.0022),
        page_quiet_seconds=0.004,
        page_storm_seconds=0.012,
    ),
    make_measurement("detached", 18_000, update_cpu_us=10.9),
    make_measurement("generator", 5_000, update_cpu_us=40.0),
    make_measurement("floor", 500, update_cpu_us=7.6),
    make_measurement("floor", 5_000, update_cpu_us=7.8),
    make_measurement("floor", 18_000, update_cpu_us=7.9),
    returning=Returning(readers=10_000, wait=Wait(6.0, 14.0, 15.0), page_seconds=0.1),
)


def change(results: Results, contestant: str, size: int, **figures: object) -> Results:
    """Return the results with other figures for one measurement."""
    changed = tuple(
        dataclasses.replace(each, **figures)  # type: ignore[arg-type]
        if (each.contestant, each.size) == (contestant, size)
        else each
        for each in results.measurements
    )
    return dataclasses.replace(results, measurements=changed)


def broken_by(results: Results) -> list[str]:
    return [verdict.promise for verdict in judge(results) if not verdict.is_kept]


def test_a_run_within_every_bound_passes():
    assert broken_by(GOOD) == []
    assert len(judge(GOOD)) == 15


def test_each_figure_beyond_its_bound_breaks_its_promise():
    beyond = {
        ("detached", 500, "update_cpu_us", 15.3): ["to the floor: at most 2×"],
        ("detached", 5_000, "update_cpu_us", 9.8): ["to the floor: at most 1.25×"],
        ("generator", 5_000, "update_cpu_us", 24.7): ["the generator's CPU above the floor"],
        ("detached", 18_000, "update_cpu_us", 11.3): ["to the floor: at most 1.4×"],
        ("detached", 5_000, "update_cpu_us", 8.9): ["5,000 to 18,000, to the floor's"],
        ("detached", 5_000, "reader_bytes", 4_200.0): ["memory per reader, 5,000 readers"],
        ("detached", 18_000, "reader_bytes", 4_200.0): ["memory per reader, 18,000 readers"],
        ("detached", 5_000, "join", Wait(0.05, 0.09, 0.101)): ["the last of 5,000 has a join"],
        ("detached", 5_000, "idle", Idle(cores=0.0033, empty_cores=0.0022)): [
            "idle, per 1,000 readers"
        ],
        ("detached", 18_000, "readers", 17_900): ["at least 18,000"],
        ("detached", 5_000, "join_cpu_us", 251.0): ["worker's CPU of a join"],
        ("detached", 5_000, "storm_cpu_seconds", 2.1): ["CPU of 5,000 who join at once"],
        ("detached", 5_000, "storm_seconds", 3.1): ["all of 5,000 at once are told right"],
        ("detached", 5_000, "page_storm_seconds", 0.0121): ["a page (p99) while 200 join"],
    }
    assert len(beyond) == len(judge(GOOD)) - 1  # the other is the deploy
    for (contestant, size, figure, value), promises in beyond.items():
        broken = broken_by(change(GOOD, contestant, size, **{figure: value}))
        assert len(broken) == len(promises), (figure, value, broken)
        assert all(part in promise for part, promise in zip(promises, broken, strict=True))


def test_a_deploy_is_judged_by_the_last_of_10_000():
    for readers, last in ((10_000, 15.1), (9_999, 14.0)):
        deploy = Returning(readers=readers, wait=Wait(6.0, 13.0, last), page_seconds=0.1)
        broken = broken_by(dataclasses.replace(GOOD, returning=deploy))
        assert broken == ["10,000 are back after a deploy, and pages are answered: at most 15 s"]


def test_the_worker_is_judged_without_redis():
    heavy_redis = change(
        GOOD,
        "detached",
        5_000,
        reader_bytes=5_000.0,
        reader_redis_bytes=1_000.0,
        join_cpu_us=300.0,
        join_redis_cpu_us=60.0,
    )
    assert broken_by(heavy_redis) == []


def test_what_was_not_measured_is_not_kept():
    nothing = make_results()
    assert len(broken_by(nothing)) == 15
    assert {verdict.measured for verdict in judge(nothing)} == {"not measured"}


def test_a_verdict_says_what_was_measured():
    lines = list(describe(judge(change(GOOD, "detached", 5_000, join_cpu_us=300.0))))
    assert "PASS  CPU per update, 5,000 readers, to the floor: at most 1.25×" in lines[0]
    assert lines[0].endswith("  1.22× (9.5 to 7.8 µs)")
    assert [line for line in lines if line.startswith("FAIL")] == [lines[10]]
    assert lines[10].endswith("  300 µs")
