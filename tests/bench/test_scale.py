"""The estimates for many workers follow from the measurements of a few."""

from __future__ import annotations

import dataclasses

import pytest

import bench.scale.__main__
from bench.scale.__main__ import QUICK, find_figures, main
from bench.scale.figures import DigestCost, Figures, Newcomer, SlotCost, Steady, Writes
from bench.scale.measure import measure_newcomer, measure_steady, measure_writes
from bench.scale.paper import Line, Load, Model, estimate, find_bend
from bench.scale.report import PAGE, make_tables, write_page
from bench.server import ROOT
from tests.bench.measured import make_measurement

# A flush costs Redis 20 µs, 2 for each pair, 1 for each who hears it and 0.1 for each pair heard.
WRITES = tuple(
    Writes(
        workers=workers,
        presences=1_000,
        pairs=pairs,
        writes_per_second=1_000.0,
        redis_us=20 + 2 * pairs + workers * (1 + 0.1 * pairs),
        message_bytes=100.0 + 120 * pairs,
    )
    for workers in (1, 10)
    for pairs in (1, 11)
)
# A worker pays 300 µs for its own, 10 for each pair, 50 for each other's, 5 for each pair of those.
STEADY = tuple(
    Steady(
        workers=workers,
        presences=1_000,
        pairs=pairs,
        flushes_per_second=10.0,
        flush_us=300 + 10 * pairs + workers * (50 + 5 * pairs),
        redis_us=0.0,
    )
    for workers in (2, 4)
    for pairs in (1, 11)
)
MODEL = Model.of(WRITES, STEADY, update_us=5.0, frame_bytes=200.0)
FIGURES = Figures(
    date="2026-11-24",
    command="make bench-scale",
    machine=(("CPU", "a fast one"),),
    writes=WRITES,
    steady=STEADY,
    slots=(SlotCost(presences=10, put_ms=1, put_redis_ms=2, fetch_ms=3, fetch_redis_ms=4),),
    digests=(DigestCost(workers=100, wall_ms=1.0, redis_ms=0.27),),
    newcomer=Newcomer(
        slots=10,
        presences=1_000,
        seconds=12.0,
        cpu_seconds=11.0,
        stall_seconds=0.5,
        replica_bytes=1_000.0,
        redis_bytes=130.0,
    ),
    blogs=((1, make_measurement("detached", 100, update_cpu_us=5.0)),),
)


def test_the_lines_find_what_each_worker_and_each_change_costs():
    line = Line.through(WRITES, lambda run: run.redis_us)
    assert dataclasses.astuple(line) == pytest.approx((20, 2, 1, 0.1))
    assert line.at(100, 10) == pytest.approx(20 + 20 + 100 + 100)


def test_a_hundred_workers_with_a_million_readers_cost_what_the_lines_say():
    cost = estimate(MODEL, Load(workers=100, readers_each=10_000, visit_seconds=100.0))
    assert cost.publishes == 1_000
    assert cost.deliveries == 100_000
    assert cost.redis_bytes == pytest.approx(100_000 * (100 + 120 * 10))
    assert cost.redis_cores == pytest.approx(1_000 * 240e-6)
    assert cost.presence_cores == pytest.approx(10 * (300 + 100 + 100 * (50 + 50)) * 1e-6)
    # 10,000 readers, 5 µs each, ten times a second, would be half a core: a quarter is allowed.
    assert cost.fanout_cores == 0.25
    assert cost.updates == pytest.approx(5)
    assert cost.reader_bytes == pytest.approx(5 * 10_000 * 200)


def test_few_readers_are_told_every_change():
    cost = estimate(MODEL, Load(workers=2, readers_each=1_000, visit_seconds=100.0))
    assert cost.fanout_cores == pytest.approx(0.05)
    assert cost.updates == pytest.approx(10)


def test_it_bends_after_the_last_number_of_workers_that_is_fine():
    def costs(workers):
        return estimate(MODEL, Load(workers=workers, readers_each=10_000, visit_seconds=100.0))

    # 10 × n² × 1,300 bytes are 125 MB for n = 98.06.
    assert find_bend(costs, lambda cost: cost.redis_bytes > 125e6) == 98


def test_the_page_and_the_tables_say_what_was_measured():
    page = write_page(FIGURES)
    assert "on 2026-11-24 by `make bench-scale`" in page
    assert "**1,000 messages a second into Redis and 100,000 out of" in page
    assert "| 100 | 1.00 | 0.27 | 0.100 % |" in page
    assert "$" not in page
    assert make_tables(FIGURES)["slots"][1] == ["10", "1.00", "2.00", "3.00", "4.00"]


def test_the_page_in_the_docs_has_the_words_of_today():
    """Else it was changed by hand, or not made again after the words were."""
    written = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8").splitlines()
    words = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "$" not in line]
    assert [line for line in words if line not in written] == []


def test_readers_come_and_go_at_real_workers_on_a_real_valkey():
    found = measure_steady(2, 3, presences=20, seconds=0.5)
    assert (found.workers, found.pairs) == (2, 3)
    assert 5 < found.flushes_per_second < 11
    assert found.flush_us > 0
    assert found.redis_us > 0


def test_every_subscriber_hears_every_write():
    found = measure_writes(3, 2, presences=20, seconds=0.2)
    assert found.writes_per_second > 10
    # Two who come and two who go: key, ref and meta of the one, ref of the other.
    assert 300 < found.message_bytes < 500


def test_a_newcomer_learns_of_everybody():
    found = measure_newcomer(3, 300)
    assert found.cpu_seconds > 0
    assert found.redis_bytes > 50


def test_a_quick_run_leaves_the_page_as_it_was(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bench.scale.__main__, "ROOT", tmp_path)
    monkeypatch.setattr(bench.scale.__main__, "find_figures", lambda plan, command: FIGURES)
    (tmp_path / "docs").mkdir()
    assert main(["--quick"]) == 0
    assert not list((tmp_path / "docs").iterdir())
    assert main([]) == 0
    assert (tmp_path / "docs" / "scale.md").read_text() == write_page(FIGURES)
    assert "Written: docs/scale.md" in capsys.readouterr().out


def test_a_run_measures_all_of_its_plan(monkeypatch):
    """But the blog itself, which `test_counting` measures."""
    monkeypatch.setattr(
        bench.scale.__main__,
        "measure_blog",
        lambda workers, readers, say: make_measurement("detached", readers),
    )
    plan = dataclasses.replace(
        QUICK,
        writes=((1, 1), (2, 1), (1, 2), (2, 2)),
        steady=(),
        presences=10,
        seconds=0.1,
        newcomer=(1, 10),
    )
    found = find_figures(plan, "a command", lambda step: None)
    assert [(run.workers, run.pairs) for run in found.writes] == [(1, 1), (2, 1), (1, 2), (2, 2)]
    assert [slot.presences for slot in found.slots] == [100]
    assert [digest.workers for digest in found.digests] == [10]
    assert [workers for workers, _ in found.blogs] == [2]
