"""One worker's open streams by page, the latest frame of each page, and when it is sent."""

from __future__ import annotations

import enum
import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import gevent
import gevent.event

from .event import PING, encode_event, with_return

log = logging.getLogger(__name__)

# When a stream breaks off (a worker was killed, a network changed), its tab comes back after this:
# soon enough for a reader, and not all at the same moment.
RETRY_MS = (500, 2000)
# After a rotation it comes back well within a second (htmx may add 30 % to the retry).
ROTATE_RETRY_MS = (50, 250)
# Fan-out may take a quarter of a worker: after one that took t, the next waits 3 t.
REST_PER_FANOUT = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When streams are sent to, asked to come back, and given up. In seconds."""

    pace_seconds: float = 0.1
    ping_seconds: float = 15.0
    rotate_seconds: float = 600.0
    stall_seconds: float = 10.0


class Ending(enum.Enum):
    """Why a stream ended, for who counts it."""

    CLOSED = "the client closed it, or took nothing any more"
    RETURNS = "its tab was asked to come back at once"
    PARKED = "its tab was told to stay away until it is looked at"


class Stream:
    """One open response. `on_end(ending)` is called once, however it ends.

    `id` is what its tab says, as Last-Event-ID, when it comes back; set it before `Hub.greet`.

    A transport sends what `take` returns. The stream never holds more than the newest frame of its
    page: a frame is a complete snapshot, so an older one that was not sent yet is just skipped.
    """

    __slots__ = (
        "_abort",
        "_frame",
        "_goodbye",
        "_hub",
        "_is_ping_due",
        "_on_end",
        "id",
        "is_open",
        "last_sent",
        "page",
        "ready",
        "recheck",
        "rotate_at",
        "sending_since",
        "shown",
    )

    def __init__(
        self, hub: Hub, page: str, on_end: Callable[[Ending], None], now: float, rotate_at: float
    ) -> None:
        self.page = page
        self.id = ""
        self.is_open = True
        self.ready = gevent.event.Event()
        self.last_sent = now
        self.rotate_at = rotate_at
        self.sending_since: float | None = None
        self.shown = b""  # the frame it was given last
        self.recheck: Callable[[], None] | None = None
        self._hub = hub
        self._on_end = on_end
        self._abort: Callable[[], None] | None = None
        self._frame: bytes | None = None
        self._goodbye: bytes | None = None
        self._is_ping_due = False

    def offer(self, frame: bytes) -> None:
        """Have a frame sent; it takes the place of one that still waits."""
        if frame == self.shown:
            return
        self._frame = self.shown = frame
        self.ready.set()

    def ping(self) -> None:
        """Have a comment sent, unless a frame is on its way anyway."""
        self._is_ping_due = True
        self.ready.set()

    def take(self) -> bytes | None:
        """Return what to send next and forget it; None where there is nothing."""
        frame, self._frame = self._frame, None
        if frame is None and self._is_ping_due:
            frame = PING
        self._is_ping_due = False
        goodbye, self._goodbye = self._goodbye, None
        if goodbye is not None:
            return goodbye
        self.ready.clear()
        return frame if self.is_open else None

    def on_stall(self, abort: Callable[[], None]) -> None:
        """Set what tears the connection down when it takes nothing any more."""
        self._abort = abort

    def abort(self) -> None:
        """End it and tear the connection down."""
        self.end()
        if self._abort is not None:
            self._abort()

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
        self._goodbye = goodbye
        self._hub.forget(self)
        self._on_end(ending)
        self.ready.set()


class Hub:
    """This worker's streams. `render(page)` makes a page's frame; it is called once for all.

    Greenlets of one thread share it; no method but `close` waits.
    """

    def __init__(
        self,
        render: Callable[[str], bytes],
        limits: Limits | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._render = render
        self._limits = limits or Limits()
        self._now = now
        self._streams: dict[str, set[Stream]] = {}
        self._frames: dict[str, bytes] = {}
        self._count = 0
        self._dirty: dict[str, None] = {}
        self._not_before: dict[str, float] = {}
        self._news = gevent.event.Event()
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def __len__(self) -> int:
        return self._count

    def start(self) -> None:
        """Start the pacer, which sends changes, and the keeper, which pings, rotates, gives up."""
        self._greenlets = [gevent.spawn(self._pace_forever), gevent.spawn(self._keep_forever)]

    def close(self) -> None:
        """Stop both greenlets. Streams are ended by `end_all`."""
        gevent.killall(self._greenlets, timeout=1.0)
        self._greenlets = []

    def open(self, page: str, on_end: Callable[[Ending], None]) -> Stream:
        """Open a stream; give it its first frame with `greet` once it is counted."""
        now = self._now()
        rotate_at = now + self._limits.rotate_seconds * random.uniform(0.8, 1.2)
        stream = Stream(self, page, on_end, now, rotate_at)
        self._streams.setdefault(page, set()).add(stream)
        self._count += 1
        return stream

    def greet(self, stream: Stream) -> bytes:
        """Return a stream's first bytes: the page's frame, and when to come back."""
        frame = self._render(stream.page)
        # A newer one than all others have: they get it too, when it is their time.
        if self._frames.get(stream.page) != frame:
            self.touch([stream.page])
        stream.shown = frame
        return with_return(frame, random.randint(*RETRY_MS), stream.id)

    def note_sending(self, stream: Stream) -> None:
        """Note that something was given to the transport of a stream."""
        stream.sending_since = stream.last_sent = self._now()

    def forget(self, stream: Stream) -> None:
        """Take a stream out; called by `Stream.end` only."""
        streams = self._streams[stream.page]
        streams.discard(stream)
        self._count -= 1
        if not streams:
            del self._streams[stream.page]
            self._frames.pop(stream.page, None)
            self._not_before.pop(stream.page, None)

    def pages(self) -> Iterable[str]:
        """Return the pages that have streams here."""
        return list(self._streams)

    def touch(self, pages: Iterable[str] | None = None) -> None:
        """Have the frames of pages made again and sent where they changed; None for all."""
        self._dirty.update(dict.fromkeys(self._streams if pages is None else pages))
        if self._dirty:
            self._news.set()

    def end_all(self, goodbye: Callable[[], bytes]) -> int:
        """End every stream with a goodbye of its own; return how many there were."""
        streams = [stream for streams in self._streams.values() for stream in streams]
        for stream in streams:
            stream.end(goodbye(), ending=Ending.RETURNS)
        return len(streams)

    def _pace_forever(self) -> None:
        while True:
            self._news.wait()
            now = self._now()
            due = [page for page in self._dirty if self._not_before.get(page, 0.0) <= now]
            for page in due:
                del self._dirty[page]
                try:
                    self._fan_out(page)
                except Exception:  # one page's fault must not stop the others' numbers
                    log.exception("streams: the frame of a page could not be made")
            if self._dirty:
                next_due = min(self._not_before.get(page, 0.0) for page in self._dirty)
                gevent.sleep(max(0.0, next_due - self._now()))
            else:
                self._news.clear()

    def _fan_out(self, page: str) -> None:
        streams = self._streams.get(page)
        if not streams:
            return
        began = self._now()
        frame = self._render(page)
        if self._frames.get(page) == frame:
            return
        self._frames[page] = frame
        for stream in list(streams):
            stream.offer(frame)
        ended = self._now()
        rest = max(self._limits.pace_seconds, REST_PER_FANOUT * (ended - began))
        self._not_before[page] = ended + rest

    def _keep_forever(self) -> None:
        limits = self._limits
        while True:
            gevent.sleep(min(limits.ping_seconds, limits.stall_seconds / 2))
            self.keep(self._now())

    def keep(self, now: float) -> None:
        """Ping, rotate and give up streams, all in one pass."""
        limits = self._limits
        for stream in [stream for streams in self._streams.values() for stream in streams]:
            if stream.sending_since is not None:
                if now - stream.sending_since >= limits.stall_seconds:
                    stream.abort()
            elif now >= stream.rotate_at:
                stream.rotate()
            elif now - stream.last_sent >= limits.ping_seconds:
                stream.ping()
            if stream.is_open and stream.recheck is not None:
                stream.recheck()
