"""`docs/site.md` with uvx, pipx and pip: begin, make it yours, upgrade; in a real browser."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewBrowser
from tests.browser.test_static_site import wait_for
from tests.ports import reserve_port
from tests.setup.tools import CACHE
from tests.setup.wheels import build_wheels
from tests.site import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.full]

DOCS = (ROOT / "docs" / "site.md").read_text("utf-8")
NEXT = "0.2.0"
FIND = 'export UV_FIND_LINKS="$PWD/dist" PIP_FIND_LINKS="$PWD/dist"'
NEW = 'new mysite --title "Night sky" --language en'
FORCE = "~/viblog/bin/pip install --force-reinstall --no-deps flask-presence viblog"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Way:
    """How the command is installed, called and upgraded, as the docs have it."""

    name: str
    install: str = "true"
    upgrade: str = "true"
    path: str = "true"

    @property
    def viblog(self) -> str:
        return "uvx viblog" if self.name == "uvx" else "viblog"


WAYS = [
    Way("uvx"),
    Way("pipx", "pipx install viblog", "pipx upgrade viblog", "PATH=~/.local/bin:$PATH"),
    Way(
        "pip",
        "python3 -m venv ~/viblog && ~/viblog/bin/pip install viblog",
        "~/viblog/bin/pip install --upgrade viblog",
        "PATH=~/viblog/bin:$PATH",
    ),
]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build the two packages, and once more as another version with another page."""
    folder = tmp_path_factory.mktemp("wheels")
    build_wheels(folder / "now")
    code = folder / "code"
    made = (".git", ".venv", ".cache", "tests", "bench", "instance", "__pycache__")
    shutil.copytree(ROOT, code, ignore=shutil.ignore_patterns(*made))
    for project in (code / "pyproject.toml", code / "flask_presence/pyproject.toml"):
        text = project.read_text("utf-8")
        version = re.search(r'^version = "(.*)"$', text, re.MULTILINE)
        assert version is not None
        raised = text.replace(version[0], f'version = "{NEXT}"', 1)
        project.write_text(raised.replace(f"]=={version[1]}", f"]=={NEXT}"), "utf-8")
    base = code / "templates/base.html"
    head = f'<meta name="generator" content="Viblog {NEXT}">\n</head>'
    base.write_text(base.read_text("utf-8").replace("</head>", head), "utf-8")
    build_wheels(folder / "next", code)
    return folder / "now", folder / "next"


class Author:
    """Somebody in a shell of their own, who has uv and pipx, and the packages in dist/."""

    def __init__(self, folder: Path, way: Way) -> None:
        self._way = way
        self.folder = folder
        self.site = folder / "mysite"
        self.port = reserve_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "log"
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("BLOG_", "WEB_", "PYTHON", "VIRTUAL_ENV", "UV_"))
        }
        tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self._environ = kept | {
            "HOME": str(folder),
            "PATH": tools,
            "PORT": str(self.port),
            "UV_CACHE_DIR": str(CACHE / "uv"),
            "PIP_CACHE_DIR": str(CACHE / "pip"),
        }

    def _shell(self, command: str) -> list[str]:
        return ["bash", "-ec", f"cd {self.folder}\n{FIND}\n{self._way.path}\n{command}"]

    def run(self, command: str) -> str:
        ended = subprocess.run(
            self._shell(command),
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0, f"{command}:\n{ended.stdout}"
        return ended.stdout

    def viblog(self, arguments: str) -> str:
        return self.run(f"cd mysite && {self._way.viblog} {arguments}")

    @contextlib.contextmanager
    def serve(self) -> Iterator[None]:
        """Run the blog in a terminal of its own until Ctrl+C is pressed."""
        command = self._shell(f"cd mysite && {self._way.viblog} run")
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command, env=self._environ, stdout=log, stderr=log, start_new_session=True
            )
        try:
            wait_for(f"{self.url}/readyz", 200, self.log)
            yield
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(20)

    def write(self, name: str, text: str) -> None:
        path = self.site / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")

    def files(self) -> dict[str, bytes]:
        """Return all that is the author's, by its name."""
        paths = (path for path in self.site.rglob("*") if path.is_file())
        own = {path.relative_to(self.site): path for path in paths}
        return {
            name.as_posix(): path.read_bytes()
            for name, path in own.items()
            if name.parts[0] != "instance"
        }


def make_it_theirs(author: Author) -> None:
    author.write(
        "posts/two-moons.md",
        "---\ntitle: Two moons\ndate: 2026-11-20\ntags: [books]\n---\n\nBoth.\n",
    )
    author.write(
        "pages/impressum.md",
        "---\ntitle: Impressum\nmenu: 3\n---\n\n[Map](https://example.org) of Leipzig.\n",
    )
    author.write("static/custom.css", "h1 { letter-spacing: 7px }")
    author.write(
        "templates/base.html",
        '{% extends "viblog/base.html" %}'
        '{% block footer %}<footer class="site"><p>Made in Leipzig.</p></footer>{% endblock %}',
    )
    with (author.site / "viblog.toml").open("a") as settings:
        settings.write('accent = "#a4133c"\nmenu = ["posts", "impressum", "Books = /tags/books"]\n')


def look(author: Author, new_browser: NewBrowser) -> Page:
    """Read the blog with two browsers; return the page of the one that stays."""
    ada, ben = (new_browser().new_page() for _ in range(2))
    ada.goto(author.url)
    menu = ada.locator("header nav").first
    expect(menu.get_by_role("link", name="Books")).to_have_attribute("href", "/tags/books")
    expect(ada.locator("footer.site p")).to_have_text("Made in Leipzig.")
    heading = "getComputedStyle(document.querySelector('h1')).letterSpacing"
    menu.get_by_role("link", name="Impressum").click()
    expect(ada.locator("main")).to_contain_text("Leipzig.")
    assert ada.evaluate(heading) == "7px"
    expect(ada.get_by_role("link", name="Map")).to_have_css("color", "rgb(164, 19, 60)")
    ada.goto(f"{author.url}/blog/two-moons")
    ben.goto(f"{author.url}/blog/two-moons")
    expect(ada.locator(".live-here")).to_contain_text("2 reading now")
    ben.close()
    expect(ada.locator(".live-here")).to_contain_text("1 reading now")
    return ada


def size_of(folder: Path) -> float:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*")) / MIB


def uvx_environment(author: Author) -> Path:
    """Return the environment that uvx made, by asking in it."""
    return Path(
        author.run("uvx --from viblog python -c 'import sys; print(sys.prefix)'").split()[-1]
    )


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_blog_is_made_and_changed_and_its_engine_upgraded(way, wheels, new_browser: NewBrowser):
    uvx = [f"uvx viblog {NEW}", "cd mysite && uvx viblog run"]
    installing = uvx if way.name == "uvx" else [way.install, way.upgrade]
    for command in (FIND, *installing):
        assert f"$ {command}\n" in DOCS
    # The embedded Valkey's socket is in it: pytest's own temporary folders are too deep.
    with tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as folder:
        author = Author(Path(folder), way)
        dist = author.folder / "dist"
        shutil.copytree(wheels[0], dist)
        author.run(way.install)
        said = author.run(f"{way.viblog} {NEW}")
        assert said.endswith(f"\nNow:\n  cd mysite\n  {way.viblog} dev\n")
        assert author.run(f"{way.viblog} --version").split()[-1] == "0.1.0"
        if way.name == "uvx":
            environment = uvx_environment(author)
            assert size_of(environment) <= 100
        assert author.viblog('post "A draft"') == "posts/a-draft.md\n"
        make_it_theirs(author)
        assert "no faults" in author.viblog("check")
        with author.serve():
            page = look(author, new_browser)
            expect(page.locator("meta[name=generator]")).to_have_count(0)
            page.close()  # it would come back to the next server at this address
        if way.name == "uvx":
            assert size_of(environment) <= 104
        files, counted = author.files(), author.viblog("readers export")
        assert "blog/two-moons,2," in counted

        shutil.copytree(wheels[1], dist, dirs_exist_ok=True)
        author.run(way.upgrade)
        assert author.run(f"{way.viblog} --version").split()[-1] == NEXT
        assert author.files() == files
        assert "no faults" in author.viblog("check")
        assert author.viblog("readers export") == counted
        with author.serve():
            page = look(author, new_browser)
            expect(page.locator("meta[name=generator]")).to_have_attribute(
                "content", f"Viblog {NEXT}"
            )
        assert "blog/two-moons,4," in author.viblog("readers export")
        assert author.files() == files
        assert "Traceback" not in author.log.read_text()
        if way.name == "pip":
            assert f"$ {FORCE}\n" in DOCS
            author.run(FORCE)
            assert author.run("viblog --version").split()[-1] == NEXT
