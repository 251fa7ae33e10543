"""What open pages follow while an author writes, and what is shown as a mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from blog.live.following import Following
from blog.posts import Library


class Desk:
    """A project's folders, and a worker that serves it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.style_url = "/static/style.css?v=1"
        self.write("posts/a.md", "---\ntitle: A\n---\nOne.\n")
        self.write("about/1.md", "# What\n")
        self.write("templates/base.html", "<main></main>")
        self.write("blog/code.py", "x = 1\n")
        self.restart()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def restart(self) -> None:
        self.libraries = [Library(self.root / name) for name in ("posts", "about")]
        self.load()
        templates, code = [self.root / "templates"], [self.root / "blog"]
        self.following = Following(templates, code, self.libraries, lambda: (self.style_url,))

    def load(self) -> None:
        for library in self.libraries:
            library.load()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("posts/a.md", "---\ntitle: A\n---\nTwo.\n"),
        ("posts/a.md", "---\ntitle: [A\n---\nOne.\n"),
        ("about/1.md", "# What else\n"),
        ("templates/base.html", "<main>New</main>"),
    ],
)
def test_whatever_is_saved_makes_another_version(desk, name, text):
    before = desk.following.version
    assert re.fullmatch(r"v-[0-9a-f]{12}", before)
    desk.write(name, text)
    desk.load()
    desk.following.look()
    assert desk.following.version != before


def test_code_counts_as_it_was_loaded(desk):
    """gunicorn starts another worker, whose version is another one; until then nothing is new."""
    before = desk.following.version
    desk.write("blog/code.py", "x = 22\n")
    assert not desk.following.look()
    assert desk.following.version == before
    desk.restart()
    assert desk.following.version != before


def test_all_workers_name_one_version(desk):
    before = desk.following.version
    desk.restart()
    assert desk.following.version == before


def test_a_look_tells_whether_there_is_news(desk):
    assert not desk.following.look()
    desk.write("templates/base.html", "<main>New</main>")
    assert desk.following.look()
    desk.style_url = "/static/style.css?v=2"
    assert desk.following.look()
    assert not desk.following.look()


def test_a_template_that_is_just_being_written_is_no_news(desk):
    """It is emptied first; one that stays empty was saved so."""
    desk.write("templates/base.html", "")
    assert not desk.following.look()
    desk.write("templates/base.html", "<main>New</main>")
    assert desk.following.look()
    desk.write("templates/base.html", "")
    assert [desk.following.look() for _ in range(3)] == [False, True, False]


def test_every_page_is_told_of_the_version_and_the_stylesheet(desk):
    told = desk.following.change("index").decode()
    assert f'hx-target="#following:not(.{desk.following.version})"' in told
    assert "link[href^='/static/style.css']:not([href='/static/style.css?v=1'])" in told
    assert desk.following.change("blog/a").decode() == told
    assert desk.following.opening("blog/a") == b""


def test_a_fault_comes_with_its_line(desk):
    desk.write("posts/a.md", "---\ntitle: A\ndate:  soon\n---\nOne.\n")
    desk.write("about/1.md", "---\ntitle: 1\ndraft: perhaps\n---\nOne.\n")
    desk.load()
    found = [(fault.path.name, fault.line, line) for fault, line in desk.following.list_faults()]
    assert found == [("a.md", 3, "date:  soon"), ("1.md", 3, "draft: perhaps")]


def test_a_fault_of_a_folder_has_no_line(desk):
    (desk.root / "posts" / "a.md").unlink()
    (desk.root / "posts").rmdir()
    desk.load()
    assert [line for _, line in desk.following.list_faults()] == [""]
