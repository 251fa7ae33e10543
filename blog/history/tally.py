"""What a meter keeps of one page, and of one tab that has it open. Pure."""

from __future__ import annotations

from blog.history.counts import STAY_BINS, Counts

MINUTE_MS = 60_000
# What a tab adds to the time that its page is read: so much, or three times what reading it takes
# where that is more. A tab that is left open for days is not read for days.
CAP_MS = 30 * MINUTE_MS
CAP_READINGS = 3
# A stay in which a text can have been read: this part of its reading time, and so long at least.
ENOUGH_OF_READING = 0.6
ENOUGH_MS = 30_000


class Tally:
    """One page: what was counted since the last batch, and what it is at now."""

    __slots__ = (
        *("name", "cap_ms", "enough_ms"),
        *("opens", "entries", "open_ms", "stays", "long_enough", "read_to_end", "loads"),
        *("running", "tabs", "count", "peak", "peak_told"),
    )

    def __init__(self, name: str, reading_seconds: int) -> None:
        self.name = name
        self.cap_ms = max(CAP_MS, CAP_READINGS * 1000 * reading_seconds)
        enough_ms = max(ENOUGH_MS, int(ENOUGH_OF_READING * 1000 * reading_seconds))
        self.enough_ms: float = enough_ms if reading_seconds else float("inf")
        self.opens = self.entries = self.open_ms = 0
        self.long_enough = self.read_to_end = self.loads = 0
        self.stays = [0] * STAY_BINS
        self.running = 0  # own tabs whose time is counted
        self.tabs = 0  # all own tabs
        self.count = 0  # how many are here now, of all workers
        self.peak = self.peak_told = 0  # within this minute

    def take(self, at: int, minute: int) -> Counts:
        """Return what was counted since the last time, and begin anew."""
        counts = Counts(self.opens, self.entries, self.open_ms + self.running * at, self.stays)
        counts.long_enough = self.long_enough
        counts.read_to_end = self.read_to_end
        counts.loads = self.loads
        if self.peak > self.peak_told:
            counts.peak, counts.peak_minute = self.peak, minute
            self.peak_told = self.peak
        self.opens = self.entries = self.long_enough = self.read_to_end = self.loads = 0
        self.stays = [0] * STAY_BINS
        self.open_ms = -self.running * at
        return counts


class Tab:
    """An open page of this worker, or one that has ended and may come back."""

    __slots__ = ("ended_at", "expires", "is_hidden", "joined_at", "page", "runs")

    def __init__(self, page: Tally, joined_at: int) -> None:
        self.page = page
        self.joined_at = joined_at
        self.expires = joined_at + page.cap_ms
        self.ended_at = 0
        self.runs = False
        self.is_hidden = False
