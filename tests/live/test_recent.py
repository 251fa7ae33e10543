"""What was opened within the last hour, and how many were here at once today."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from blog.live.numbers import LiveCounts, PostLink
from blog.live.recent import MOST_PAGES, Activity, Opened, Peak, Recent
from blog.live.templates import LiveTemplates
from blog.pages.theme import make_loader
from blog.words import load_words
from flask_presence.tracking import Diff, Presence, State, Store, Tracker, connect
from flask_presence.web.readers import TOPIC

NOON = datetime(2026, 11, 3, 12, 0, tzinfo=UTC).timestamp()
MINUTE = 60


class Day:
    """A blog whose clock the test sets. Nobody writes in Redis: the tracker is not started."""

    def __init__(self, *, zone: str = "UTC", at: float = NOON, **options: bool) -> None:
        self.now = at
        self.tracker = Tracker(Store(connect("redis://localhost"), "{test}"), indexes=("page",))
        self.recent = Recent(self.tracker, ZoneInfo(zone), now=lambda: self.now, **options)

    def start(self) -> None:
        self.recent.start(lambda: None)

    def open(self, page: str, *, age: float = 0, prev_ref: str | None = None) -> Callable[[], None]:
        """Have a tab open a page, so many seconds ago; return what closes it."""
        tab = object()
        meta = {"page": page, "joined_at": int((self.now - age) * 1000)}
        self.tracker.track(tab, TOPIC, "ada", meta, prev_ref=prev_ref)
        return lambda: self.tracker.untrack(tab)

    def activity(self) -> Activity:
        self.recent.sum_up()
        return self.recent.activity


@pytest.fixture
def day() -> Iterator[Day]:
    day = Day()
    day.start()
    yield day
    day.recent.close()


def test_a_post_is_named_from_three_openings_on_for_an_hour(day):
    for _ in range(2):
        day.open("blog/a")()
    assert day.activity().opened == ()
    day.now += 5 * MINUTE
    day.open("blog/a")()
    day.open("index")()
    day.now += 2 * MINUTE
    assert day.activity().opened == (Opened("blog/a", 3, 2),)
    day.now += 53 * MINUTE  # the first two are of an hour ago
    assert day.activity().opened == ()


@pytest.mark.parametrize(
    "joined_at", [10**400, -(10**400), 10**15, -1], ids=("vast", "vast-past", "future", "past")
)
def test_a_time_that_cannot_be_costs_no_other(day, joined_at):
    page = "blog/a" if joined_at < NOON else "blog/" + "x" * 10_000
    tab = Presence("ref", TOPIC, "ada", {"page": page, "joined_at": joined_at}, None)
    day.recent._note(Diff(joins=(tab,)))
    assert all(len(page) < 100 for page in day.recent._openings)
    for _ in range(3):
        day.open("blog/b")
    assert [opened.page for opened in day.activity().opened] == ["blog/b"]


def test_it_changes_by_the_minute_not_by_the_visit(day):
    for _ in range(5):
        day.open("blog/a")
    assert day.recent.activity.opened == ()


def test_a_tab_that_comes_back_opens_nothing_and_neither_does_a_slot_that_does(day):
    for _ in range(3):
        day.open("blog/a", prev_ref="w-1")
        day.open("blog/b", age=40)
    assert day.activity().opened == ()


def test_a_new_worker_counts_those_who_are_here_by_when_they_came():
    day = Day()
    for minutes in (50, 20, 5):
        day.open("blog/a", age=minutes * MINUTE)
    day.open("blog/b", age=-90)  # of a host whose clock is ahead
    day.open("blog/b")
    day.open("blog/b")
    assert day.activity().opened == (Opened("blog/a", 3, 5), Opened("blog/b", 3, 0))


@pytest.mark.parametrize(
    ("times", "told"),
    [(9, 9), (10, 10), (12, 10), (15, 10), (16, 20), (34, 20), (36, 50), (76, 100), (150, 100)],
)
def test_what_is_above_ten_is_rounded(day, times, told):
    for _ in range(times):
        day.open("blog/a")
    assert day.activity().opened[0].times == told


def test_the_five_that_were_opened_most_are_named_and_equals_by_their_names(day):
    for times, page in [(3, "f"), (3, "e"), (3, "d"), (4, "c"), (8, "b"), (3, "a")]:
        for _ in range(times):
            day.open(f"blog/{page}")
    assert [one.page for one in day.activity().opened] == [f"blog/{page}" for page in "bcade"]


def test_the_peak_is_todays_and_its_time_is_the_blogs():
    day = Day(zone="Asia/Kolkata")  # 17:30 there
    closes = [day.open("index") for _ in range(4)]
    day.now += MINUTE
    for close in closes:
        close()
    assert day.activity().peak == Peak(4, "17:30")
    day.now += 7 * 60 * MINUTE  # past midnight
    assert day.activity().peak is None


def test_fewer_than_three_at_once_are_no_peak(day):
    day.open("index")
    day.open("index")
    assert day.activity().peak is None


def test_a_number_that_is_known_in_part_is_no_record(day):
    day.tracker.sync.health.state = State.LOCAL
    for _ in range(4):
        day.open("index")
    assert day.activity().peak is None


def test_the_curve_has_the_most_of_each_five_minutes(day):
    close = day.open("index")
    day.open("index")
    close()
    day.now += 5 * MINUTE
    curve = day.activity().curve
    assert curve.most == (*[None] * 144, 2, 1)
    assert curve.width == 288
    assert curve.draw(60) == "M144 1H145V30.5H146"


@pytest.mark.parametrize(("month", "width"), [(3, 276), (10, 300)])
def test_a_day_on_which_the_clock_changes_is_an_hour_shorter_or_longer(month, width):
    sunday = {3: 29, 10: 25}[month]
    noon = datetime(2026, month, sunday, 12, tzinfo=UTC).timestamp()
    assert Day(zone="Europe/Berlin", at=noon).activity().curve.width == width


def test_single_openings_are_told_a_minute_late_and_while_three_are_here():
    day = Day(tells_events=True)
    day.start()
    day.open("blog/a")
    assert day.activity().events == ()
    day.now += MINUTE
    assert day.activity().events == ()  # one is here
    day.open("index")
    close = day.open("index")
    assert day.activity().events == (Opened("blog/a", 1, 1),)
    close()
    assert day.activity().events == ()
    day.recent.close()


def test_pages_that_redis_makes_up_take_a_bounded_room(day):
    for number in range(MOST_PAGES + 5):
        day.open(f"blog/{number}")()
    assert len(day.recent._openings) == MOST_PAGES
    day.now += 60 * MINUTE
    day.activity()
    assert not day.recent._openings


def test_the_index_and_now_say_it_in_words(day):
    def find_post(page: str) -> PostLink | None:
        return None if page == "blog/gone" else PostLink("On <a>", f"/{page}")

    templates = LiveTemplates(make_loader(None), load_words("en"))
    numbers = LiveCounts(day.tracker, templates, counts_readers=False, find_post=find_post)
    numbers.read_activity = lambda: day.recent.activity
    for _ in range(12):
        day.open("blog/a")
        day.open("blog/gone")
    day.activity()
    line = (
        '<ul class="lines"><li><a href="/blog/a">On &lt;a&gt;</a> <span class="meta">'
        "<span>opened about 10 times</span> <span>just now</span></span></li></ul>"
    )
    index, now = numbers.frame("index").decode(), numbers.frame("now").decode()
    for frame in (index, now):
        assert f'<hx-partial hx-target=".lately" hx-swap="innerMorph">{line}</hx-partial>' in frame
        assert ">24 at once today, at 12:00</hx-partial>" in frame
    assert 'hx-target=".curve"' in now
    assert 'hx-target=".curve"' not in index
    assert 'hx-target=".reads' not in now
    assert "lately" not in numbers.frame("blog/a").decode()
    assert numbers.fragments("index").lately == line
