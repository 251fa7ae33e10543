"""The presence of one worker: its parts, and how it starts, drains and closes."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import gevent

from ..file_limits import most_streams, read_file_limits
from ..settings import PresenceSettings
from ..streams import returns
from ..streams.event import encode_event, join_events
from ..streams.hub import Hub
from ..streams.observer import StreamObserver
from ..streams.portable.generator import PortableTransport
from ..streams.stream import Stream, Transport
from ..tracking import MemoryStore, Observer, Store, Tracker, connect
from .endpoint import LiveEndpoint, OnRefuse, mount_live
from .gate import Gate
from .identity import ReaderCookie, identify
from .readers import PARK, PAUSE_SECONDS, TOPIC, Readers
from .tab import Tab
from .updates import Hear, ReadChanges, Updates

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["PresenceService"]

log = logging.getLogger(__name__)

# A draining worker's slot counts so much longer than its tabs need to come back, for slow
# connections; and longer still until a worker that follows it serves.
DRAIN_EXTRA_SECONDS = 1.5
DRAIN_UNFOLLOWED_SECONDS = 4.0
# A worker that another one follows waits so long for its tabs: meanwhile it hears which of them are
# back, or were left by a link.
MAX_RETURN_SECONDS = 5.0
# A worker takes its first request when it knows the other workers' tabs: after milliseconds, or, if
# Redis is frozen, when the first call gives up.
MAX_FIRST_READ_SECONDS = 2.0
# Far longer than it takes; a tab that is not sent away by then finds its connection closed.
MAX_DRAIN_SECONDS = 5.0


class PresenceService:
    """One worker's part: which pages are open, and the streams that update them.

    Before `wrap`, say which pages exist (`is_page`) and what they are shown (`render`, the frame of
    a page; `opening`, an event that a stream begins with beside it, or b""; `greeting`, one that is
    told to one tab alone, and stays true while it is open). If pages may change their own meta, set
    `read_changes`; if they may tell something, set `hear`; see `updates`. `on_refuse(kind, page,
    environ)` is called for each refused client: one that calls itself a "crawler", a page of
    another site ("foreign"), and an address that opens too many streams ("greedy").
    """

    def __init__(
        self,
        settings: PresenceSettings,
        *,
        observer: Observer | None = None,
        stream_observer: StreamObserver | None = None,
    ) -> None:
        self.settings = settings
        self.is_page: Callable[[str], bool] = lambda name: False
        self.render: Callable[[str], bytes] = lambda page: b""
        self.opening: Callable[[str], bytes] = lambda page: b""
        self.read_changes: ReadChanges | None = None
        self.hear: Hear | None = None
        self.greeting: Callable[[str, Tab], bytes] | None = None
        self.on_refuse: OnRefuse = lambda kind, page, environ: None
        self.identify = partial(
            identify,
            counts_private=settings.counts_private,
            reader_cookie=ReaderCookie(settings.cookie_name),
        )
        self.tracker = Tracker(
            _make_store(settings, observer or Observer()),
            # From `server.hooks` for a worker's first presence, else random: a slot has one writer.
            worker=os.environ.pop("PRESENCE_WORKER_NAME", None),
            indexes=("page",),
            timings=settings.timings,
        )
        self.hub = Hub(
            _make_transports(takes_over=settings.takes_over),
            lambda page: self.render(page),
            self._open,
            settings.limits,
            observer=stream_observer or StreamObserver(),
        )
        self.max_streams = settings.max_streams or most_streams(read_file_limits()[1])
        self.gate = Gate(
            max_streams=self.max_streams,
            max_streams_per_address=settings.max_streams_per_address,
            max_opens_per_address=settings.max_opens_per_address,
        )
        pause_seconds = PAUSE_SECONDS if settings.pauses_hidden_tabs else 0
        self.readers = Readers(
            self.tracker,
            max_streams=settings.max_streams_per_reader,
            linger_seconds=max(settings.linger_seconds, pause_seconds),
        )
        # Every change is a change of the total, which every page shows.
        self.tracker.subscribe(lambda diff: self.hub.touch(), topic=TOPIC)
        self.tracker.subscribe_state(lambda state: self.hub.touch())
        self.is_followed = False  # whether the workers that follow this one serve by now
        self._draining: gevent.Greenlet[[], None] | None = None
        self._counts_until = 0.0
        self._is_closed = False

    def wrap(
        self, application: WSGIApplication, *, headers: Mapping[str, str] | None = None
    ) -> WSGIApplication:
        """Return an application that answers `/live` and leaves everything else to the given one.

        `headers` are put on its answers other than streams.
        """
        endpoint = LiveEndpoint(
            hub=self.hub,
            gate=self.gate,
            readers=self.readers,
            refuse_page=self._refuse_page,
            headers=headers or {},
            identify=self.identify,
        )
        endpoint.on_refuse = self.on_refuse
        updates = None
        if self.read_changes is not None or self.hear is not None:
            updates = Updates(self.readers, self.identify, self.read_changes, self.hear)
        return mount_live(endpoint, application, updates)

    def start(self) -> None:
        """Begin to count and to send. Call once, in the serving process."""
        self.tracker.start(wait_seconds=MAX_FIRST_READ_SECONDS)
        self.hub.start()

    @property
    def is_draining(self) -> bool:
        """Whether it refuses new streams because its worker is stopping."""
        return self.gate.is_draining

    def park_gone(self) -> None:
        """Say goodbye to the tabs of pages that no longer exist, and end their streams."""
        for page in self.hub.pages():
            if not self.is_page(page):
                self.hub.end_page(page, self._part(page))

    def _open(self, stream: Stream) -> bytes:
        page, tab = stream.page, stream.owner
        opening = self.opening(page)
        if self.greeting is None or not isinstance(tab, Tab):
            return opening
        greeting = self.greeting(page, tab)
        return join_events(opening, greeting) if greeting else opening

    def _refuse_page(self, page: str) -> bytes | None:
        return None if self.is_page(page) else self._part(page)

    def _part(self, page: str) -> bytes:
        """Say goodbye to a page that no longer exists; its tabs stay away until looked at."""
        return self.opening(page) + PARK

    def drain(self) -> None:
        """Send every tab away, to come back at a moment of its own; take no new streams.

        Returns when it is done, and may be called again. The tabs stay in the slot, and count until
        its lease ends: by then they are back, and nobody sees the total dip.
        """
        if self._draining is None:
            self._draining = gevent.spawn(self._send_away)
        self._draining.join(MAX_DRAIN_SECONDS)

    def _send_away(self) -> None:
        self.gate.is_draining = True
        self.readers.drain()
        count = len(self.hub)
        between_ms = returns.drain_retry_ms(count)
        self._counts_until = (
            time.monotonic()
            + between_ms[1] / 1000 * returns.HTMX_SPREAD
            + (DRAIN_EXTRA_SECONDS if self.is_followed else DRAIN_UNFOLLOWED_SECONDS)
        )
        self.hub.end_all(
            lambda: encode_event("", event="drain", retry_ms=returns.choose(between_ms))
        )
        if count:
            log.info("streams: sent %d away to come back within %d ms", count, between_ms[1])

    def close(self) -> None:
        """Stop everything; a few seconds at most. Drains first if need be. Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        self.drain()
        self.hub.close()
        if self.is_followed:
            self.readers.wait_for_returns(
                min(MAX_RETURN_SECONDS, self._counts_until - DRAIN_EXTRA_SECONDS - time.monotonic())
            )
        self.readers.close()
        self.tracker.close(lease_seconds=max(0.0, self._counts_until - time.monotonic()))


def _make_store(settings: PresenceSettings, observer: Observer) -> Store | MemoryStore:
    if not settings.redis_url:
        return MemoryStore(observer)
    return Store(connect(settings.redis_url), settings.redis_prefix, observer)


def _make_transports(*, takes_over: bool) -> list[Transport]:
    if not takes_over:
        return [PortableTransport()]
    # Imported here and in the doctor only: `streams/fast` may be missing.
    from ..streams.fast.transport import FastTransport

    return [FastTransport(), PortableTransport()]
