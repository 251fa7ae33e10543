"""`make bench` from its arguments to its exit status, with a stub that is measured in no time."""

from __future__ import annotations

import sys

import pytest

import bench.__main__
from bench.contestants import CONTESTANTS, Contestant
from bench.measure import Plan
from tests.bench.test_counting import make_stub

FLOOR = next(contestant for contestant in CONTESTANTS if contestant.name == "floor")
SHORT = Plan(steady_seconds=0.5, idle_seconds=0.2, calm_seconds=0.0, repeats=1)


@pytest.fixture
def run_bench(monkeypatch, tmp_path, capsys):
    """Return a function that runs the benchmark of some contestants in a folder of its own."""
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(bench.__main__, "ROOT", tmp_path)
    monkeypatch.setattr(bench.__main__, "QUICK", SHORT)
    monkeypatch.setattr(bench.__main__, "Plan", lambda: SHORT)
    monkeypatch.setattr(bench.__main__, "SIZES", (40,))
    monkeypatch.setattr(bench.__main__, "MOST_READERS", 60)

    def run(*arguments: str, contestants: list[Contestant]) -> tuple[int, str]:
        monkeypatch.setattr(bench.__main__, "CONTESTANTS", contestants)
        status = bench.__main__.main(arguments)
        out, err = capsys.readouterr()
        assert err == ""  # no progress bar where there is no terminal
        return status, out

    run.docs = tmp_path / "docs"  # type: ignore[attr-defined]
    return run


def test_a_whole_run_prints_the_table_and_writes_the_page(run_bench):
    status, out = run_bench(contestants=[make_stub("nothing")])
    assert status == 0
    assert "40 readers\n" in out
    assert "60 readers\n" in out
    assert out.count("The stub ") == 3  # two tables, and the idle one
    assert "Written: docs/benchmarks.md, docs/benchmarks.svg" in out
    page = (run_bench.docs / "benchmarks.md").read_text()
    assert "by `make bench`:" in page
    assert "### 60 readers" in page
    assert (run_bench.docs / "benchmarks.svg").read_text().startswith("<svg ")


@pytest.mark.parametrize(
    "arguments", [["--quick"], ["--only", "stub"], ["--readers", "40"]], ids=" ".join
)
def test_a_part_of_the_run_leaves_the_page_as_it_is(run_bench, arguments, monkeypatch):
    monkeypatch.setattr(bench.__main__, "QUICK_SIZES", (40,))
    status, out = run_bench(*arguments, contestants=[make_stub("nothing")])
    assert status == 0
    assert "docs/benchmarks.md is left as it was" in out
    assert list(run_bench.docs.iterdir()) == []


def test_one_wrong_number_fails_the_run_loudly(run_bench):
    status, out = run_bench(contestants=[make_stub("counts one too many")])
    assert status == 1
    assert "\nFAILED: The stub, 40 readers, warming up: a stream was told " in out
    assert list(run_bench.docs.iterdir()) == []


def test_what_is_missing_is_said_and_no_failure(run_bench, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    status, out = run_bench(contestants=[make_stub("nothing"), FLOOR])
    assert status == 0
    assert "Not measured: floor (C); there is no C compiler (cc).\n" in out
    page = (run_bench.docs / "benchmarks.md").read_text()
    assert "Not measured: floor (C); there is no C compiler (cc).\n" in page


def test_the_check_fails_where_nothing_was_measured(run_bench):
    status, out = run_bench("--check", contestants=[make_stub("nothing")])
    assert status == 1
    assert "FAIL  CPU per update, 5,000 readers, to the floor: at most 1.25×" in out
    assert "PASS" not in out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--only", "floor,cieling"], "--only: found cieling, expected some of detached, "),
        (["--readers", "39"], "--readers: expected numbers from 40"),
    ],
)
def test_a_misspelt_argument_is_refused(arguments, complaint, capsys):
    with pytest.raises(SystemExit) as raised:
        bench.__main__.main(arguments)
    assert raised.value.code == 2
    assert complaint in capsys.readouterr().err


def test_the_command_on_the_page_can_be_typed_again(monkeypatch):
    assert bench.__main__._command([]) == "make bench"
    assert bench.__main__._command(["--check"]) == "make bench ARGS=--check"
    monkeypatch.setattr(sys, "argv", ["bench", "--only", "floor", "--quick"])
    assert bench.__main__._command(None) == "make bench ARGS='--only floor --quick'"
