"""A blog of one's own: the package as it is built, and a site folder that nothing of it is in."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import reserve_port
from tests.setup.wheels import build_wheels, install_wheels
from tests.site import ROOT
from tests.streams.tab import Tab

# Of its 128 MB, 40 are bytecode. The largest: SQLAlchemy 29 (a blog loads a third), Pillow 22,
# gevent 10, Pygments 10, redis 6, Valkey 4, Alembic and Mako 4. Before it had a store it took 95.
MOST_INSTALLED_BYTES = 132 * 1024 * 1024
# What Python puts into each environment.
PIPS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence")
HTMX_FILES = ("LICENSE", "dist/htmx.min.js", "dist/ext/hx-sse.min.js")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both wheels, and return the folder that they are installed into, alone."""
    folder = tmp_path_factory.mktemp("package")
    installed = folder / "installed"
    install_wheels(build_wheels(folder / "dist"), installed)
    return installed


class OwnBlog:
    """A site folder, and the installed command that works on it."""

    def __init__(self, package: Path, folder: Path) -> None:
        self.folder = folder
        self.port = reserve_port()
        self.log = folder.parent / "log"
        self._environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("BLOG_", "WEB_", "PYTHON"))
        } | {"PYTHONPATH": str(package), "PORT": str(self.port)}

    def run(self, *arguments: str, folder: Path | None = None, **environ: str) -> tuple[int, str]:
        """Run `viblog …` in the site folder; return its exit code and all that it said."""
        ended = subprocess.run(
            [sys.executable, "-m", "blog.command", *arguments],
            cwd=folder or self.folder,
            env=self._environ | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return ended.returncode, ended.stdout

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    @contextlib.contextmanager
    def serve(self, command: str = "run", **environ: str) -> Iterator[None]:
        """Serve the blog meanwhile, from the moment that it answers."""
        with self.log.open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "blog.command", command],
                cwd=self.folder,
                env=self._environ | environ,
                stdout=log,
                stderr=log,
            )
        try:
            deadline = time.monotonic() + 20
            while not self._answers():
                assert process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.05)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)

    def fetch(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return str(answer.read().decode(errors="replace"))

    def _answers(self) -> bool:
        try:
            self.fetch("/readyz")
        except (OSError, urllib.error.HTTPError):
            return False
        return True


@pytest.fixture
def own_blog(package: Path, tmp_path: Path) -> OwnBlog:
    blog = OwnBlog(package, tmp_path / "mysite")
    made = blog.run("new", "mysite", "--title", 'Night "sky"', "--language", "de", folder=tmp_path)
    assert made[0] == 0, made[1]
    return blog


def test_the_wheels_hold_what_belongs_and_nothing_else(package):
    blog, library = (
        set(zipfile.ZipFile(next((package.parent / "dist").glob(f"{name}-*.whl"))).namelist())
        for name in ("viblog", "flask_presence")
    )
    assert {name.partition("/")[0] for name in blog} == {"blog", "viblog-0.1.0.dist-info"}
    theme = {name.removeprefix("blog/theme/") for name in blog if name.startswith("blog/theme/")}
    in_repository = {
        path.relative_to(ROOT).as_posix()
        for path in (*(ROOT / "templates").rglob("*.html"), *(ROOT / "themes").rglob("*.css"))
    }
    assert in_repository <= theme
    translations = {path.name for path in (ROOT / "blog" / "translations").iterdir()}
    assert {"de.po", "messages.pot"} < translations
    assert {f"blog/translations/{name}" for name in translations} <= blog
    assert not {name for name in theme if name.startswith("static/vendor")}
    assert "blog/live/motifs.json" in blog
    assert {"static/fonts/source-serif-4-latin-400-normal.woff2", "static/fonts/LICENSE"} <= theme
    # Of the library's folder all, but for what builds and describes it; and htmx.
    made = {"__pycache__", "build", "dist", "htmx"}
    others = (".md", "/pyproject.toml", "/hatch_build.py", "/LICENSE")
    files = [path for path in (ROOT / "flask_presence").rglob("*") if path.is_file()]
    found = [path.relative_to(ROOT) for path in files]
    written = [path for path in found if made.isdisjoint(path.parts)]
    assert {name for name in library if ".dist-info/" not in name} == {
        *(path.as_posix() for path in written if not path.as_posix().endswith(others)),
        *(f"flask_presence/htmx/{name}" for name in HTMX_FILES),
    }
    assert "flask_presence/py.typed" in library


def test_the_library_is_built_of_its_folder_alone_where_htmx_was_put(tmp_path):
    sdist = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory"]
    subprocess.run([*sdist, str(tmp_path)], cwd=ROOT / "flask_presence", check=True)
    (path,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"htmx/{name}" for name in HTMX_FILES} <= names
    assert {"pyproject.toml", "README.md", "tracking/put.lua"} <= names
    assert not {name for name in names if name.startswith(("blog", "..", "dist", "__pycache__"))}


def size_of(environment: Path) -> int:
    """Return what an environment takes on the disk, without pip, which `uvx` does without."""
    (packages,) = environment.glob("lib/python*/site-packages")
    pips = {path for name in PIPS for path in packages.glob(f"{name}*")}
    files = (path for path in environment.rglob("*") if not pips & {path, *path.parents})
    return sum(path.lstat().st_blocks * 512 for path in files)


@pytest.mark.full
def test_both_wheels_are_installed_into_an_empty_environment(package, tmp_path):
    """With all that they need, of the versions that they ask for."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    bin_folder = tmp_path / "venv/bin"
    wheels = sorted((package.parent / "dist").glob("*.whl"))

    def run(*command: str) -> str:
        return subprocess.run(
            [str(bin_folder / command[0]), *command[1:]],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    run("pip", "--disable-pip-version-check", "install", *map(str, wheels))
    assert run("pip", "--disable-pip-version-check", "check") == "No broken requirements found.\n"
    assert [run(name, "--version").split()[-1] for name in ("viblog", "flask-presence")] == [
        *("0.1.0", "0.1.0"),
    ]
    assert size_of(tmp_path / "venv") <= MOST_INSTALLED_BYTES
    run("viblog", "new", "site", "--title", "Night sky", "--language", "en")
    ended = subprocess.run([str(bin_folder / "viblog"), "check"], cwd=tmp_path / "site")
    assert ended.returncode == 0


def test_an_application_that_has_only_the_package_serves_htmx(package, tmp_path):
    program = (
        "import flask, flask_presence\n"
        "app = flask.Flask('notes')\n"
        "app.secret_key = 'k' * 32\n"
        "flask_presence.Presence(app)\n"
        "print([app.test_client().get(f'/live/htmx/{name}').status_code\n"
        "       for name in ('htmx.min.js', 'ext/hx-sse.min.js')])\n"
    )
    environ = os.environ | {"PYTHONPATH": str(package)}
    said = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    )
    assert said.stdout == "[200, 200]\n"


def test_a_new_blog_has_three_files_and_is_served_whole(own_blog):
    files = sorted(path for path in own_blog.folder.rglob("*") if path.is_file())
    assert [path.relative_to(own_blog.folder).as_posix() for path in files] == [
        "pages/about.md",
        "posts/welcome.md",
        "viblog.toml",
    ]
    with own_blog.serve():
        index = own_blog.fetch("/")
        assert '<html lang="de">' in index
        assert "<title>Night &#34;sky&#34;</title>" in index
        assert "sonst niemand online" in index
        links = re.findall(r'(?:href|src)="(/(?:static|blog|about)[^"]*)"', index)
        assert len(links) > 4
        for link in links:
            assert own_blog.fetch(link)
        with Tab(own_blog.port, "blog/welcome") as tab:
            tab.read_until(">1 liest gerade<")
    assert "Traceback" not in own_blog.log.read_text()


def test_what_the_author_has_takes_the_place_of_the_themes(own_blog):
    own_blog.write("static/custom.css", "body { color: red }")
    own_blog.write("static/favicon.svg", "<svg>mine</svg>")
    own_blog.write(
        "templates/base.html",
        '{% extends "viblog/base.html" %}{% block footer %}<p>Made in Leipzig.</p>{% endblock %}'
        '{% block head %}<meta name="mine">{% endblock %}',
    )
    own_blog.write(
        "templates/live/words.html",
        "{% macro readers_online(count) %}{{ count }} at the telescope{% endmacro %}",
    )
    own_blog.write("templates/post.html", "{% if %}")
    with own_blog.serve():
        index = own_blog.fetch("/")
        assert "<p>Made in Leipzig.</p>" in index
        custom = re.search(r'href="(/static/custom\.css\?v=\w+)"', index)
        assert custom is not None
        assert own_blog.fetch(custom[1]) == "body { color: red }"
        assert own_blog.fetch("/static/favicon.svg") == "<svg>mine</svg>"
        assert ".site" in own_blog.fetch("/static/style.css")
        post = own_blog.fetch("/blog/welcome")
        assert "Dies ist der erste Beitrag." in post
        assert '<meta name="mine">' in post  # beside what a post has in its head itself
        assert '<meta name="mine">' in index
        with Tab(own_blog.port) as tab:
            tab.read_until(">1 at the telescope<")
    found = re.search(r"found a mistake in (\S+), line (\d+): .*", own_blog.log.read_text())
    assert found is not None
    assert (Path(found[1]).name, found[2]) == ("post.html", "1")
    assert "the theme's own is used meanwhile" in found[0]
    code, output = own_blog.run("check")
    assert (code, "templates/post.html:1: Expected an expression" in output) == (1, True)


def test_the_environment_wins_over_secrets_and_these_over_the_settings_file(own_blog):
    own_blog.write("viblog.toml", 'title = "File"\ndescription = "File"\nposts_per_page = 3\n')
    own_blog.write(".env", "BLOG_DESCRIPTION=Env\nBLOG_SECRET_KEY=" + "k" * 32 + "\n")
    with own_blog.serve(BLOG_TITLE="Environment"):
        assert "Environment. Env" in own_blog.fetch("/")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("titel = 'x'", "viblog.toml, titel: no such setting; do you mean title?"),
        ("feed_posts = 0", "viblog.toml, feed_posts: found '0', expected a whole number from 1"),
        ("title = {a = 1}", "viblog.toml: found a dict for title, expected a text"),
        ("title = x", "viblog.toml: Invalid value (at line 1, column 9)"),
        ("secret_key = 'abc'", "viblog.toml, secret_key: it is a secret; put BLOG_SECRET_KEY=…"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line_that_says_where(own_blog, text, said):
    own_blog.write("viblog.toml", text)
    for command in (["run"], ["check"]):
        code, output = own_blog.run(*command)
        assert code == 1
        assert output.startswith("The blog cannot start:\n")
        assert said in output
        assert len(output.splitlines()) == 2
    assert "abc" not in output


def test_outside_of_a_site_folder_a_command_says_what_to_do(own_blog, tmp_path):
    for command in ("run", "dev", "check", "list"):
        code, output = own_blog.run(command, folder=tmp_path)
        assert (code, output.count("\n")) == (1, 1)
        assert "found no viblog.toml in this folder" in output
    code, output = own_blog.run("new", str(own_blog.folder), "--title", "x", "--language", "en")
    assert (code, "is there already, and not empty" in output) == (1, True)


def test_the_commands_of_an_author_work_on_the_folder(own_blog):
    assert own_blog.run("post", "Two moons") == (0, "posts/two-moons.md\n")
    assert "two-moons  Two moons  (draft)" in own_blog.run("list")[1]
    code, output = own_blog.run("check")
    assert (code, output.splitlines()[-1]) == (0, "2 posts, 1 page, no faults")
    assert own_blog.run("eject", "post.html") == (0, "templates/post.html\n")
    assert (own_blog.folder / "templates/post.html").read_bytes() == (
        ROOT / "templates/post.html"
    ).read_bytes()
    code, output = own_blog.run("eject", "post.html")
    assert (code, output) == (1, "Error: templates/post.html is there already\n")
    assert own_blog.run("eject", "../gunicorn.conf.py")[0] == 1
