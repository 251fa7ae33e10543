"""What a post's page is told when its author changes it, takes it away or brings it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from blog.live.templates import LiveTemplates
from blog.live.updates import Updates
from blog.pages.theme import make_loader
from blog.posts import Library
from blog.words import load_words

TEMPLATES = LiveTemplates(make_loader(None), load_words("en"))
GONE = (
    b'data: <hx-partial hx-target=".post-updated" hx-swap="innerMorph">This post is no longer'
    b' published. <a href="/">Other posts</a></hx-partial>\n\n'
)


class Desk:
    """An author's folder of posts, and what a worker that read it says."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.write("a", "One.")
        self.restart()

    def restart(self) -> None:
        """Be another worker, which has seen no change."""
        self.library = Library(self._folder)
        self.library.load()
        self.updates = Updates(self.library, TEMPLATES)
        self.library.subscribe(self.updates.notice)

    def write(self, name: str, text: str, fields: str = "") -> None:
        front = f"---\ntitle: A\n{fields}---\n"
        (self._folder / f"{name}.md").write_text(front + text, encoding="utf-8")

    def remove(self, name: str) -> None:
        (self._folder / f"{name}.md").unlink()

    def revision(self) -> str:
        return self.library.index.by_id["a"].revision


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_frames_say_nothing_of_a_post_that_did_not_change(desk):
    desk.write("b", "Another.")
    desk.library.load()
    assert desk.updates.change("blog/a") == b""


def test_a_change_is_in_every_frame_from_then_on(desk):
    old = desk.revision()
    desk.write("a", "Two, longer.")
    desk.library.load()
    new = desk.revision()
    assert new != old
    assert desk.updates.change("blog/a").decode() == (
        f'data: <hx-partial hx-target=".post-updated:not(.{new})" hx-swap="innerMorph">'
        'This post was updated. <a href="/blog/a">New version</a></hx-partial>\n'
        f'data: <hx-partial hx-target=".{new}" hx-swap="innerMorph"></hx-partial>\n\n'
    )
    assert desk.updates.change("blog/a") is desk.updates.change("blog/a")


def test_a_change_that_was_taken_back_names_the_first_revision(desk):
    old = desk.revision()
    desk.write("a", "Two, longer.")
    desk.library.load()
    desk.write("a", "One.")
    desk.library.load()
    assert f":not(.{old})".encode() in desk.updates.change("blog/a")


def test_a_page_that_opens_is_told_of_the_newest_revision_by_any_worker(desk):
    desk.write("a", "Two, longer.")
    desk.restart()
    assert desk.updates.change("blog/a") == b""
    assert f":not(.{desk.revision()})".encode() in desk.updates.opening("blog/a")


@pytest.mark.parametrize("fields", ["draft: true\n", "date: 2099-01-01\n", "expires: 2001-01-01\n"])
def test_a_post_that_is_hidden_is_said_to_be_gone_and_may_come_back(desk, fields):
    desk.write("a", "One.", fields)
    desk.library.load()
    assert desk.updates.change("blog/a") == desk.updates.opening("blog/a") == GONE
    desk.write("a", "One.")
    desk.library.load()
    assert f":not(.{desk.revision()})".encode() in desk.updates.change("blog/a")


def test_a_post_that_is_removed_or_broken_is_said_to_be_gone(desk):
    desk.write("a", "One.", "tags: 5: 6\n")
    desk.library.load()
    assert desk.updates.change("blog/a") == GONE
    desk.remove("a")
    desk.library.load()
    assert desk.updates.change("blog/a") == GONE
    desk.restart()
    assert desk.updates.opening("blog/a") == GONE


def test_a_post_that_keeps_its_old_address_is_found_at_the_new_one(desk):
    desk.remove("a")
    desk.write("b", "One.", "aliases: [/blog/a]\n")
    desk.library.load()
    assert b'<a href="/blog/b">' in desk.updates.change("blog/a")


def test_pages_that_are_no_posts_are_told_nothing(desk):
    desk.write("a", "Two, longer.")
    desk.library.load()
    assert [desk.updates.opening(page) for page in ("index", "about", "")] == [b"", b"", b""]
    assert desk.updates.change("index") == b""
