"""What the changes of presence mean for the counts: who came, who came back, who left and for what.

The worker that holds a tab counts it. All hear of the same changes, so each of them knows the most
who were here at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from blog.history.counts import SITE
from blog.history.meter import Meter
from blog.history.sources import CAMPAIGN, Names
from flask_presence.streams.observer import Ending
from flask_presence.tracking import Diff, Presence, State, Tracker, read_arrival
from flask_presence.web.readers import TOPIC

# What the meta of a tab says: that it is the author's, and the campaign by which its reader came.
AUTHOR_FIELD = "author"
CAMPAIGN_FIELD = "via"
# And that it was parked: looked at again, it says with a new stream for how many seconds it was
# open before.
AGAIN_FIELD = "again"
MOST_SECONDS = 999_999
# A slot that comes back whole joins again what came long ago: it was not opened just now.
FRESH_MS = 60_000
# When a page is opened, the other tabs of its reader are asked whether they are there, at once. One
# that a browser has frozen is not: the reader went on from it to that page.
ASKED_WITHIN_MS = 2_000


class Witness(Protocol):
    """Is told of openings and leaves, of all workers."""

    def open(self, page: str, campaign: str | None) -> None:
        """Take note that a page was opened."""

    def leave(self, page: str, seconds: float) -> None:
        """Take note that a page was left after so long."""


def now_ms() -> int:
    """Return the time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Visits:
    """Tells a meter, and a witness, what a tracker tells. With `counts_readers` a browser is one.

    The author's own tabs are told to neither.
    """

    def __init__(
        self,
        tracker: Tracker,
        meter: Meter,
        witness: Witness,
        *,
        counts_readers: bool = False,
        topic: str = TOPIC,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._tracker = tracker
        self._meter = meter
        self._witness = witness
        self._is_distinct = counts_readers
        self._topic = topic
        self._now = now
        self.grew: Callable[[], None] = lambda: None  # called when somebody came: `look` soon
        self._names = Names()
        # The author's own tabs, by page and key.
        self._own: dict[str, dict[str, int]] = {}
        self._grown: set[str] = set()  # pages
        # When tabs of this worker were asked to come back, by ref.
        self._asked: dict[str, int] = {}
        tracker.subscribe(self._take)  # the blog has one topic
        tracker.subscribe_state(self.note_state)

    def note_state(self, state: State) -> None:
        """Take note of how far the numbers can be believed."""
        self._meter.doubt(self._now(), is_in_doubt=state is not State.WHOLE)

    def end(self, ref: str, ending: Ending) -> None:
        """Take note that a stream of this worker has ended, before its tab leaves, if it does."""
        now = self._now()
        if ending is Ending.PARKED:
            self._meter.forget(ref, now)
            return
        self._meter.end(ref, now)
        if ending is Ending.RETURNS and self._meter.holds(ref):
            self._asked[ref] = now

    def count(self, page: str) -> int:
        """Count those on a page, or on any (`SITE`), of all workers; but for the author."""
        if page == SITE:
            count = self._tracker.count(self._topic, distinct=self._is_distinct)
        else:
            count = self._tracker.count(self._topic, distinct=self._is_distinct, page=page)
        if self._own and (own := self._own.get(page)):
            count -= len(own) if self._is_distinct else sum(own.values())
        return count

    def look(self) -> None:
        """Take note of how many are where somebody came since the last look, and of the time.

        Not at once: for a moment who goes on counts on two pages, where the workers of these two
        have not heard of each other yet.
        """
        now = self._now()
        self.note_state(self._tracker.state)
        grown, self._grown = self._grown, set()
        for page in grown:
            self._meter.see(page, now)

    def _take(self, diff: Diff) -> None:
        now = self._now()
        if diff.leaves:
            returned = {joined.prev_ref: joined for joined in diff.joins if joined.prev_ref}
            for left in diff.leaves:
                self._take_leave(left, returned.get(left.ref), diff, now)
        if diff.joins:
            for joined in diff.joins:
                self._grown.add(self._take_join(joined, diff, now))
            self.grew()

    def _take_leave(self, left: Presence, after: Presence | None, diff: Diff, now: int) -> None:
        """Take one that is shown no more; `after` is what it came back as, if it did."""
        if AUTHOR_FIELD in left.meta:
            self._note_own(left, -1)
            return
        ref, meter = left.ref, self._meter
        if after is None:
            self._witness.leave(_page_of(left), (now - _arrival_of(left, now)) / 1000)
        if not meter.holds(ref):
            return
        asked_at = self._asked.pop(ref, None)
        if after is None and self._tracker.holds(ref):
            meter.hide(ref, now)  # it came back and left elsewhere, and was counted there
        elif after is None:
            to = self._page_after(left.key, diff, now)
            if to is None and asked_at is not None:
                to = self._page_opened_at(left.key, asked_at)
            meter.leave(ref, now, to)
        elif "tab" in after.meta and self._tracker.holds(after.ref):
            meter.rename(ref, after.ref)  # another meta, and the same tab
            if asked_at is not None:
                self._asked[after.ref] = asked_at
        else:
            meter.hide(ref, now)

    def _take_join(self, joined: Presence, diff: Diff, now: int) -> str:
        """Take one that is shown from now on; return its page."""
        meta, ref, meter = joined.meta, joined.ref, self._meter
        page = _page_of(joined)
        if AUTHOR_FIELD in meta:
            self._note_own(joined, 1)
            return page
        since = _arrival_of(joined, now)
        is_new = _is_new(joined)
        campaign = meta.get(CAMPAIGN_FIELD) or None
        if is_new and now - since < FRESH_MS:
            self._witness.open(page, campaign if type(campaign) is str else None)
        if not self._tracker.holds(ref):
            return page
        if meter.holds(ref):
            meter.resume(ref, now)
            return page
        is_entry = is_new and self._is_alone(joined.key, diff)
        meter.open(ref, page, now, since=since, is_new=is_new, is_entry=is_entry)
        if is_new and type(campaign) is str and meter.holds(ref):
            meter.come_from(page, CAMPAIGN, self._names.fold(meter.day, campaign), now)
        return page

    def _is_alone(self, key: str, diff: Diff) -> bool:
        """Tell whether a tab that just came is the only one of its reader, who left no other."""
        if diff.leaves and any(left.key == key for left in diff.leaves):
            return False
        return self._tracker.count_key(self._topic, key) == 1

    def _page_after(self, key: str, diff: Diff, now: int) -> str | None:
        """Return the page that was opened as one of the same reader left; None where none was."""
        opened = [
            (since, joined.ref, _page_of(joined))
            for joined in diff.joins
            if joined.key == key
            and _is_new(joined)
            and now - (since := _arrival_of(joined, now)) < FRESH_MS
            and AUTHOR_FIELD not in joined.meta
        ]
        return max(opened)[2] if opened else None

    def _page_opened_at(self, key: str, at: int) -> str | None:
        """Return the page for which a frozen one was asked whether it is there, and was not."""
        opened = [
            (since, meta["ref"], str(meta.get("page", "")))
            for meta in self._tracker.get_by_key(self._topic, key)
            if abs(at - (since := read_arrival(meta, 0))) < ASKED_WITHIN_MS
            and "prev_ref" not in meta
            and AGAIN_FIELD not in meta
        ]
        return max(opened)[2] if opened else None

    def _note_own(self, presence: Presence, change: int) -> None:
        for page in (SITE, _page_of(presence)):
            keys = self._own.setdefault(page, {})
            keys[presence.key] = keys.get(presence.key, 0) + change
            if keys[presence.key] <= 0:
                del keys[presence.key]
            if not keys:
                del self._own[page]


def _is_new(joined: Presence) -> bool:
    return joined.prev_ref is None and AGAIN_FIELD not in joined.meta


def _page_of(presence: Presence) -> str:
    """Return the page of a tab. Whoever writes in Redis may have put anything there."""
    page = presence.meta.get("page")
    return page if type(page) is str else ""


def _arrival_of(presence: Presence, now: int) -> int:
    """Return when a tab first came: never later than now, whatever another host's clock says.

    As if it had never been parked, but for as much later as it was.
    """
    came = min(now, read_arrival(presence.meta, now))
    return max(0, came - 1000 * _seconds_before(presence.meta))


def _seconds_before(meta: Mapping[str, Any]) -> int:
    seconds = meta.get(AGAIN_FIELD)
    return seconds if type(seconds) is int and 0 <= seconds <= MOST_SECONDS else 0


def seconds_open(meta: Mapping[str, Any], now: int) -> int:
    """Return for how long a tab has been open, the time before it was parked included."""
    here = max(0, now - read_arrival(meta, now)) // 1000
    return min(here + _seconds_before(meta), MOST_SECONDS)
