"""A page is rendered once, and what it shows of the live numbers is filled in later."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import pytest
from jinja2 import Environment
from markupsafe import Markup

from blog.placeholders import render_with_placeholders

TEMPLATES = Environment(autoescape=True)


@dataclass
class Numbers:
    """Everything that a template may show, and that changes."""

    total: str = "1 reader"
    section: Any = Markup("<ul></ul>")

    def __post_init__(self) -> None:
        self.counts = {"a/b": 1}

    def count(self, name: str, *, words: str = "now") -> str:
        return f"{self.counts[name]} {words}"


def render(source: str, numbers: Numbers, **context: object):
    template = TEMPLATES.from_string(source)
    return render_with_placeholders(
        lambda live: template.render(live=live, **context), lambda: numbers
    )


@pytest.mark.parametrize(
    ("source", "before", "after"),
    [
        ("<p>{{ live.total }}</p>", "<p>1 reader</p>", "<p>2 &lt;readers&gt;</p>"),
        ("{{ live.section }}", "<ul></ul>", "<ul><li></ul>"),
        ("{{ live.counts['a/b'] }}", "1", "22"),
        ("{{ live.count('a/b', words='here') }}.", "1 here.", "22 here."),
        ("{{ live.total }}{{ live.total }}", "1 reader1 reader", "2 &lt;readers&gt;" * 2),
        ("{% macro m(x) %}é{{ x.counts['a/b'] }}{% endmacro %}{{ m(live) }}", "é1", "é22"),
        ("{% set late = live.total %}{{ live.section }}{{ late }}", "<ul></ul>1 reader", None),
        ("no number", "no number", "no number"),
        ("", "", ""),
    ],
)
def test_whatever_a_template_shows_of_them_is_a_placeholder(source, before, after):
    numbers = Numbers()
    page = render(source, numbers)
    assert page.fill(page.read()).decode() == before
    numbers.total, numbers.section = "2 <readers>", Markup("<ul><li></ul>")
    numbers.counts["a/b"] = 22
    if after is not None:
        assert page.fill(page.read()).decode() == after


def test_placeholders_are_filled_where_they_stand_not_as_they_were_rendered():
    page = render(
        "{% set second = live.count('a/b') | e %}{{ live.total }}, {{ second }}", Numbers()
    )
    assert page.fill(page.read()) == b"1 reader, 1 now"


@pytest.mark.parametrize(
    "source",
    [
        "{% if live.total %}{% endif %}",
        "{% for x in live.section %}{% endfor %}",
        "{{ live.total | upper }}",
        "{{ live.total == '1 reader' }}",
        "{{ live.counts | length }}",
        "{{ 'a' in live.counts }}",
        "{{ 'a' ~ live.total }}",
    ],
)
def test_a_template_that_looks_at_a_number_is_refused(source):
    """It would be right for as long as the number is the same, and for no longer."""
    with pytest.raises(TypeError, match="found a template that looks at a live number"):
        render(source, Numbers())


def test_a_mark_cannot_be_forged(monkeypatch):
    """Who writes posts knows how marks look, but not the secret: it is another for each page."""
    drawn: list[str] = []
    token_hex = secrets.token_hex

    def draw(size):
        drawn.append(token_hex(size))
        return drawn[-1]

    monkeypatch.setattr(secrets, "token_hex", draw)
    render("{{ live.total }}", Numbers())
    forged = f"{drawn[0]}0;"
    page = render("{{ live.total }} {{ text }}", Numbers(), text=forged)
    assert page.fill(page.read()).decode() == f"1 reader {forged}"
    assert len(drawn[0]) == 32
    assert drawn[0] != drawn[1]
