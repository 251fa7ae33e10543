"""One worker's open streams by page, the newest frame of each page, and when it is sent."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import gevent
import gevent.event

from . import returns
from .event import PING, join_events, with_return
from .observer import NOBODY, Ending, StreamObserver
from .page import Page
from .stream import Owner, Request, Stream, Transport
from .turns import Turns

__all__ = ["Hub", "Limits"]

log = logging.getLogger(__name__)

# Fan-out may take a quarter of a worker: after one that took t, over all pages, the next waits 3 t.
REST_PER_FANOUT = 3.0
# A stream that took nothing is given up at most so much later than its time.
KEEP_SECONDS = 1.0
# All streams' ages are checked at most this often: each check touches every stream.
LOOKS_PER_ROTATION = 50
# A stream is old this much sooner or later than `rotate_seconds`: streams opened together do not
# come back together.
ROTATION_JITTER = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When streams are sent something, asked to come back, and given up. In seconds."""

    pace_seconds: float = 0.1
    ping_seconds: float = 50.0
    rotate_seconds: float = 600.0
    stall_seconds: float = 10.0


class Hub:
    """This worker's streams. `render(page)` makes a page's frame; it is called once for all.

    `opening(stream)` makes what one stream begins with beside the frame: an event, or b"". It is
    sent once, and is not part of what all streams are sent later. `ping` is what a quiet stream is
    sent: a comment, or an event. Greenlets of one thread may share a hub. Only `close` and the
    methods that say "in slices" wait.
    """

    def __init__(
        self,
        transports: Sequence[Transport],
        render: Callable[[str], bytes],
        opening: Callable[[Stream], bytes] = lambda stream: b"",
        limits: Limits | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
        observer: StreamObserver = NOBODY,
    ) -> None:
        self.now = now
        self.observer = observer
        self.render = render
        self.ping = PING
        self.opening = opening
        self._transports = tuple(transports)
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
        for transport in self._transports:
            transport.start()
        self._greenlets = [gevent.spawn(self._pace_forever), gevent.spawn(self._keep_forever)]

    def close(self) -> None:
        """Stop both greenlets and end every stream; a transport waits for goodbyes, a second."""
        gevent.killall(self._greenlets, timeout=1.0)
        self._greenlets = []
        for transport in self._transports:
            transport.close()

    @property
    def socket_count(self) -> int:
        """How many sockets the transports hold that the server knows nothing of."""
        return sum(transport.socket_count for transport in self._transports)

    # -- Streams come and go ---------------------------------------------------------------------

    def open(self, name: str, owner: Owner, request: Request) -> Iterable[bytes]:
        """Open a stream of a page for an owner, and begin it; return what the server is to send.

        Raises `StopIteration` if the socket was taken over and the server is to send nothing. If
        anything fails, nothing is left behind.
        """
        for transport in self._transports:  # the last can carry all
            if transport.can_carry(request.environ):
                break
        stream = transport.accept(request, owner, self._rotate_at())
        page = self._pages.get(name)
        if page is None:
            page = self._pages[name] = Page(self.now())
        group = page.groups.get(transport)
        if group is None:
            group = page.groups[transport] = transport.make_group(self, name)
        stream.group = group
        group.add(stream)
        page.count += 1
        self._count += 1
        self.observer.opened(name)
        try:
            owner.arrive(stream)
        except BaseException:
            stream.end()
            raise
        if log.isEnabledFor(logging.DEBUG):
            log.debug("streams: one opened", extra={"page": name, "open": self._count})
        return stream.begin(request)

    def greet(self, stream: Stream) -> bytes:
        """Return a stream's first bytes: the frame, the opening, and when to come back."""
        name = stream.page
        page, frame = self._pages[name], self.render(name)
        if page.count == 1:
            page.frame = frame
        elif page.frame != frame:
            # This frame is newer than the one all others have: they get it at their next turn.
            page.greeted[stream] = frame
            if not self._is_all_dirty:
                self.touch([name])
        opening = self.opening(stream)
        first = join_events(frame, opening) if opening else frame
        self.observer.sent(1, len(first))
        return with_return(first, returns.choose(returns.RETRY_MS), stream.owner.event_id)

    def newest(self, page: str) -> bytes:
        """Return the frame that was last sent to all streams of a page that has some."""
        return self._pages[page].frame

    def forget(self, stream: Stream, ending: Ending) -> None:
        """Take a stream out; called by `Stream.end` only."""
        name = stream.page
        page = self._pages[name]
        page.greeted.pop(stream, None)
        stream.group.discard(stream)
        page.count -= 1
        self._count -= 1
        if not page.count:
            del self._pages[name]
        self.observer.ended(name, ending)
        if log.isEnabledFor(logging.DEBUG):
            fields = {"page": name, "ending": ending.name.lower(), "open": self._count}
            log.debug("streams: one ended", extra=fields)

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

    def _rotate_at(self) -> float:
        jitter = random.uniform(-ROTATION_JITTER, ROTATION_JITTER)
        return self.now() + self._limits.rotate_seconds * (1 + jitter)

    def _streams(self) -> list[Stream]:
        return [stream for page in self._pages.values() for stream in page.streams()]

    # -- What is sent, and when ------------------------------------------------------------------

    def touch(self, pages: Iterable[str] | None = None) -> None:
        """Have pages' frames made again, and sent if they changed; None for all pages."""
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
        """Return when the next change is to be sent: possibly in the past, infinity for never."""
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
        for transport in self._transports:
            transport.look_after(now, limits.stall_seconds)
        if now >= self._rotation_due:
            for stream in self._take_old(now):
                stream.rotate()
                turns.rest_if_due()
        for page in list(self._pages.values()):
            if now - page.sent_at >= limits.ping_seconds:
                page.sent_at = now
                for group in list(page.groups.values()):
                    group.send(self.ping, turns)
        self._rest_after(turns)

    def _take_old(self, now: float) -> list[Stream]:
        """Return the streams that are old, and set when the next one can be."""
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
        """Make a page's frame anew, and send it to the streams that show another one, if any."""
        frame = self.render(name)
        greeted, page.greeted = page.greeted, {}
        is_news, page.frame = frame != page.frame, frame
        # Some streams began with a frame that is no longer true, though all others have the true
        # one.
        wrong = [stream for stream, shown in greeted.items() if shown != frame]
        if not (is_news or wrong):
            return False
        page.sent_at = self.now()
        page.not_before = page.sent_at + self._limits.pace_seconds
        if is_news:
            right = {stream for stream, shown in greeted.items() if shown == frame}
            for group in list(page.groups.values()):
                group.send(frame, turns, skip=right)
        else:
            for stream in wrong:
                if stream.is_open:
                    stream.offer(frame)
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
                # The pages that changed have no streams any more. Later changes are news.
                self._forget_changes()
                self._news.wait()

    def _keep_forever(self) -> None:
        limits = self._limits
        while True:
            gevent.sleep(min(KEEP_SECONDS, limits.ping_seconds / 2, limits.stall_seconds / 2))
            try:
                self.keep(self.now())
            except Exception:  # the other streams still need it
                log.exception("streams: could not look after the open streams")
