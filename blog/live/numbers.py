"""Presence in words: the live elements of a page, as text and as one frame."""

from __future__ import annotations

from dataclasses import dataclass

from blog.presence import State, Tracker
from blog.streams.event import encode_event

TOPIC = "readers"
POST_PREFIX = "blog/"

NOTICES = {
    State.WHOLE: "",
    State.STALE: "not live right now, as last known",
    State.LOCAL: "not live right now, a part only",
}

# A total, a page's own number where it has one, and how far both can be believed.
Shown = tuple[int, int | None, State]


@dataclass(frozen=True, slots=True)
class Fragments:
    """The live elements of one page, as text: the total, this page's own, and a notice or ""."""

    total: str
    here: str
    notice: str


def readers_online(count: int) -> str:
    """Say how many are on the blog."""
    return "1 reader online" if count == 1 else f"{count} readers online"


def reading_now(count: int) -> str:
    """Say how many are on this page."""
    return f"{count} reading now"


class Numbers:
    """What the pages show of presence. O(1), never waits, never raises."""

    def __init__(self, tracker: Tracker, *, counts_readers: bool) -> None:
        self._tracker = tracker
        self._is_distinct = counts_readers
        # Each page's newest frame, and of which numbers it is made: it is asked for by every reader
        # who comes, and then once for all others.
        self._frames: dict[str, tuple[Shown, bytes]] = {}

    def fragments(self, page: str) -> Fragments:
        """Return the live elements of a page; only a post has a number of its own."""
        return _say(self._count(page))

    def frame(self, page: str) -> bytes:
        """Return the event that brings every live element of a page up to date."""
        shown = self._count(page)
        made = self._frames.get(page)
        if made is not None and made[0] == shown:
            return made[1]
        frame = encode_fragments(_say(shown))
        self._frames[page] = (shown, frame)
        return frame

    def _count(self, page: str) -> Shown:
        count = self._tracker.count
        total = count(TOPIC, distinct=self._is_distinct)
        here = None
        if page.startswith(POST_PREFIX):
            here = count(TOPIC, distinct=self._is_distinct, page=page)
        return total, here, self._tracker.state


def _say(shown: Shown) -> Fragments:
    total, here, state = shown
    words = "" if here is None else reading_now(here)
    return Fragments(readers_online(total), words, NOTICES[state])


def encode_fragments(shown: Fragments) -> bytes:
    """Return the event that has a page's live elements: all, so that one may be skipped."""
    total, notice = shown.total.encode(), shown.notice.encode()
    if shown.here:
        return _POST_FRAME % (total, shown.here.encode(), notice)
    return _PAGE_FRAME % (total, notice)


def _make_template(*classes: str) -> bytes:
    """Make an event whose texts are put in later: they have no line end, and nothing to escape."""
    return encode_event(
        "\n".join(
            f'<hx-partial hx-target=".{name}" hx-swap="innerHTML">%b</hx-partial>'
            for name in classes
        )
    )


_PAGE_FRAME = _make_template("live-total", "live-notice")
_POST_FRAME = _make_template("live-total", "live-here", "live-notice")
