"""The files and names that the docs mention exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_heading_that_a_page_links_is_there(page):
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)  # examples
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        assert (DOCS / path).exists() if path else anchor in anchors, f"{page.name}: {target}"


def test_every_file_that_the_security_page_links_is_there():
    root = DOCS.parent
    targets = re.findall(r"\]\(([^)#]+)\)", (root / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(targets) > 8
    assert [target for target in targets if not (root / target).exists()] == []


def test_every_guarantee_names_tests_that_are_there():
    text = (DOCS / "presence.md").read_text(encoding="utf-8")
    named = re.findall(r"\[`(test_\w+)`\]\(([^)]+)\)", text)
    assert len(named) > 20
    for name, path in named:
        assert f"\ndef {name}(" in (DOCS / path).read_text(encoding="utf-8"), f"{name} in {path}"


def test_every_fault_in_the_table_has_a_test():
    text = (DOCS / "presence.md").read_text(encoding="utf-8")
    table = text.partition("| fault | what is promised | shown by |")[2].partition("\n\n")[0]
    rows = [row.split(" | ") for row in table.splitlines()[2:]]
    assert len(rows) > 15
    assert not [row[0] for row in rows if "](" not in row[-1]]


def test_every_file_that_the_map_names_is_there():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    folders = "blog|flask_presence|templates|tests|docs"
    named = set(re.findall(rf"`((?:{folders})/[\w./]*|gunicorn\.conf\.py)`", text))
    assert len(named) > 50
    assert [name for name in sorted(named) if not (DOCS.parent / name).exists()] == []


def test_every_name_that_the_map_has_beside_a_file_is_in_it():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`(\w+)`(?: and `(\w+)`)? in `([\w./]+\.(?:py|html))`", text)
    assert len(named) > 5
    for *names, path in named:
        there = (DOCS.parent / path).read_text(encoding="utf-8")
        assert [name for name in names if name not in there] == [], path


def test_every_number_of_the_dashboard_is_explained():
    template = (DOCS.parent / "templates" / "desk" / "readers.html").read_text(encoding="utf-8")
    numbers = re.findall(r"one\(_\(\"([^\"]+)\"\)", template)
    assert len(numbers) > 5
    page = (DOCS / "desk.md").read_text(encoding="utf-8")
    assert [name for name in numbers if f"\n| {name} | " not in page] == []
