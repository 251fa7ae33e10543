"""`flask posts check` and `flask posts list`."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from types import SimpleNamespace

from click.testing import Result
from flask import Flask

from blog.cli import posts_cli
from blog.config import Settings
from blog.posts import Library
from blog.posts.markup.markdown import Style
from blog.posts.pages import PageLibrary

# A note in a note, and so on: Python-Markdown goes deeper with each.
TOO_DEEP = "\n".join("    " * depth + "!!! note x" for depth in range(400))
GOOD = "---\ntitle: Good\ndate: 2025-11-24\n---\nText.\n"


def run(folder: Path, *arguments: str) -> Result:
    """Run a command as the factory would, over a library that was loaded."""
    app = Flask("bare")
    library = Library(folder)
    own_pages = PageLibrary(folder / ".pages", folder / ".about", zone=UTC, style=Style())
    library.load()
    own_pages.load()
    app.extensions["viblog"] = SimpleNamespace(
        library=library, pages=own_pages, settings=Settings()
    )
    app.cli.add_command(posts_cli)
    return app.test_cli_runner().invoke(args=["posts", *arguments])


def test_good_posts_have_no_faults(tmp_path: Path):
    (tmp_path / "good.md").write_text(GOOD)
    result = run(tmp_path, "check")
    assert (result.exit_code, result.stdout) == (0, "1 post, no faults\n")


def test_every_fault_of_every_file_is_printed_with_its_place(tmp_path: Path):
    (tmp_path / "good.md").write_text(GOOD)
    (tmp_path / "a.md").write_text("---\ntitle: A\ndate: never\n---\nText.\n")
    (tmp_path / "b.md").write_text("---\ntitle: B\ndraft: perhaps\ndate: 2026-13-01\n---\nText.\n")
    result = run(tmp_path, "check")
    assert result.exit_code == 1
    places = [":".join(line.split(":")[:2]) for line in result.stdout.splitlines()]
    assert places == [f"{tmp_path}/a.md:3", f"{tmp_path}/b.md:3", f"{tmp_path}/b.md:4"]


def test_a_post_that_cannot_be_rendered_is_a_fault(tmp_path: Path):
    (tmp_path / "good.md").write_text(GOOD)
    (tmp_path / "deep.md").write_text(f"---\ntitle: Deep\n---\n{TOO_DEEP}")
    result = run(tmp_path, "check")
    assert result.exit_code == 1
    assert result.stdout.startswith(
        f"{tmp_path}/deep.md:4: the body cannot be rendered (RecursionError: maximum recursion"
    )
    assert "expected Markdown, take parts of it out until it can\n" in result.stdout


def test_a_missing_folder_is_a_fault(tmp_path: Path):
    result = run(tmp_path / "nowhere", "check")
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{tmp_path}/nowhere:1: ")


def test_the_list_has_the_newest_first_and_marks_drafts(tmp_path: Path):
    (tmp_path / "good.md").write_text(GOOD)
    (tmp_path / "newer.md").write_text("---\ntitle: Newer\ndate: 2025-11-25\n---\nText.\n")
    (tmp_path / "undated.md").write_text("---\ntitle: Undated\n---\nText.\n")
    (tmp_path / "soon.md").write_text(
        "---\ntitle: Soon\ndate: 2026-12-01\ndraft: true\n---\nText.\n"
    )
    done = run(tmp_path, "list")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "2025-11-25  newer  Newer",
        "2025-11-24  good  Good",
        "no date     undated  Undated",
        "2026-12-01  soon  Soon  (draft)",
    ]


def test_the_list_says_where_its_faults_are_to_be_read(tmp_path: Path):
    (tmp_path / "a.md").write_text("---\ntitle: A\ndate: never\n---\nText.\n")
    assert run(tmp_path, "list").stderr == "There are faults: the command `check` prints them.\n"
