"""The last events that an author may look at."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from blog.desk.events import KEPT, Event, Events

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON.timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def events(clock) -> Events:
    return Events(clock)


def test_the_newest_event_comes_first(events):
    events.open("index", "news")
    events.leave("blog/a", 252.4)
    events.refuse("index", "crawler", "SomeBot/1.0 (+https://example.org/bot)")
    assert events.last() == (
        Event(NOON, "refused", "index", None, "crawler: SomeBot/1.0 (+https://example.org/bot)"),
        Event(NOON, "left", "blog/a", 252),
        Event(NOON, "opened", "index", None, "news"),
    )


def test_what_happens_again_within_ten_seconds_is_one_event(events, clock):
    for _ in range(5):
        clock.now += 2
        events.open("index", None)
        events.open("blog/a", None)
        events.leave("index", clock.now)
    assert [(event.kind, event.page, event.times) for event in events.last()] == [
        ("left", "index", 5),
        ("opened", "blog/a", 5),
        ("opened", "index", 5),
    ]
    assert events.last()[0].seconds is None
    clock.now += 2  # the tenth second after the first
    events.open("index", None)
    assert events.last()[0] == Event(datetime.fromtimestamp(clock.now, UTC), "opened", "index")


def test_so_many_are_kept_and_no_more_whatever_comes(events, clock):
    for number in range(3 * KEPT):
        clock.now += 0.001
        events.open(f"blog/{number}", f"campaign {number}")
    assert len(events.last()) == KEPT
    assert events.last()[-1].page == f"blog/{2 * KEPT}"
    assert len(events._newest) <= 2 * KEPT


def test_the_words_of_a_machine_are_one_short_line(events):
    events.refuse("index", "crawler", "bot\r\n<script>\x00\u202eevil" + "x" * 10_000)
    (event,) = events.last()
    assert event.source is not None
    assert event.source.startswith("crawler: bot <script> evilxxx")
    assert len(event.source) == 80
