"""The fragment of a page, by what htmx says of the page that asks; and the script that asks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from flask import Flask

from flask_presence.cli.serve import keep_secret
from flask_presence.static_site.app import create_app
from tests.site import ROOT

SETTINGS = {
    "PRESENCE_PAGES": "/blog/*",
    "PRESENCE_SECRET_KEY": "k" * 32,
    "PRESENCE_URL_PREFIX": "/presence",
}


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Flask:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    return create_app()


def ask(app: Flask, url: str, query: str = "") -> str:
    """Ask past the presence, which would see that pytest's threads count nobody."""
    headers = {"HX-Current-URL": url}
    with app.test_request_context(f"/presence/here{query}", headers=headers):
        answer = app.full_dispatch_request()
    assert "Set-Cookie" not in answer.headers
    return answer.get_data(as_text=True) if answer.status_code == 200 else str(answer.status_code)


def test_a_page_of_the_site_gets_its_number_and_its_stream(app):
    text = ask(app, "https://example.org/blog/caf%C3%A9/index.html?a=1#b")
    assert ">1 reading now</span>" in text
    assert "online" not in text
    assert "<script" not in text
    found = re.search(r'hx-sse:connect="/presence/live\?page=([^"]+)"', text)
    assert found is not None
    page = app.extensions["presence"].read(unquote(found[1]))
    assert page.topic == "/blog/café"
    assert ">1 online</span>" in ask(app, "https://example.org/blog/a", "?total")


@pytest.mark.parametrize("url", ["https://example.org/about", "", "nonsense", "https://[x/blog/a"])
def test_any_other_page_gets_nothing(app, url):
    assert ask(app, url) == "204"


def test_the_script_is_htmx_its_settings_and_its_extension_and_is_kept(app):
    client = app.test_client()
    answer = client.get("/presence/presence.js")
    assert answer.mimetype == "text/javascript"
    parts = [answer.text.index(part) for part in ("var htmx=", '"history": false', "sse:connect")]
    assert parts == sorted(parts)
    again = client.get("/presence/presence.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_words_may_be_the_sites_own(monkeypatch, tmp_path):
    (tmp_path / "words.html").write_text(
        "{% macro reading_now(count) %}{{ count }} lesen gerade{% endmacro %}"
    )
    for name, value in (SETTINGS | {"PRESENCE_TEMPLATES": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    assert ">1 lesen gerade<" in ask(create_app(), "https://example.org/blog/a")


def test_the_secret_is_made_once_and_for_its_owner_only(tmp_path):
    secret = keep_secret(tmp_path / "instance")
    assert (len(secret), keep_secret(tmp_path / "instance")) == (64, secret)
    (path,) = (tmp_path / "instance").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pages", "posts"], "--pages: found 'posts', expected the address of a sitemap, a file"),
        ([], "Missing option '--pages'"),
        (["--pages", "/*", "--prefix", "here"], "--prefix: found 'here', expected a path such as"),
    ],
)
def test_what_cannot_be_served_is_said(tmp_path: Path, arguments: list[str], said: str):
    command = [sys.executable, "-m", "flask_presence.cli.serve", "serve", *arguments]
    ended = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
