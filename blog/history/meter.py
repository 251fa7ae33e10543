"""What one worker counts of its own open pages, and of all that it knows of. Pure.

An event costs the same however many pages are open: the time of a page's tabs is the sum of the
moments at which they stop, less the sum of those at which they begin. What a tab may add is capped
by a heap of the moments at which that is reached.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from heapq import heapify, heappop, heappush

from blog.history.counts import SITE, Batch, Counts, stay_bin
from blog.history.tally import MINUTE_MS, Tab, Tally

# A meter is asked every ten seconds. After so long the machine slept or its clock was set, and
# nobody knows who was there meanwhile.
GAP_MS = 2 * MINUTE_MS
_SPARE_ENTRIES = 1000


class Meter:
    """Counts opens, stays, time and paths of one worker's tabs, and the most who were anywhere.

    Times are in milliseconds since the epoch. `reading_seconds(page)` is how long reading a page
    takes, 0 where that means nothing, None for a page that is not counted. `zone` says when a day
    begins. `worker` is the meter's own name, never used twice. `count(page)` is how many are here
    as a minute begins, of all workers; `SITE` is any page.
    """

    count: Callable[[str], int]

    def __init__(
        self, worker: str, zone: tzinfo, reading_seconds: Callable[[str], int | None], now: int
    ) -> None:
        self.count = lambda page: 0
        self._worker = worker
        self._zone = zone
        self._reading_seconds = reading_seconds
        self._number = 0
        self._pages: dict[str, Tally] = {}
        self._site = Tally(SITE, 0)
        self._tabs: dict[str, Tab] = {}  # by ref
        self._due: list[tuple[int, int, Tab]] = []  # when a tab reaches its cap
        self._pushed = 0
        # Tabs that are hidden and have ended, of this minute and of the one before: for so long
        # they may be shown again, where what they came back as dies.
        self._gone: list[str] = []
        self._long_gone: list[str] = []
        self._running = 0
        self._is_in_doubt = False  # now; and at any time in this minute, told or not
        self._was_in_doubt = False
        self._doubt_is_told = False
        self._minutes: dict[tuple[str, int], Counts] = {}
        self._paths: dict[tuple[int, str, str], int] = {}
        self._sources: dict[tuple[int, str, str, str], int] = {}
        self._refused: dict[tuple[int, str], int] = {}
        self._now = now
        self._set_minute(now)

    @property
    def day(self) -> int:
        """The present day, as an ordinal."""
        return self._day

    def holds(self, ref: str) -> bool:
        """Tell whether a tab is one of this worker's."""
        return ref in self._tabs

    def open(
        self, ref: str, page: str, now: int, *, since: int, is_new: bool, is_entry: bool = False
    ) -> None:
        """Count a tab that is open from now on, and was opened first at `since`.

        One that is not new came back, from another worker perhaps, and is no open.
        """
        now = self._advance(now)
        at = self._pages.get(page) or self._find(page)
        if at is None:
            return
        if is_new:
            at.opens += 1
            at.entries += is_entry
        tab = self._tabs[ref] = Tab(at, since if 0 <= since <= now else now)
        at.tabs += 1
        self._begin(tab, now)

    def end(self, ref: str, now: int) -> None:
        """Count no more of a tab's time, as its stream has ended; it may come back, or leave."""
        tab = self._tabs.get(ref)
        if tab is not None:
            tab.ended_at = now = self._advance(now)
            self._stop(tab, now)
            if tab.is_hidden:
                self._gone.append(ref)

    def hide(self, ref: str, now: int) -> None:
        """Count no more of a tab that came back as another, whose end may not be known yet."""
        tab = self._tabs.get(ref)
        if tab is not None:
            tab.is_hidden = True
            self._stop(tab, self._advance(now))
            if tab.ended_at:
                self._gone.append(ref)

    def resume(self, ref: str, now: int) -> None:
        """Count a tab again that was hidden, as what it came back as is gone."""
        tab = self._tabs.get(ref)
        if tab is not None and tab.is_hidden:
            tab.is_hidden = False
            if not tab.ended_at:
                self._begin(tab, self._advance(now))

    def rename(self, ref: str, new: str) -> None:
        """Take note that a tab has another ref."""
        tab = self._tabs.pop(ref, None)
        if tab is not None:
            self._tabs[new] = tab

    def forget(self, ref: str, now: int) -> None:
        """Take out a tab that has not left: it came back as another, or is told to stay away."""
        tab = self._tabs.pop(ref, None)
        if tab is not None:
            tab.page.tabs -= 1
            self._stop(tab, self._advance(now))

    def leave(self, ref: str, now: int, to: str | None = None) -> None:
        """Count a tab that has left for good, for another page perhaps."""
        tab = self._tabs.pop(ref, None)
        if tab is None:
            return
        now = self._advance(now)
        self._stop(tab, now)
        page = tab.page
        page.tabs -= 1
        length_ms = (tab.ended_at or now) - tab.joined_at
        page.stays[stay_bin(length_ms)] += 1
        if length_ms >= page.enough_ms:
            page.long_enough += 1
        if to is not None and to != page.name and to != SITE:
            path = (self._day, page.name, to)
            self._paths[path] = self._paths.get(path, 0) + 1

    def see(self, page: str, now: int) -> None:
        """Take note of how many are on a page and on any, where that became more."""
        self._advance(now)
        site, total = self._site, self.count(SITE)
        if total > site.peak:
            site.peak = total
        at = self._pages.get(page) or self._find(page)
        if at is not None:
            at.count = self.count(page)
            if at.count > at.peak:
                at.peak = at.count

    def doubt(self, now: int, *, is_in_doubt: bool) -> None:
        """Take note of whether what is seen may be less, or more, than what is."""
        self._advance(now)
        self._is_in_doubt = is_in_doubt
        self._was_in_doubt |= is_in_doubt

    def load(self, page: str, now: int) -> None:
        """Count that a page was sent to a browser, whatever became of it there."""
        self._advance(now)
        if (at := self._pages.get(page) or self._find(page)) is not None:
            at.loads += 1

    def read_to_end(self, page: str, now: int) -> None:
        """Count a tab that showed the end of its text."""
        self._advance(now)
        if (at := self._pages.get(page) or self._find(page)) is not None:
            at.read_to_end += 1

    def come_from(self, page: str, kind: str, name: str, now: int) -> None:
        """Count where an open, or a load, came from."""
        self._advance(now)
        source = (self._day, page, kind, name)
        self._sources[source] = self._sources.get(source, 0) + 1

    def refuse(self, kind: str, now: int) -> None:
        """Count a machine that was not let in."""
        self._advance(now)
        refused = (self._day, kind)
        self._refused[refused] = self._refused.get(refused, 0) + 1

    def take(self, now: int) -> Batch | None:
        """Return what was counted since the last time; None where that is nothing."""
        self._settle(self._advance(now))
        counted = self._minutes, self._paths, self._sources, self._refused
        if not any(counted):
            return None
        self._minutes, self._paths, self._sources, self._refused = {}, {}, {}, {}
        self._number += 1
        return Batch(self._worker, self._number, *counted)

    def _advance(self, now: int) -> int:
        """Let time pass; return the time, which does not go back for a clock that does a little."""
        if not self._now <= now < self._next:
            return self._catch_up(now)
        self._now = now
        return now

    def _catch_up(self, now: int) -> int:
        if abs(now - self._now) > GAP_MS:
            self._skip_to(now)
        while self._next <= now:
            if self._due and self._due[0][0] <= self._minute_end:
                expires, _, tab = heappop(self._due)
                self._stop(tab, max(expires, self._now))
            else:
                self._settle(self._minute_end)
                self._set_minute(self._minute_end)
            self._note_next()
        self._now = max(self._now, now)
        return self._now

    def _skip_to(self, now: int) -> None:
        """Go on at another time, and count nothing of what lies between, in no stay either."""
        self._settle(self._now)
        jump = now - self._now
        for tab in self._tabs.values():
            tab.joined_at += jump
            tab.expires += jump
            tab.ended_at += jump if tab.ended_at else 0
        self._due = [(expires + jump, number, tab) for expires, number, tab in self._due]
        for page in self._pages.values():
            page.open_ms = -page.running * now
        self._now = now
        self._set_minute(now)

    def _set_minute(self, now: int) -> None:
        self._minute = now // MINUTE_MS
        self._minute_end = (self._minute + 1) * MINUTE_MS
        self._day = datetime.fromtimestamp(self._minute * 60, self._zone).toordinal()
        self._was_in_doubt, self._doubt_is_told = self._is_in_doubt, False
        for ref in self._long_gone:
            if (tab := self._tabs.get(ref)) is not None and tab.is_hidden:
                del self._tabs[ref]
                tab.page.tabs -= 1
        self._long_gone, self._gone = self._gone, []
        for page in (self._site, *self._pages.values()):
            page.count = page.peak = self.count(page.name)
            page.peak_told = 0
        self._note_next()

    def _note_next(self) -> None:
        """Note when something is to be done next: a tab reaches its cap, or the minute ends."""
        due = self._due
        self._next = due[0][0] if due and due[0][0] < self._minute_end else self._minute_end

    def _settle(self, at: int) -> None:
        """Put what was counted until `at` down for this minute, of each page and of the site."""
        minute, tells_doubt = self._minute, self._was_in_doubt and not self._doubt_is_told
        total = self._site.take(at, minute)
        for name, page in list(self._pages.items()):
            counts = page.take(at, minute)
            if tells_doubt and (page.count or page.tabs):
                counts.doubt = True
            if counts != _NOTHING:
                self._put((name, minute), counts)
                total.add(counts)
            elif not (page.tabs or page.count):
                del self._pages[name]
        total.doubt |= tells_doubt
        self._doubt_is_told = self._was_in_doubt
        if total != _NOTHING:
            self._put((SITE, minute), total)

    def _put(self, where: tuple[str, int], counts: Counts) -> None:
        before = self._minutes.get(where)
        if before is None:
            self._minutes[where] = counts
        else:
            before.add(counts)

    def _begin(self, tab: Tab, now: int) -> None:
        if tab.expires <= now:
            return
        tab.runs = True
        tab.page.running += 1
        tab.page.open_ms -= now
        self._running += 1
        self._pushed += 1
        heappush(self._due, (tab.expires, self._pushed, tab))
        if tab.expires < self._next:
            self._next = tab.expires

    def _stop(self, tab: Tab, now: int) -> None:
        if not tab.runs:
            return
        tab.runs = False
        tab.page.running -= 1
        tab.page.open_ms += now
        self._running -= 1
        if len(self._due) > 2 * self._running + _SPARE_ENTRIES:
            # Of those who left before it. Seldom enough to cost nothing.
            self._due = [entry for entry in self._due if entry[2].runs]
            heapify(self._due)

    def _find(self, page: str) -> Tally | None:
        reading_seconds = self._reading_seconds(page)
        if reading_seconds is None:
            return None
        found = self._pages[page] = Tally(page, reading_seconds)
        return found


_NOTHING = Counts()
