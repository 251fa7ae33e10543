"""A template of an author's with a mistake is named with its line, and the theme's is used."""

from __future__ import annotations

import pytest
from jinja2 import Environment

from blog.pages.theme import make_loader
from tests.site import ROOT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n{% if %}", "line 2: Expected an expression, got 'end of statement block'"),
        ("\n\n{{ 1 | nothing }}", "line 3: No filter named 'nothing'"),
        (
            '{% extends "live/ping.html" %}',
            "line 1: it extends itself; the theme's is viblog/live/ping.html",
        ),
    ],
)
def test_a_mistake_is_logged_with_its_line_and_the_themes_is_used(tmp_path, caplog, text, said):
    path = tmp_path / "templates" / "live" / "ping.html"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    environment = Environment(loader=make_loader(tmp_path), autoescape=True)
    used = environment.get_template("live/ping.html").filename
    assert used == str(ROOT / "templates" / "live" / "ping.html")
    (line,) = caplog.messages
    assert line == (
        f"templates: found a mistake in {path}, {said}; the theme's own is used meanwhile"
    )
