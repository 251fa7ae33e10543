"""What was opened within the last hour, and how many were here at once today.

Every worker hears of every arrival, so all of them say the same. Nothing in it ties two openings to
one reader, and it changes by the minute, not by the visit, so watching it does not show single
visits.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from heapq import nsmallest
from typing import NamedTuple

import gevent

from blog.curves import draw_steps
from blog.posts.page_names import POST_PREFIX
from flask_presence.tracking import Diff, Presence, State, Tracker, read_arrival
from flask_presence.web.readers import TOPIC

MINUTE_SECONDS = 60
HOUR_MINUTES = 60
# A post is named when it was opened so often within the hour, and so many posts at most.
LEAST_OPENINGS = 3
MOST_LINES = 5
# The day's curve has a value for each five minutes: the most who were here at once.
CURVE_SECONDS = 300
# Single openings are told with `BLOG_ACTIVITY=events` only, with this delay, and while at least so
# many readers are here.
EVENT_DELAY_SECONDS = 60
LEAST_PRESENT = 3
# A slot that comes back whole, after an outage say, joins again what was counted long ago.
FRESH_SECONDS = 30
# Whoever writes in Redis may name any page.
MOST_PAGES = 10_000
MOST_CHARACTERS = 200  # the longest that a page of the blog has is 100


class Opened(NamedTuple):
    """A page that was opened so often within the hour, rounded; the last time so long ago."""

    page: str
    times: int
    minutes_ago: int


class Peak(NamedTuple):
    """How many were here at once today at most, and when: "20:31"."""

    readers: int
    clock: str


class Curve(NamedTuple):
    """Today's curve: the most who were here at once in each five minutes, None where not known.

    `width` is how many of these the whole day has: 288, but for two days of the year.
    """

    most: tuple[int | None, ...] = ()
    width: int = 288

    @property
    def highest(self) -> int:
        """The most of all."""
        return max((count for count in self.most if count is not None), default=0)

    def draw(self, height: int) -> str:
        """Return the path of an SVG: a line in steps, with gaps, `width` wide and so high."""
        return draw_steps(self.most, height, self.highest)


class Activity(NamedTuple):
    """What is said of the last hour and of today, as of the last full minute."""

    opened: tuple[Opened, ...] = ()
    events: tuple[Opened, ...] = ()
    peak: Peak | None = None
    curve: Curve = Curve()


class Recent:
    """Counts openings by page and minute, and the most who were here at once. O(1) a change.

    `zone` says when a day begins. `tells_events` is whether single openings are told, too.
    """

    def __init__(
        self,
        tracker: Tracker,
        zone: tzinfo,
        *,
        counts_readers: bool = False,
        tells_events: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.activity = Activity()
        self._tracker = tracker
        self._zone = zone
        self._is_distinct = counts_readers
        self._tells_events = tells_events
        self._now = now
        self._openings: dict[str, dict[int, int]] = {}  # by page and minute
        self._events: deque[tuple[float, str]] = deque(maxlen=MOST_LINES)
        self._peak = 0
        self._peak_at = 0.0
        self._curve: list[int | None] = []
        self._day = (0.0, 0.0)  # when today began, and when it ends
        self._has_begun = False
        self._greenlet: gevent.Greenlet[..., None] | None = None
        tracker.subscribe(self._note, topic=TOPIC)

    def start(self, on_change: Callable[[], None]) -> None:
        """Begin to tell it: `on_change` is called after each minute that changed something."""
        self._has_begun = True
        self.sum_up()
        self._greenlet = gevent.spawn(self._sum_up_forever, on_change)

    def close(self) -> None:
        """Tell no more. Idempotent."""
        if self._greenlet is not None:
            self._greenlet.kill()

    def sum_up(self) -> bool:
        """Make `activity` anew, as of now; tell whether it is another than before."""
        now = self._now()
        self._note_total(now)
        minute = int(now // MINUTE_SECONDS)
        self._forget_before(minute - HOUR_MINUTES + 1)
        opened = (
            Opened(page, round_to_few(count), minute - max(minutes))
            for page, minutes in self._openings.items()
            if (count := sum(minutes.values())) >= LEAST_OPENINGS
        )
        peak = Peak(self._peak, f"{datetime.fromtimestamp(self._peak_at, self._zone):%H:%M}")
        before, self.activity = (
            self.activity,
            Activity(
                tuple(nsmallest(MOST_LINES, opened, key=lambda one: (-one.times, one.page))),
                tuple(self._list_events(now)),
                peak if peak.readers >= LEAST_PRESENT else None,
                Curve(tuple(self._curve), int((self._day[1] - self._day[0]) // CURVE_SECONDS)),
            ),
        )
        return self.activity != before

    def _list_events(self, now: float) -> list[Opened]:
        if self._tracker.count(TOPIC, distinct=self._is_distinct) < LEAST_PRESENT:
            return []
        return [
            Opened(page, 1, int((now - at) // MINUTE_SECONDS))
            for at, page in reversed(self._events)
            if EVENT_DELAY_SECONDS <= now - at < HOUR_MINUTES * MINUTE_SECONDS
        ]

    def _note(self, diff: Diff) -> None:
        if not diff.joins:  # then no number has grown
            return
        now = self._now()
        self._note_total(now)
        for joined in diff.joins:
            at = _came_at(joined, now)
            page = joined.meta.get("page")
            # Before the start this worker hears of all who are here already, whenever they came.
            is_fresh = now - at < FRESH_SECONDS or not self._has_begun
            is_new = joined.prev_ref is None and is_fresh
            if not isinstance(page, str) or len(page) > MOST_CHARACTERS:
                continue
            if is_new and page.startswith(POST_PREFIX):
                self._note_opening(page, at)

    def _note_opening(self, page: str, at: float) -> None:
        if page not in self._openings and len(self._openings) >= MOST_PAGES:
            return
        minutes = self._openings.setdefault(page, {})
        minute = int(at // MINUTE_SECONDS)
        minutes[minute] = minutes.get(minute, 0) + 1
        if self._tells_events:
            self._events.append((at, page))

    def _note_total(self, now: float) -> None:
        """Keep the highest number of today, and of these five minutes."""
        begin, end = self._day
        if not begin <= now < end:
            today = datetime.fromtimestamp(now, self._zone)
            midnight = today.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
            begin, end = midnight.timestamp(), (midnight + timedelta(days=1)).timestamp()
            self._day = begin, end
            self._peak, self._curve = 0, []
        if self._tracker.state is not State.WHOLE:
            return  # a number that is known in part is no record
        total = self._tracker.count(TOPIC, distinct=self._is_distinct)
        if total > self._peak:
            self._peak, self._peak_at = total, now
        at = int((now - begin) // CURVE_SECONDS)
        self._curve += [None] * (at + 1 - len(self._curve))
        self._curve[at] = max(self._curve[at] or 0, total)

    def _forget_before(self, oldest: int) -> None:
        for page, minutes in list(self._openings.items()):
            for minute in [one for one in minutes if one < oldest]:
                del minutes[minute]
            if not minutes:
                del self._openings[page]

    def _sum_up_forever(self, on_change: Callable[[], None]) -> None:
        while True:
            gevent.sleep(MINUTE_SECONDS - self._now() % MINUTE_SECONDS)
            if self.sum_up():
                on_change()


def _came_at(joined: Presence, now: float) -> float:
    """Return when a tab first came: not later than now, whatever another host's clock says."""
    now_ms = int(now * 1000)
    # A JSON int may be too large for a float.
    return max(0, min(now_ms, read_arrival(joined.meta, now_ms))) / 1000


def round_to_few(count: int) -> int:
    """Round a number above ten to the nearest of 1, 2 or 5 times a power of ten, down from
    halfway.
    """
    if count <= 10:
        return count
    tens: int = 10 ** (len(str(count)) - 1)
    near = (tens, 2 * tens, 5 * tens, 10 * tens)
    return min(near, key=lambda one: abs(one - count))
