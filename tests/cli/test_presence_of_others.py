"""`flask presence …` in an application that is no blog: begin, look, and be told what is wrong."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask, render_template_string

from flask_presence import Presence
from flask_presence.cli.commands import presence_cli
from flask_presence.cli.starting import write_starter
from tests.site import ROOT
from tests.streams.tab import Tab
from tests.web.example import fetch, serve
from tests.web.test_extension import page_of


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    app = Flask("notes", root_path=str(tmp_path))
    app.secret_key = "k" * 32
    return app


def run(app: Flask, *arguments: str) -> tuple[int, str]:
    ended = app.test_cli_runner().invoke(presence_cli, list(arguments))
    return ended.exit_code, ended.output


def test_init_writes_two_files_once_and_says_which_lines_to_add(app, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said = run(app, "init")
    assert code == 0
    assert said.splitlines()[:2] == [
        "written: templates/presence.html",
        "written: gunicorn.conf.py",
    ]
    assert "    presence.init_app(app)\n" in said
    assert "    {{ live() }}</body>\n" in said
    ast.parse((tmp_path / "gunicorn.conf.py").read_text())
    (tmp_path / "templates/presence.html").write_text("mine")
    _, said = run(app, "init")
    assert said.startswith("is there already, and stays as it is: templates/presence.html\n")
    assert (tmp_path / "templates/presence.html").read_text() == "mine"


def test_a_page_that_has_the_lines_shows_the_numbers(app, tmp_path):
    list(write_starter(tmp_path / "templates", tmp_path))
    Presence(app)
    with app.test_request_context("/a"):
        text = render_template_string(
            '{% from "presence.html" import reading_now, readers_of, online, live %}'
            "{{ reading_now('a') }}{{ readers_of('b') }}{{ online() }}{{ live() }}"
        )
    assert re.findall(r">(\d [\w ]+)</span>", text) == [
        "1 reading now",
        "0 reading now",
        "1 online",
    ]
    assert app.extensions["presence"].read(page_of(text)).topic == "a"


@pytest.mark.parametrize("command", ["list", "top", "doctor"])
def test_without_a_presence_a_command_says_what_to_do(app, command):
    assert run(app, command) == (
        1,
        "Error: found no presence on this app, expected presence.init_app(app);"
        " `flask presence init` says how\n",
    )


def test_without_a_redis_a_command_says_where_it_looked(app, tmp_path):
    app.config["PRESENCE_INSTANCE_DIR"] = str(tmp_path)
    Presence(app)
    code, said = run(app, "list")
    assert (code, said.count("\n")) == (1, 1)
    assert f"PRESENCE_REDIS_URL is not set, and no embedded Valkey is in {tmp_path}." in said


def test_they_come_with_the_package_and_see_a_running_application(tmp_path, valkey_url):
    redis = {"PRESENCE_REDIS_URL": valkey_url, "PRESENCE_REDIS_PREFIX": f"{{{tmp_path.name}}}"}
    environ = os.environ | redis | {"PYTHONPATH": str(ROOT), "FLASK_SECRET_KEY": "k" * 32}

    def ask(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "flask_presence_app", "presence", *arguments],
            cwd=tmp_path,
            env=environ,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    with serve("pywsgi", tmp_path, **redis) as port, Tab(port, page_of(fetch(port, "/a"))) as tab:
        tab.read_until(">1 reading now<")
        assert ask("list").splitlines()[1].startswith("doc:a  ")
        assert ask("top").splitlines()[-1].split() == ["1", "1", "doc:a"]
        found = ask("doctor", "--url", f"http://127.0.0.1:{port}").splitlines()
    assert {line.split()[0] for line in found} <= {"ok", "warn"}
    assert {"Redis", "first event", "next event"} <= {line[6:].partition(":")[0] for line in found}
