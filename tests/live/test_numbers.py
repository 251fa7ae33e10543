"""What a page shows of presence, in words and as one event."""

from __future__ import annotations

import html

import pytest

from blog.live.numbers import (
    NOTICES,
    TOPIC,
    Fragments,
    Numbers,
    encode_fragments,
    readers_online,
    reading_now,
)
from blog.presence import State, Store, Tracker, connect

START = 'data: <hx-partial hx-target=".live-{}" hx-swap="innerHTML">{}</hx-partial>\n'


@pytest.fixture
def tracker() -> Tracker:
    """Return a tracker that was not started: it has what it is told, and no Redis."""
    return Tracker(Store(connect("redis://localhost"), "{test}"), indexes=("page",))


def read(tracker: Tracker, *pages: str) -> None:
    """Have one tab of one reader on each of these pages."""
    for page in pages:
        tracker.track(object(), TOPIC, "ada", {"page": page})


@pytest.mark.parametrize(
    ("counts_readers", "total", "here"),
    [(False, "3 readers online", "2 reading now"), (True, "1 reader online", "1 reading now")],
)
def test_a_post_has_a_number_of_its_own(tracker, counts_readers, total, here):
    read(tracker, "blog/a", "blog/a", "index")
    frame = Numbers(tracker, counts_readers=counts_readers).frame("blog/a")
    parts = [("total", total), ("here", here), ("notice", "")]
    assert frame.decode() == "".join(START.format(*part) for part in parts) + "\n"


def test_any_other_page_has_the_total_only(tracker):
    read(tracker, "index")
    frame = Numbers(tracker, counts_readers=False).frame("index")
    parts = [("total", "1 reader online"), ("notice", "")]
    assert frame.decode() == "".join(START.format(*part) for part in parts) + "\n"


def test_a_frame_is_made_anew_when_a_number_or_the_state_is_another(tracker):
    read(tracker, "blog/a")
    numbers = Numbers(tracker, counts_readers=False)
    first = numbers.frame("blog/a")
    assert numbers.frame("blog/a") is first
    read(tracker, "blog/a")
    assert b">2 reading now<" in numbers.frame("blog/a")
    tracker.sync.health.state = State.STALE
    assert b">not live right now, as last known<" in numbers.frame("blog/a")


@pytest.mark.parametrize("words", [readers_online(2), reading_now(2), *NOTICES.values()])
def test_no_words_have_anything_to_escape(words):
    assert html.escape(words) == words
    assert encode_fragments(Fragments(words, words, words)).count(b"\n") == 4 - (not words)
