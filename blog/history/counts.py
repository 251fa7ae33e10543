"""What is counted of a page in a span of time, and what a worker hands on. Pure.

Every field is a sum, a maximum or an "or", so counts of several workers are merged in any order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

# In seconds: a stay is shorter than the first, than the second …; the last of eight bins is "more".
STAY_BOUNDS = (10, 30, 60, 120, 300, 600, 1800)
STAY_BINS = len(STAY_BOUNDS) + 1
_STAY_BOUNDS_MS = tuple(bound * 1000 for bound in STAY_BOUNDS)
# The row of the whole site. Any other is a page's id, as presence has it: "index", "blog/<id>".
SITE = "*"


@dataclass(slots=True)
class Counts:
    """What is counted of one page, or of the whole site, in one span of time."""

    opens: int = 0
    entries: int = 0  # opens by which somebody came to the site: no page of ours was left for it
    open_ms: int = 0  # how long its tabs were open, added up; a tab adds no more than its cap
    stays: list[int] = field(default_factory=lambda: [0] * STAY_BINS)  # final leaves, by length
    long_enough: int = 0  # final leaves after most of the time that reading it takes
    read_to_end: int = 0
    peak: int = 0
    peak_minute: int = 0  # the first minute of the peak, since the epoch
    loads: int = 0
    doubt: bool = False  # presence was not whole: the peak may have been higher

    def add(self, other: Counts) -> None:
        """Merge another's counts into these. Of two equal peaks the earlier one stays."""
        self.opens += other.opens
        self.entries += other.entries
        self.open_ms += other.open_ms
        self.stays = [a + b for a, b in zip(self.stays, other.stays, strict=True)]
        self.long_enough += other.long_enough
        self.read_to_end += other.read_to_end
        self.loads += other.loads
        self.doubt = self.doubt or other.doubt
        is_higher = other.peak > self.peak
        if is_higher or (other.peak == self.peak and other.peak_minute < self.peak_minute):
            self.peak, self.peak_minute = other.peak, other.peak_minute

    def median_stay(self) -> tuple[int, int | None] | None:
        """Return the bounds, in seconds, between which the median stay is; None without stays.

        The upper bound of the longest stays is None.
        """
        left = (sum(self.stays) + 1) // 2  # of an even number the lower of the two in the middle
        for bin_, stays in enumerate(self.stays):
            left -= stays
            if stays and left <= 0:
                return (0, *STAY_BOUNDS)[bin_], (*STAY_BOUNDS, None)[bin_]
        return None


def stay_bin(ms: int) -> int:
    """Return which of the bins of `stays` a stay of so many milliseconds is counted in."""
    return bisect_right(_STAY_BOUNDS_MS, ms)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one worker counted since its last flush.

    `worker` is new at each start, `number` goes up by one: a batch that is sent twice is merged
    once. A day is an ordinal of `datetime.date`, in the zone of the site.
    """

    worker: str
    number: int
    minutes: Mapping[tuple[str, int], Counts]  # by page and minute since the epoch
    paths: Mapping[tuple[int, str, str], int]  # by day: from one page to another
    sources: Mapping[tuple[int, str, str, str], int]  # by day, page, "campaign" or "host", and name
    refused: Mapping[tuple[int, str], int]  # by day and kind
