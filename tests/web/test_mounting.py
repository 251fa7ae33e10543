"""Several applications in one process, each under a path of its own, on gunicorn and our worker."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import reserve_port
from tests.site import ROOT
from tests.streams.tab import Tab

CONFIGURATION = """
from flask_presence.server.configuration import configure
globals().update(configure(workers=2, find_life=lambda site: site.app.extensions["presence"]))
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    # The embedded Valkey's socket is in it: pytest's own temporary folders are too deep.
    with tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as folder:
        yield from serve(Path(folder))


def serve(folder: Path) -> Iterator[int]:
    (folder / "gunicorn.conf.py").write_text(CONFIGURATION, encoding="utf-8")
    port, log = reserve_port(), folder / "log"
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PRESENCE_")}
    environ = clean | {"PYTHONPATH": str(ROOT)}
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "tests.web.mounted:site"], cwd=folder, env=environ, stdout=out, stderr=out
        )
    try:
        deadline = time.monotonic() + 20
        while "presence" not in _try(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield port
    finally:
        process.send_signal(signal.SIGINT)  # no tab has to come back
        process.wait(15)
    assert "Traceback" not in log.read_text()


def fetch(port: int, path: str, headers: dict[str, str]) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def _try(port: int) -> str:
    try:
        return fetch(port, "/notes/doc", {})
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("path", "proxied", "seen"),
    [
        ("/notes", "", "/notes"),  # a blueprint, and PRESENCE_URL_PREFIX
        ("/mounted", "", "/mounted"),  # SCRIPT_NAME
        ("/inner", "/app", "/app"),  # behind a proxy that takes /app off
        ("/outer", "/app", "/app"),
    ],
)
def test_each_counts_for_itself_at_the_address_that_the_browser_has(port, path, proxied, seen):
    headers = {"X-Forwarded-Prefix": proxied} if proxied else {}
    text = fetch(port, f"{path}/doc", headers)
    found = re.search(r'hx-sse:connect="([^"?]+)\?page=([^"]+)"', text)
    assert found is not None
    assert found[1] == f"{seen}/live"
    scripts = re.findall(r'<script src="([^"]+)"', text)
    assert [script.startswith(f"{seen}/live/htmx/") for script in scripts] == [True, True]
    own = path + scripts[0].removeprefix(seen)
    assert "htmx" in fetch(port, own, headers)
    said = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with Tab(port, found[2], path=f"{path}/live", headers=said) as tab:
        tab.read_until(">1 reading now<")
        tab.read_until(">1 online<")
        assert f"Path={seen}/live;" in tab.head
        with Tab(port, found[2], path=f"{path}/live", headers=said) as other:
            for one in (tab, other):
                one.read_until_last(">2 reading now<")
