"""One worker's open streams by page, the newest frame of each page, and when it is sent."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import gevent
import gevent.event
import gevent.socket

from .event import PING, join_events, with_return
from .fast.detached import DetachedStream, take_from
from .fast.sockets import Sockets
from .observer import NOBODY, StreamObserver
from .page import Page
from .peers import ServerSocket
from .portable.generator import GeneratorStream
from .stream import Ending, OnEnd, Stream
from .turns import Turns

log = logging.getLogger(__name__)

# When a stream breaks off (a worker was killed, a network changed), its tab comes back after this:
# soon enough for a reader, and not all at the same moment.
RETRY_MS = (500, 2000)
# Fan-out may take a quarter of a worker: after one that took t, over all pages, the next waits 3 t.
REST_PER_FANOUT = 3.0
# A stream that took nothing is given up at most so much later than its time.
KEEP_SECONDS = 1.0
# So many greenlets of the generator transport have about a slice's work.
GENERATORS_AT_ONCE = 32
# How long a hub that closes waits for slow readers to take the last thing that is sent to them.
GOODBYE_SECONDS = 1.0
# The ages of all streams are looked at so often at most: each look touches every one of them.
LOOKS_PER_ROTATION = 50
# So much sooner or later than `rotate_seconds` a stream is old: those of one moment do not all come
# back at one.
ROTATION_JITTER = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When streams are sent to, asked to come back, and given up. In seconds."""

    pace_seconds: float = 0.1
    ping_seconds: float = 50.0
    rotate_seconds: float = 600.0
    stall_seconds: float = 10.0


class Hub:
    """This worker's streams. `render(page)` makes a page's frame; it is called once for all.

    `render_opening(page)` makes what a stream begins with beside the frame: an event, or b"".
    Greenlets of one thread share it. No method waits but `close`, and those that say "in slices".
    """

    def __init__(
        self,
        render: Callable[[str], bytes],
        limits: Limits | None = None,
        *,
        render_opening: Callable[[str], bytes] = lambda page: b"",
        now: Callable[[], float] = time.monotonic,
        observer: StreamObserver = NOBODY,
    ) -> None:
        self.now = now
        self.observer = observer
        self.sockets = Sockets()
        self._render = render
        self._render_opening = render_opening
        self._limits = limits or Limits()
        self._pages: dict[str, Page] = {}
        self._count = 0
        self._dirty: dict[str, None] = {}
        self._is_all_dirty = False
        self._dirty_since: float | None = None
        self._not_before = 0.0
        self._news = gevent.event.Event()
        self._rotation_due = 0.0
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def __len__(self) -> int:
        return self._count

    def start(self) -> None:
        """Start the pacer, which sends changes, and the keeper, which pings, rotates, gives up."""
        self.sockets.start()
        self._greenlets = [gevent.spawn(self._pace_forever), gevent.spawn(self._keep_forever)]

    def close(self) -> None:
        """Stop both greenlets and close every socket.

        Waits a second at most until those who are slow have taken their goodbye.
        """
        gevent.killall(self._greenlets, timeout=1.0)
        self._greenlets = []
        deadline = time.monotonic() + GOODBYE_SECONDS
        while self.sockets.has_goodbyes() and time.monotonic() < deadline:
            gevent.sleep(0.01)
        self.sockets.close()

    # -- Streams come and go ---------------------------------------------------------------------

    def open(self, page: str, on_end: OnEnd, *, holder: object = None) -> GeneratorStream:
        """Open a stream that the WSGI server is to send, as the iterable of its response."""
        at = self._enter(page)
        stream = GeneratorStream(self, page, on_end, holder=holder, rotate_at=self._rotate_at())
        at.others.add(stream)
        return stream

    def take_over(
        self, server_sock: ServerSocket, page: str, on_end: OnEnd, *, holder: object = None
    ) -> DetachedStream:
        """Open a stream on a server's socket, which the server then finds closed.

        Nothing is sent until `DetachedStream.begin`.
        """
        sock = take_from(server_sock)
        rotate_at = self._rotate_at()
        stream = DetachedStream(self, sock, page, on_end, holder=holder, rotate_at=rotate_at)
        self.sockets.add(stream)  # first: where it fails, nothing is counted yet
        self._enter(page).detached[sock] = stream
        return stream

    def greet(self, stream: Stream) -> bytes:
        """Return a stream's first bytes: the frame, the opening, and when to come back."""
        page = self._pages[stream.page]
        frame = self._render(stream.page)
        if len(page) == 1:
            page.frame = frame
        elif page.frame != frame:
            # A newer one than all others have: they get it too, when it is their time.
            page.greeted[stream] = frame
            if not self._is_all_dirty:
                self.touch([stream.page])
        opening = join_events(frame, self._render_opening(stream.page))
        self.observer.sent(1, len(opening))
        return with_return(opening, random.randint(*RETRY_MS), stream.id)

    def newest(self, page: str) -> bytes:
        """Return the frame that was last sent to all streams of a page that has some."""
        return self._pages[page].frame

    def forget(self, stream: Stream, ending: Ending) -> None:
        """Take a stream out; called by `Stream.end` only."""
        page = self._pages[stream.page]
        page.greeted.pop(stream, None)
        if isinstance(stream, DetachedStream):
            del page.detached[stream.sock]
        elif isinstance(stream, GeneratorStream):
            page.others.discard(stream)
        self._count -= 1
        self.observer.ended(stream.page, ending)
        if not page:
            del self._pages[stream.page]

    def end_all(self, goodbye: Callable[[], bytes]) -> int:
        """End every stream with a goodbye of its own, in slices; return how many there were."""
        turns = Turns(self.now)
        streams = self._streams()
        for stream in streams:
            stream.end(goodbye(), ending=Ending.RETURNS)
            turns.rest_if_due()
        return len(streams)

    def end_page(self, page: str, goodbye: bytes) -> None:
        """End all streams of a page, whose tabs stay away until they are looked at; in slices."""
        turns = Turns(self.now)
        at = self._pages.get(page)
        for stream in at.streams() if at else ():
            stream.end(goodbye, ending=Ending.PARKED)
            turns.rest_if_due()

    def pages(self) -> Iterable[str]:
        """Return the pages that have streams here."""
        return list(self._pages)

    def _enter(self, page: str) -> Page:
        self._count += 1
        self.observer.opened(page)
        at = self._pages.get(page)
        if at is None:
            at = self._pages[page] = Page(self.now())
        return at

    def _rotate_at(self) -> float:
        jitter = random.uniform(-ROTATION_JITTER, ROTATION_JITTER)
        return self.now() + self._limits.rotate_seconds * (1 + jitter)

    def _streams(self) -> list[Stream]:
        return [stream for page in self._pages.values() for stream in page.streams()]

    # -- What is sent, and when ------------------------------------------------------------------

    def touch(self, pages: Iterable[str] | None = None) -> None:
        """Have the frames of pages made again and sent where they changed; None for all."""
        if pages is None:
            is_news = not self._is_all_dirty
            self._is_all_dirty = True
        else:
            before = len(self._dirty)
            self._dirty.update(dict.fromkeys(pages))
            is_news = len(self._dirty) > before
        if is_news:
            if self._dirty_since is None:
                self._dirty_since = self.now()
            self._news.set()

    def next_due(self) -> float:
        """Return when the next change is to be sent: it may be past, or never."""
        dirty = self._pages if self._is_all_dirty else self._dirty.keys() & self._pages
        page_due = min((self._pages[name].not_before for name in dirty), default=math.inf)
        return max(self._not_before, page_due)

    def send_due(self) -> None:
        """Send what has changed of every page whose time has come, in slices."""
        now = self.now()
        names = list(self._pages if self._is_all_dirty else self._dirty)
        since = now if self._dirty_since is None else self._dirty_since
        self._forget_changes()
        turns = Turns(self.now)
        is_sent = False
        for name in names:
            page = self._pages.get(name)
            if page is None:
                continue
            if page.not_before > now:
                self._dirty[name] = None
                self._dirty_since = since
                continue
            try:
                is_sent |= self._fan_out(name, page, turns)
            except Exception:  # one page's fault must not stop the others' numbers
                log.exception("streams: the frame of a page could not be made")
        self._rest_after(turns)
        if is_sent:
            self.observer.fanned_out(turns.worked_seconds, now - since)

    def keep(self, now: float) -> None:
        """Give up, rotate and ping the streams that it is time for, in slices."""
        limits = self._limits
        turns = Turns(self.now)
        for slow in list(self.sockets.slow.values()):
            slow.look_after(now, limits.stall_seconds)
        if now >= self._rotation_due:
            for stream in self._take_old(now):
                stream.rotate()
                turns.rest_if_due()
        for page in list(self._pages.values()):
            for other in list(page.others):
                other.look_after(now, limits.stall_seconds)
            if now - page.sent_at >= limits.ping_seconds:
                page.sent_at = now
                self.sockets.send_to_all(list(page.detached), PING, turns)
                for other in page.others:
                    other.ping()
        self._rest_after(turns)

    def _take_old(self, now: float) -> list[Stream]:
        """Return the streams that are old, and set when the next one can be: not before, look."""
        seconds = self._limits.rotate_seconds
        old, oldest = [], now + seconds * (1 - ROTATION_JITTER)  # of those that are yet to come
        for stream in self._streams():
            if stream.rotate_at <= now:
                old.append(stream)
            else:
                oldest = min(oldest, stream.rotate_at)
        self._rotation_due = max(oldest, now + seconds / LOOKS_PER_ROTATION)
        return old

    def _fan_out(self, name: str, page: Page, turns: Turns) -> bool:
        """Make a page's frame anew, and send it to those who show another one, if there are any."""
        frame = self._render(name)
        greeted, page.greeted = page.greeted, {}
        had, page.frame = page.frame, frame
        if frame == had:
            # What some began with is not true any more; all others have it already.
            wrong = [stream for stream, shown in greeted.items() if shown != frame]
            if not wrong:
                return False
            socks = [stream.sock for stream in wrong if isinstance(stream, DetachedStream)]
            others = [stream for stream in wrong if isinstance(stream, GeneratorStream)]
        else:
            right = {stream for stream, shown in greeted.items() if shown == frame}
            socks, others = page.without(right)
        page.sent_at = self.now()
        page.not_before = page.sent_at + self._limits.pace_seconds
        self.observer.sent(self.sockets.send_to_all(socks, frame, turns), len(frame))
        for sent, other in enumerate(others, start=1):
            if other.is_open:
                other.offer(frame)
            if sent % GENERATORS_AT_ONCE == 0:
                gevent.sleep(0)  # their own greenlets send it: that is a part of this work
                turns.rest_if_due()
        return True

    def _forget_changes(self) -> None:
        self._is_all_dirty = False
        self._dirty = {}
        self._dirty_since = None

    def _rest_after(self, turns: Turns) -> None:
        now = self.now()
        self._not_before = max(self._not_before, now + REST_PER_FANOUT * turns.stop())

    def _pace_forever(self) -> None:
        while True:
            self._news.clear()
            wait = self.next_due() - self.now()
            if wait <= 0:
                self.send_due()
            elif wait < math.inf:
                self._news.wait(wait)
            else:
                # What changed had no streams any more. Those to come are news.
                self._forget_changes()
                self._news.wait()

    def _keep_forever(self) -> None:
        limits = self._limits
        while True:
            gevent.sleep(min(KEEP_SECONDS, limits.ping_seconds / 2, limits.stall_seconds / 2))
            try:
                self.keep(self.now())
            except Exception:  # the streams that are left need it none the less
                log.exception("streams: could not look after the open streams")
