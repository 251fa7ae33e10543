"""Drafts, scheduled and expired posts are hidden until their moment, which needs no restart."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from blog.posts import Index, Library, Post

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SOON_SECONDS = 0.7
DEADLINE_SECONDS = 2.0


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def put(folder: Path, name: str, **fields: str) -> None:
    folder.mkdir(exist_ok=True)
    front = "".join(f"{field}: {value}\n" for field, value in {"title": name, **fields}.items())
    (folder / f"{name}.md").write_text(f"---\n{front}---\nText.\n")


def open_library(folder: Path, now: datetime = NOON) -> tuple[Library, Clock]:
    clock = Clock(now)
    library = Library(folder, clock=clock)
    library.load()
    return library, clock


def ids(posts: tuple[Post, ...]) -> list[str]:
    return [post.id for post in posts]


def await_posts(library: Library, expected: list[str]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while ids(library.index.posts) != expected:
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.01)


def put_one_of_each(folder: Path) -> None:
    for name, fields in {
        "shown": {"date": "2026-04-01"},
        "draft": {"date": "2026-04-01", "draft": "true"},
        "later": {"date": "2026-05-01T12:00:01Z"},
        "over": {"date": "2026-04-01", "expires": "2026-05-01T12:00:00Z"},
    }.items():
        put(folder, name, aliases=f"[/old-{name}]", series="S", **fields)


def test_what_is_hidden_is_in_no_list_and_at_no_old_address(tmp_path: Path):
    put_one_of_each(tmp_path)
    index = open_library(tmp_path)[0].index
    assert (ids(index.posts), list(index.by_id)) == (["shown"], ["shown"])
    assert ids(index.series["S"]) == ["shown"]
    assert list(index.aliases) == ["/blog/shown.md", "/old-shown"]


def test_what_is_hidden_can_be_looked_up_apart(tmp_path: Path):
    put_one_of_each(tmp_path)
    index = open_library(tmp_path)[0].index
    assert sorted(index.hidden) == ["draft", "later", "over"]
    assert (ids(index.drafts), ids(index.scheduled), ids(index.expired)) == (
        ["draft"],
        ["later"],
        ["over"],
    )


def test_a_post_appears_at_its_date_and_goes_when_it_expires(tmp_path: Path):
    put(tmp_path, "a", date="2026-05-01T12:00:10Z", expires="2026-05-01T12:01:00Z")
    library, clock = open_library(tmp_path)
    versions = [library.index.version]
    assert library.turn() == 10.0
    clock.now = NOON + timedelta(seconds=9.5)
    assert (library.turn(), ids(library.index.posts)) == (0.5, [])
    clock.now = NOON + timedelta(seconds=10)
    assert (library.turn(), ids(library.index.posts)) == (50.0, ["a"])
    versions.append(library.index.version)
    clock.now = NOON + timedelta(seconds=61)
    assert (library.turn(), ids(library.index.posts)) == (None, [])
    versions.append(library.index.version)
    assert len(set(versions)) == 3


def test_a_moment_that_was_slept_through_is_made_up_for(tmp_path: Path):
    """The machine slept from before the date until after the expiry: nothing was ever shown."""
    put(tmp_path, "a", date="2026-05-02", expires="2026-05-03")
    library, clock = open_library(tmp_path)
    clock.now = NOON + timedelta(days=5)
    assert library.turn() is None
    assert (ids(library.index.scheduled), ids(library.index.expired)) == ([], ["a"])


def test_the_version_is_the_same_in_a_worker_that_starts_after_the_moment(tmp_path: Path):
    put(tmp_path, "a", date="2026-05-02")
    library, clock = open_library(tmp_path)
    clock.now = NOON + timedelta(days=5)
    library.turn()
    later = open_library(tmp_path, NOON + timedelta(days=9))[0]
    assert library.index.version == later.index.version


def test_a_turn_before_the_moment_leaves_the_index_alone(tmp_path: Path):
    put(tmp_path, "a", date="2026-05-02")
    library = open_library(tmp_path)[0]
    before = library.index
    library.turn()
    assert library.index is before


def test_an_index_in_a_request_s_hands_does_not_change(tmp_path: Path):
    put(tmp_path, "a", date="2026-05-02")
    library, clock = open_library(tmp_path)
    taken = library.index
    clock.now = NOON + timedelta(days=5)
    library.turn()
    assert (ids(taken.posts), ids(library.index.posts)) == ([], ["a"])


def test_a_running_library_shows_and_hides_a_post_by_itself(tmp_path: Path):
    """With the real clock and the real watch; each within a moment, not at the next look."""
    date = datetime.now(UTC) + timedelta(seconds=SOON_SECONDS)
    expires = date + timedelta(seconds=SOON_SECONDS)
    put(tmp_path, "a", date=date.isoformat(), expires=expires.isoformat())
    library = Library(tmp_path)
    library.load()
    library.start()
    lateness = []
    try:
        for moment, shown in ((date, ["a"]), (expires, [])):
            await_posts(library, shown)
            lateness.append((datetime.now(UTC) - moment).total_seconds())
    finally:
        library.close()
    assert all(0 <= seconds < 0.5 for seconds in lateness), lateness


def test_a_scheduled_post_appears_while_the_folder_cannot_be_watched(tmp_path: Path, monkeypatch):
    def refuse(*arguments: object) -> None:
        raise OSError("no watches left")

    monkeypatch.setattr("blog.posts.watching.RustNotify", refuse)
    put(tmp_path, "a", date=(datetime.now(UTC) + timedelta(seconds=SOON_SECONDS)).isoformat())
    library = Library(tmp_path)
    library.load()
    library.start()
    try:
        await_posts(library, ["a"])
    finally:
        library.close()


def test_whoever_listens_is_told_of_each_swap(tmp_path: Path):
    put(tmp_path, "a", date="2026-05-02")
    library, clock = open_library(tmp_path)
    told: list[tuple[Index, Index]] = []
    library.subscribe(lambda before, after: told.append((before, after)))
    library.load()
    assert told == []
    first = library.index
    clock.now = NOON + timedelta(days=5)
    library.turn()
    put(tmp_path, "b")
    library.load()
    assert [(ids(before.posts), ids(after.posts)) for before, after in told] == [
        ([], ["a"]),
        (["a"], ["a", "b"]),
    ]
    assert told[0][0] is first


def test_a_missing_folder_that_comes_back_empty_is_no_fault_any_more(tmp_path: Path):
    library = open_library(tmp_path / "posts")[0]
    counts = [len(library.index.faults)]
    (tmp_path / "posts").mkdir()
    library.load()
    counts.append(len(library.index.faults))
    assert counts == [1, 0]


PROGRAM = """
from gevent import monkey
monkey.patch_all()
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
import gevent
import gevent.event
from blog.posts import Library

folder = Path(sys.argv[1])
date = datetime.now(UTC) + timedelta(seconds=0.7)
(folder / "a.md").write_text(f"---\\ntitle: A\\ndate: {date.isoformat()}\\n---\\n")
library = Library(folder)
library.load()
told = gevent.event.Event()

def listen(before, after):
    gevent.sleep(0)  # may wait, as a greenlet may
    print(len(before.posts), len(after.posts), gevent.getcurrent() is not gevent.get_hub())
    told.set()

library.subscribe(listen)
library.start()
assert told.wait(3)
library.close()
"""


def test_in_a_worker_a_listener_is_told_in_a_greenlet(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stderr, done.stdout) == ("", "0 1 True\n")
