"""One open response, whatever transport carries it: where it belongs, and how it ends."""

from __future__ import annotations

import enum
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from .event import encode_event

if TYPE_CHECKING:
    from .hub import Hub

# Where a page opens its stream, and what the head of a request for one may have.
PATH = "/live"
MAX_HEAD_BYTES = 8192
# After a rotation a tab comes back well within a second (htmx may add 30 % to the retry).
ROTATE_RETRY_MS = (50, 250)


class Ending(enum.Enum):
    """Why a stream ended, for who counts it."""

    CLOSED = "the client closed it, or is gone"
    STALLED = "the client took nothing any more"
    RETURNS = "its tab was asked to come back at once"
    PARKED = "its tab was told to stay away until it is looked at"


OnEnd = Callable[["Stream", Ending], None]


class Stream(ABC):
    """One open response. `on_end(stream, ending)` is called once, however it ends.

    `id` is what its tab says, as Last-Event-ID, when it comes back: set before the first frame is
    sent. `holder` and `ref` are its opener's own, to know it by when it ends. There are thousands
    of these: no closure, no event and no timer for each.
    """

    __slots__ = ("_hub", "_on_end", "holder", "id", "is_open", "page", "ref", "rotate_at")

    def __init__(
        self, hub: Hub, page: str, on_end: OnEnd, *, holder: object, rotate_at: float
    ) -> None:
        self._hub = hub
        self._on_end = on_end
        self.page = page
        self.holder = holder
        self.rotate_at = rotate_at
        self.id = ""
        self.ref = ""
        self.is_open = True

    @abstractmethod
    def offer(self, frame: bytes) -> None:
        """Have a frame sent; it takes the place of one that still waits."""

    @abstractmethod
    def ping(self) -> None:
        """Have a comment sent, unless something is on its way anyway."""

    @abstractmethod
    def look_after(self, now: float, stall_seconds: float) -> None:
        """Give it up where it took nothing for so long. Called from time to time."""

    @abstractmethod
    def _say_last(self, goodbye: bytes | None) -> None:
        """Send what is given as the last thing of all, and finish the response; never wait."""

    def rotate(self) -> None:
        """End it and ask its tab to come back at once: an open tab does, a frozen one cannot."""
        retry_ms = random.randint(*ROTATE_RETRY_MS)
        goodbye = encode_event("", event="rotate", retry_ms=retry_ms)
        self.end(goodbye, ending=Ending.RETURNS)

    def end(self, goodbye: bytes | None = None, *, ending: Ending = Ending.CLOSED) -> None:
        """End it: the one way to, and idempotent. `goodbye` is sent as the last thing.

        May be called from anywhere in the worker, watchers' callbacks included; never waits.
        """
        if not self.is_open:
            return
        self.is_open = False
        self._hub.forget(self, ending)
        self._say_last(goodbye)
        self._on_end(self, ending)
