"""`docs/watch.md` and `deploy/` agree with the code. With `--write`, makes the table anew."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from blog.config import Settings
from blog.factory import create_app

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "watch.md"
TABLE = re.compile(r"(<!-- metrics: .*? -->\n)(.*?)(<!-- end of metrics -->)", re.DOTALL)
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}


def describe() -> list[tuple[str, str, dict[str, list[str]], str]]:
    """Return every metric of a blog that has them."""
    app = create_app(Settings.from_environ({"BLOG_METRICS": "127.0.0.1"}))
    rows: list[tuple[str, str, dict[str, list[str]], str]]
    rows = app.extensions["viblog"].metrics.describe()
    return rows


def make_table() -> str:
    """Return the table of metrics as Markdown."""
    rows = ["| Metric | Type | Labels | Meaning |", "|---|---|---|---|"]
    for name, kind, labels, meaning in describe():
        shown = "; ".join(f"`{label}`: {', '.join(values)}" for label, values in labels.items())
        rows.append(f"| `{name}` | {kind} | {shown} | {meaning} |")
    return "\n".join(rows) + "\n"


def renew(text: str) -> str:
    """Return the document's text with the table as it has to be."""
    renewed, count = TABLE.subn(lambda found: found[1] + make_table() + found[3], text)
    assert count == 1, f"{DOCS}: the comments around the table of metrics are missing"
    return renewed


def find_metrics(expression: str) -> set[str]:
    """Return the names of metrics in an expression of PromQL."""
    return set(re.findall(r"\bviblog_\w+", expression))


def find_expressions(value: Any) -> Iterator[str]:
    """Yield every `expr`, however deep."""
    if isinstance(value, dict):
        if isinstance(value.get("expr"), str):
            yield value["expr"]
        for part in value.values():
            yield from find_expressions(part)
    elif isinstance(value, list):
        for part in value:
            yield from find_expressions(part)


@pytest.fixture(scope="module")
def known() -> set[str]:
    """Every name under which a metric can be asked for."""
    return {
        name + suffix for name, kind, _, _ in describe() for suffix in SUFFIXES.get(kind, ("",))
    }


def test_the_table_of_metrics_is_fresh():
    """Where this fails, run `.venv/bin/python tests/ops/test_watch_docs.py --write`."""
    text = DOCS.read_text(encoding="utf-8")
    assert text == renew(text)


def test_every_metric_has_its_meaning_in_the_table():
    rows = describe()
    assert len({name for name, *_ in rows}) == len(rows) > 20
    assert all(meaning.endswith(".") or "; " in meaning for *_, meaning in rows)


def test_every_alert_asks_for_metrics_that_are_there(known):
    (block,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    rules = yaml.safe_load(block)["groups"][0]["rules"]
    asked = {rule["alert"]: find_metrics(rule["expr"]) for rule in rules}
    assert len(asked) >= 10
    assert all(asked.values())
    assert set().union(*asked.values()) <= known


def test_the_dashboard_shows_every_metric_and_no_other(known):
    text = (ROOT / "deploy" / "grafana-dashboard.json").read_text(encoding="utf-8")
    dashboard = json.loads(text)
    asked = set().union(*(find_metrics(one) for one in find_expressions(dashboard["panels"])))
    assert asked <= known
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    assert {name for name, *_ in describe()} - shown == {"viblog_posts"}


def test_no_two_panels_of_the_dashboard_overlap():
    text = (ROOT / "deploy" / "grafana-dashboard.json").read_text(encoding="utf-8")
    places: set[tuple[int, int]] = set()
    for panel in json.loads(text)["panels"]:
        at = panel["gridPos"]
        taken = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not taken & places, panel["title"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        places |= taken


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: .venv/bin/python tests/ops/test_watch_docs.py --write")
    DOCS.write_text(renew(DOCS.read_text(encoding="utf-8")), encoding="utf-8")
