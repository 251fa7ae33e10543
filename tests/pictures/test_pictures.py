"""Copies are made once, for all workers and restarts, and go when they are of no use."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from blog.pictures import Originals, Pictures
from blog.pictures.shelf import Shelf
from blog.posts import Library
from tests.pictures.photos import draw, write, write_noise, write_plain

PHOTO = write(draw(600, 400), "JPEG", quality=90)


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    folder = tmp_path / "posts"
    folder.mkdir()
    (folder / "sky.jpg").write_bytes(PHOTO)
    return folder


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "instance" / "pictures")


@pytest.fixture
def open_worker(posts: Path, shelf: Shelf) -> Callable[[], Pictures]:
    """Return what makes one worker's pictures, nothing of which is known yet."""

    def open_it() -> Pictures:
        library = Library(posts)
        library.load()
        return Pictures((library,), None, shelf)

    return open_it


def inodes(shelf: Shelf) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in shelf.folder.glob("*.webp")}


def test_a_picture_beside_a_post_has_copies_on_the_shelf(
    open_worker: Callable[[], Pictures], posts: Path
):
    worker = open_worker()
    worker.bring_up_to_date()
    picture = worker.find(posts / "sky.jpg")
    assert picture is not None
    assert picture.widths == (240, 480, 600)
    copy = worker.find_copy(posts / "sky.jpg", 480)
    assert copy is not None
    assert copy.is_file()
    assert worker.find_copy(posts / "sky.jpg", 481) is None
    assert worker.find_copy(posts / "none.jpg", 480) is None


def test_another_worker_and_the_same_content_elsewhere_take_what_is_there(
    open_worker: Callable[[], Pictures], posts: Path, shelf: Shelf
):
    open_worker().bring_up_to_date()
    made = inodes(shelf)
    (posts / "same.jpg").write_bytes(PHOTO)
    other = open_worker()
    other.bring_up_to_date()
    assert inodes(shelf) == made
    assert other.find(posts / "same.jpg") == other.find(posts / "sky.jpg") is not None


def test_a_worker_that_starts_knows_what_was_made_before_it_is_asked(
    open_worker: Callable[[], Pictures], posts: Path
):
    open_worker().bring_up_to_date()
    worker = open_worker()
    worker.start()
    try:
        assert worker.find(posts / "sky.jpg") is not None
    finally:
        worker.close()


def test_a_worker_waits_while_another_makes(
    open_worker: Callable[[], Pictures], posts: Path, shelf: Shelf
):
    worker = open_worker()
    with shelf.own() as is_ours:
        assert is_ours
        worker.bring_up_to_date()
        assert worker.find(posts / "sky.jpg") is None
    worker.bring_up_to_date()
    assert worker.find(posts / "sky.jpg") is not None


def test_what_pages_are_made_of_is_another_object_only_after_a_change(
    open_worker: Callable[[], Pictures], posts: Path
):
    worker = open_worker()
    worker.bring_up_to_date()
    before = worker.known
    worker.bring_up_to_date()
    assert worker.known is before
    (posts / "sky.jpg").write_bytes(write_plain(draw(700, 400), quality=95))
    worker.bring_up_to_date()
    picture = worker.find(posts / "sky.jpg")
    assert picture is not None
    assert picture.width == 700


def test_copies_that_are_of_no_use_for_two_looks_go_and_lost_ones_come_back(
    open_worker: Callable[[], Pictures], posts: Path, shelf: Shelf
):
    worker = open_worker()
    worker.bring_up_to_date()
    old = set(inodes(shelf))
    next(shelf.folder.glob("*-480.webp")).unlink()
    worker.bring_up_to_date()
    assert set(inodes(shelf)) == old
    (posts / "sky.jpg").write_bytes(write_plain(draw(700, 400), quality=95))
    worker.bring_up_to_date()
    assert old < set(inodes(shelf))
    worker.bring_up_to_date()
    assert not old & set(inodes(shelf))
    assert inodes(shelf)


def test_a_broken_picture_is_looked_at_once(
    open_worker: Callable[[], Pictures], posts: Path, shelf: Shelf
):
    (posts / "sky.jpg").write_bytes(b"picture")
    open_worker().bring_up_to_date()
    noted = shelf.notes_path.stat().st_ino
    worker = open_worker()
    worker.bring_up_to_date()
    assert shelf.notes_path.stat().st_ino == noted
    picture = worker.find(posts / "sky.jpg")
    assert picture is not None
    assert (picture.problem, picture.widths) == ("broken", ())


def test_a_picture_that_cannot_be_read_keeps_no_other_waiting(
    posts: Path, shelf: Shelf, tmp_path: Path
):
    static = tmp_path / "static"
    (static / "album.jpg").mkdir(parents=True)
    (static / "album.jpg" / "sky.jpg").write_bytes(PHOTO)
    worker = Pictures((Library(posts),), static, shelf)
    worker.bring_up_to_date()
    assert list(worker.known) == [static / "album.jpg" / "sky.jpg"]


@pytest.mark.parametrize("notes", ["", "{}", '{"version": 1, "files": {"a": {}}}', "[1]"])
def test_notes_that_cannot_be_read_are_made_anew(
    open_worker: Callable[[], Pictures], posts: Path, shelf: Shelf, notes: str
):
    shelf.folder.mkdir(parents=True)
    shelf.notes_path.write_text(notes)
    worker = open_worker()
    worker.bring_up_to_date()
    assert worker.find(posts / "sky.jpg") is not None


def test_the_stop_ends_what_is_being_made(
    open_worker: Callable[[], Pictures], posts: Path, shelf: Shelf
):
    """Nothing is left of it, and nothing is noted: the next start makes it."""
    (posts / "sky.jpg").write_bytes(write_noise(2400, 1800))
    worker = open_worker()
    worker.start()
    try:
        wait_for(lambda: list_makers(shelf))
    finally:
        worker.close()
    assert list_makers(shelf) == []
    assert worker.find(posts / "sky.jpg") is None
    assert not shelf.notes_path.exists()


def test_a_process_that_is_killed_leaves_a_picture_without_copies(
    open_worker: Callable[[], Pictures],
    posts: Path,
    shelf: Shelf,
    monkeypatch: pytest.MonkeyPatch,
):
    program = shelf.folder.parent / "killed.py"
    program.parent.mkdir(parents=True)
    program.write_text(f"import os; os.kill(os.getpid(), {signal.SIGKILL:d})")
    monkeypatch.setattr("blog.pictures.making.__file__", str(program))
    worker = open_worker()
    worker.bring_up_to_date()
    picture = worker.find(posts / "sky.jpg")
    assert picture is not None
    assert picture.problem == "broken"


def test_a_shelf_that_cannot_be_written_is_an_error_that_says_so(
    open_worker: Callable[[], Pictures], shelf: Shelf
):
    shelf.folder.parent.mkdir(parents=True)
    shelf.folder.write_text("a file in the place of the folder")
    with pytest.raises(OSError, match="pictures"):
        open_worker().bring_up_to_date()


def test_an_outage_of_the_shelf_is_logged_when_it_starts_and_when_it_ends(
    open_worker: Callable[[], Pictures],
    shelf: Shelf,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr("blog.pictures.pictures.AGAIN_SECONDS", 0.02)
    caplog.set_level("INFO")
    shelf.folder.parent.mkdir(parents=True)
    shelf.folder.write_text("a file in the place of the folder")
    worker = open_worker()
    worker.start()
    try:
        wait_for(lambda: "readers get the originals" in caplog.text)
        shelf.folder.unlink()
        wait_for(lambda: "copies are kept again" in caplog.text)
    finally:
        worker.close()
    assert len([one for one in caplog.records if one.name == "blog.pictures.pictures"]) == 2


def test_an_original_is_sent_as_a_clean_copy_that_is_kept(posts: Path, shelf: Shelf):
    path = posts / "sky.jpg"
    originals = Originals(shelf)
    sent = originals.find(path)
    assert isinstance(sent, Path)
    assert sent.parent == shelf.folder
    assert b"GPS" in path.read_bytes()
    assert b"GPS" not in sent.read_bytes()
    assert originals.find(path) == sent
    path.write_bytes(write(draw(64, 48), "PNG"))
    other = originals.find(path)
    assert isinstance(other, Path)
    assert other != sent
    assert b"GPS" not in other.read_bytes()


def test_an_original_that_says_nothing_is_sent_itself(posts: Path, shelf: Shelf):
    path = posts / "plain.png"
    path.write_bytes(write_plain(draw(64, 48), "PNG"))
    assert Originals(shelf).find(path) == path
    assert not shelf.folder.exists()


def test_where_no_copy_can_be_kept_an_original_is_clean_all_the_same(posts: Path, shelf: Shelf):
    shelf.folder.parent.mkdir(parents=True)
    shelf.folder.write_text("a file in the place of the folder")
    sent = Originals(shelf).find(posts / "sky.jpg")
    assert isinstance(sent, bytes)
    assert b"GPS" not in sent


def wait_for(is_so: Callable[[], object]) -> None:
    """Wait until something is so; fail after ten seconds."""
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def list_makers(shelf: Shelf) -> list[int]:
    """Return the processes that make copies for a shelf."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if os.fsencode(shelf.folder) in words:
            found.append(int(path.parent.name))
    return found
