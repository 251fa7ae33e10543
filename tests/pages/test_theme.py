"""A template of an author's with a mistake is named with its line, and the theme's is used."""

from __future__ import annotations

import re

import pytest
from jinja2 import Environment

from blog.config import Settings
from blog.factory import create_app
from blog.pages.theme import make_loader
from blog.site_folder import overridden
from tests.pages.site import open_site, write_post
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


def test_what_fails_while_a_page_is_made_is_one_line_with_its_place(tmp_path, caplog):
    path = tmp_path / "templates" / "index.html"
    path.parent.mkdir(parents=True)
    path.write_text(
        '{% extends "viblog/index.html" %}\n{% block main %}\n{{ a.b.c }}{% endblock %}'
    )
    for is_dev in (False, True):
        app = open_site(write_post("one"), dev=is_dev)
        app.jinja_loader = make_loader(tmp_path)
        app.jinja_env.loader = app.jinja_loader
        page = app.test_client().get("/")
        assert page.status_code == 500
        found = f"{path}:3: &#39;a&#39; is undefined"
        assert (found in page.text) == is_dev
        (record,) = caplog.records
        assert record.exc_info is None
        assert record.message == (
            f"templates: found a mistake in {path}:3: 'a' is undefined; asked for /"
        )
        caplog.clear()


def test_a_theme_stands_between_a_sites_own_files_and_the_engines(tmp_path):
    assert {path.name for path in (ROOT / "themes").iterdir()} == {"broadsheet"}
    own, theme, engine = overridden(tmp_path, "static", "broadsheet")
    assert (own, engine) == (tmp_path / "static", ROOT / "static")
    assert (theme / "theme.css").is_file()
    linked = []
    for name in ("plain", "broadsheet"):
        app = create_app(Settings(theme=name, instance_dir=tmp_path))
        text = app.test_client().get("/about").text
        linked.append(re.findall(r'href="(/static/[a-z.]+css)', text))
        with app.test_client().get("/static/theme.css") as answer:
            assert answer.status_code == (404 if name == "plain" else 200)
    assert linked == [["/static/style.css"], ["/static/style.css", "/static/theme.css"]]
