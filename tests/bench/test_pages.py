"""`make bench-pages` from arguments to exit status, with every server, asked a few times."""

from __future__ import annotations

import re

import pytest

import bench.pages.__main__
from bench.pages.client import Question, WrongAnswerError
from bench.pages.measure import Cost, Plan
from bench.pages.report import judge, renew, write_table
from bench.server import ROOT

PAGE = "# Title\n\n<!-- bench-pages: x -->\nold\n<!-- end of bench-pages -->\nrest\n"
COSTS = [
    Cost("Viblog, a post", 75.0, 150.0, 1_234, True),
    Cost("nginx", 10.0, 20.0, 1_000, False),
    Cost("empty Flask view", 100.0, 200.0, 0, False),
]


def test_a_whole_run_prints_the_table_and_writes_the_page(monkeypatch, tmp_path, capsys):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "pages.md").write_text(PAGE)
    monkeypatch.setattr(bench.pages.__main__, "ROOT", tmp_path)
    monkeypatch.setattr(bench.pages.__main__, "Plan", lambda: Plan(requests=40, rounds=1))
    status = bench.pages.__main__.main([])
    out, err = capsys.readouterr()
    assert (status, err) == (0, "")
    assert "Written: docs/pages.md" in out
    written = (tmp_path / "docs" / "pages.md").read_text()
    assert "by `make bench-pages` (CPU " in written
    assert "old" not in written
    for title in ("Viblog, a post, gzip", "Viblog, the index, gzip", "empty Flask view"):
        row = next(line for line in written.splitlines() if line.startswith(f"| {title} |"))
        assert re.fullmatch(r"\| [^|]+ \|( [\d.,]+ \|){5}", row), row
    assert "nginx, post.html as a file" in out or "Not measured: nginx" in out


def test_the_promise_is_kept_up_to_three_quarters_and_not_beyond():
    assert [verdict.is_kept for verdict in judge(COSTS)] == [True, True]
    beyond = [Cost("Viblog, a post", 75.1, 150.1, 1_234, True), *COSTS[1:]]
    assert [verdict.is_kept for verdict in judge(beyond)] == [False, False]
    assert judge(beyond)[0].measured == "0.75× (75 to 100 µs)"


@pytest.mark.parametrize(("kept_us", "status"), [(75.0, 0), (76.0, 1)])
def test_the_check_fails_where_the_promise_is_broken(monkeypatch, capsys, kept_us, status):
    costs = [Cost("Viblog, a post", kept_us, 1.0, 1, True), *COSTS[1:]]
    monkeypatch.setattr(bench.pages.__main__, "measure", lambda *_: (costs, ["nginx; not here"]))
    assert bench.pages.__main__.main(["--quick", "--check"]) == status
    out = capsys.readouterr().out
    assert ("FAIL" in out) == bool(status)
    assert "Not measured: nginx; not here.\n" in out


def test_a_wrong_answer_fails_the_run_and_writes_nothing(monkeypatch, tmp_path, capsys):
    def fail(*_: object) -> None:
        raise WrongAnswerError("/blog: found 500 '', expected 200 'gzip'")

    monkeypatch.setattr(bench.pages.__main__, "ROOT", tmp_path)
    monkeypatch.setattr(bench.pages.__main__, "measure", fail)
    assert bench.pages.__main__.main([]) == 1
    assert "FAILED: /blog: found 500 '', expected 200 'gzip'" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("head", "body", "complaint"),
    [
        (b"HTTP/1.1 500 Internal", b"", "found 500 '', expected 200 ''"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip", b"", "found 200 'gzip', expected 200 ''"),
        (b"HTTP/1.1 200 OK", b">4 reading now<", "found a page without '>3 reading now<'"),
    ],
)
def test_each_answer_is_looked_at(head, body, complaint):
    question = Question("/blog", texts=(">3 reading now<",))
    question.check(b"HTTP/1.1 200 OK", b"<p>3</p>>3 reading now<")
    with pytest.raises(WrongAnswerError, match=re.escape(complaint)):
        question.check(head, body)


def test_the_table_and_the_section_are_made_of_the_costs():
    assert write_table(COSTS)[1:] == [
        ["Viblog, a post", "75.0", "0.75", "150", "0.75", "1,234"],
        ["nginx", "10.0", "0.10", "20.0", "0.10", "1,000"],
        ["empty Flask view", "100", "1.00", "200", "1.00", "0"],
    ]
    page = renew(PAGE, COSTS, ["nginx; why"], ["Measured:"])
    assert page.startswith("# Title\n\n<!-- bench-pages: x -->\nMeasured:\n\n| | kept alive, µs |")
    assert page.endswith("| 0 |\n\nNot measured: nginx; why.\n<!-- end of bench-pages -->\nrest\n")
    renew((ROOT / "docs" / "pages.md").read_text(encoding="utf-8"), COSTS, [], ["Measured:"])
