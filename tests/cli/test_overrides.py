"""`check` names each template of an author's that does not fit the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from blog.cli.overrides import find_unfit_overrides
from tests.pages.site import ROOT, open_site, write_post


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Return what is said of a site folder with these templates."""
    (tmp_path / "viblog.toml").touch()
    monkeypatch.chdir(tmp_path)

    def find(**templates: str) -> list[str]:
        for name, text in templates.items():
            path = tmp_path / "templates" / f"{name.replace('__', '/')}.html"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        faults = find_unfit_overrides(open_site(write_post("one")))
        assert {fault.path.parts[0] for fault in faults} <= {"templates"}  # from here, as posts are
        return [f"{fault.path.name}:{fault.line}: {fault.describe()}" for fault in faults]

    return find


def theme(name: str) -> str:
    return (ROOT / "templates" / f"{name}.html").read_text(encoding="utf-8")


def test_what_fits_is_not_mentioned(check):
    assert (
        check(
            base='{% extends "viblog/base.html" %}'
            "{% block head %}{% block mine %}{% endblock %}{% endblock %}",
            tag='{% extends "base.html" %}{% from "parts.html" import card %}'
            '{% include "mine.html" %}{% block mine %}{% endblock %}',
            mine="{{ url_for('pages.index') }}",
            post=theme("post"),
            parts=theme("parts"),
            live__words="{% macro readers_online(count) %}{{ count }}{% endmacro %}",
        )
        == []
    )


@pytest.mark.parametrize(
    ("templates", "said"),
    [
        (
            {"base": '{% extends "viblog/base.html" %}\n{% block foter %}{% endblock %}'},
            "base.html:2: the block foter: there is none, expected a block that viblog/base.html"
            " has, do you mean footer?",
        ),
        (
            {"base": '{% extends "base.html" %}'},
            "base.html:1: base.html extends itself, expected the theme's,"
            ' write {% extends "viblog/base.html" %}',
        ),
        (
            {"tag": '{% extends "viblog/tags-of-old.html" %}'},
            "tag.html:1: the template viblog/tags-of-old.html: there is none, expected a template"
            " that the theme has, ",
        ),
        (
            {"tag": '\n{% from "parts.html" import kard %}'},
            "tag.html:2: the macro kard: there is none, expected a macro that parts.html has,"
            " do you mean card?",
        ),
        (
            {"pots": ""},
            "pots.html:1: the template pots.html: there is none, expected a template that the"
            " theme has, do you mean post.html?",
        ),
        (
            {"base": theme("base").replace("block main", "block text")},
            "base.html:1: base.html has no block main, which the theme's archive.html uses,",
        ),
        (
            {"parts": theme("parts").replace("macro pager(", "macro leaf(")},
            "parts.html:1: parts.html has no macro pager, which the theme's index.html uses,",
        ),
        (
            {"live__words": "\n{% macro reader_online(count) %}{% endmacro %}"},
            "words.html:2: the macro reader_online: there is none, expected a macro that the theme"
            " has, do you mean readers_online?",
        ),
        (
            {"tags": "{{ url_for('pages.archve') }}"},
            "tags.html:1: the address pages.archve: there is none, expected a page of the blog,"
            " do you mean pages.archive?",
        ),
        ({"tag": "a\n{% if %}"}, "tag.html:2: Expected an expression, got 'end of statement"),
        ({"tag": "{{ 1 | nothing }}"}, "tag.html:1: No filter named 'nothing'"),
    ],
)
def test_what_the_engine_does_not_have_is_a_fault_with_its_line(check, templates, said):
    assert check(**templates)[0].startswith(said)


def test_outside_of_a_site_folder_there_is_nothing_to_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_unfit_overrides(open_site(write_post("one"))) == []
