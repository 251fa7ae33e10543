"""Many tabs without a browser: each one's stream, and its coming back as htmx 4.0.1 does it."""

from __future__ import annotations

import itertools
import random
import re
import secrets
import selectors
import socket
import time
from collections.abc import Callable, Iterable
from typing import Self

from tests.site import TOTAL, Site

NOTICE = re.compile(r'hx-target="\.live-notice"[^>]*>([^<]*)<')
FACES = re.compile(r'hx-target="\.faces"[^>]*>(.*?)</hx-partial>')
FACE = re.compile(r'id="f-(\d+)"')
HTMX_JITTER = 0.3


class Tab:
    """One open page: its stream, and everything that its stream has shown so far.

    Without a cookie its browser asks for privacy.
    """

    def __init__(self, site: Site, page: str, cookie: str, *, returns: bool) -> None:
        self.page = page
        self.cookie = cookie
        self.returns = returns
        self.totals: list[int] = []
        self.notice = ""
        self.faces: list[int] = []  # the numbers of those that it shows
        self.events: list[str] = []  # the names of named events
        self.retry_ms: int | None = None
        self.drain_retry_ms: int | None = None
        # How much later than asked it comes back: a hidden tab's timers fire once a second.
        self.late_seconds = 0.0
        self.last_event_id = ""
        self.streams_opened = 0
        self.is_live = False  # its stream is open, and has shown something
        self.sock: socket.socket | None = None
        self.back_at: float | None = None
        self.is_closed = False
        self._site = site
        self._failures = 0
        self._body = b""
        self._is_chunked: bool | None = None

    @property
    def changes(self) -> list[int]:
        """The totals, each another than before: what else the index says changes by the minute."""
        return [total for total, _ in itertools.groupby(self.totals)]

    @property
    def total(self) -> int | None:
        """The newest total that it shows."""
        return self.totals[-1] if self.totals else None

    @property
    def port(self) -> int:
        """The port of its own end of the stream."""
        assert self.sock is not None, "the tab has no stream"
        return int(self.sock.getsockname()[1])

    def connect(self) -> None:
        """Open its stream; where nobody listens, try again later."""
        self.back_at = None
        self._body, self._is_chunked = b"", None
        reader = f"Cookie: viblog_reader={self.cookie}" if self.cookie else "Sec-GPC: 1"
        last = f"Last-Event-ID: {self.last_event_id}\r\n" if self.last_event_id else ""
        try:
            self.sock = self._site.connect()
        except OSError:
            self._failures += 1
            self._come_back_later()
            return
        self.sock.sendall(
            f"GET /live?page={self.page} HTTP/1.1\r\nHost: localhost\r\n"
            f"{reader}\r\n{last}\r\n".encode()
        )
        self.sock.setblocking(False)
        self.streams_opened += 1
        self._failures = 0

    def receive(self) -> None:
        """Take in what has come."""
        assert self.sock is not None, "the tab has no stream"
        try:
            received = self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:  # a reset
            received = b""
        self._body += received
        is_last = self._read_frames() or not received
        if is_last:
            self._drop()
            self._come_back_later()

    def break_off(self) -> None:
        """Lose the connection, and open the stream anew."""
        self._drop()
        self.connect()

    def close(self) -> None:
        """Close the tab, for good. Idempotent."""
        self.is_closed = True
        self.back_at = None
        self._drop()

    def _drop(self) -> None:
        self.is_live = False
        sock, self.sock = self.sock, None
        if sock is not None:
            sock.close()

    def _come_back_later(self) -> None:
        if self.is_closed or not self.returns:
            return
        # hx-sse.js: the last `retry` ± 30 %, twice as long after each try that failed.
        delay_ms = (self.retry_ms or 500) * 2**self._failures
        jitter = random.uniform(1 - HTMX_JITTER, 1 + HTMX_JITTER)
        self.back_at = time.monotonic() + delay_ms / 1000 * jitter + self.late_seconds

    def _read_frames(self) -> bool:
        """Take complete events out of what has come; return whether the response has ended."""
        if self._is_chunked is None:
            head, separator, rest = self._body.partition(b"\r\n\r\n")
            if not separator:
                return False
            assert head.startswith(b"HTTP/1.1 200"), head
            self._is_chunked = b"transfer-encoding: chunked" in head.lower()
            self._body = rest
        text, is_last = self._body, False
        if self._is_chunked:
            # A chunk's size is a line of its own and no line of an event looks like it.
            text = re.sub(rb"(?:\r\n)?[0-9a-fA-F]+\r\n", b"", self._body)
            is_last = self._body.endswith(b"0\r\n\r\n")
        *events, _ = text.split(b"\n\n")
        if events:
            self._body = self._body[self._body.rindex(b"\n\n") + 2 :]
        for event in events:
            self._take(event.decode().strip("\r\n"))
        return is_last

    def _take(self, event: str) -> None:
        name = ""
        for line in event.split("\n"):
            field, _, value = line.partition(": ")
            if field == "retry":
                self.retry_ms = int(value)
            elif field == "id":
                self.last_event_id = value
            elif field == "event":
                name = value
        if name:
            self.events.append(name)
        if name == "drain":
            self.drain_retry_ms = self.retry_ms
        if (found := TOTAL.search(event)) is not None:
            self.totals.append(int(found[1] or 0))
            self.is_live = True
        if (found := FACES.search(event)) is not None:
            self.faces = [int(number) for number in FACE.findall(found[1])]
        if (found := NOTICE.search(event)) is not None:
            self.notice = found[1]


class Tabs:
    """All tabs of one test. They live while the test waits: one thread reads and reconnects."""

    def __init__(self) -> None:
        self.all: list[Tab] = []
        self._selector = selectors.DefaultSelector()
        self._watched: dict[socket.socket, Tab] = {}

    def open(
        self,
        site: Site,
        count: int = 1,
        *,
        page: str = "index",
        worker: int | None = None,
        cookie: str | None = None,
        is_private: bool = False,
        returns: bool = True,
    ) -> list[Tab]:
        """Open tabs, each of a reader of its own unless a cookie is given; wait for their frames.

        `is_private`: their browsers ask for privacy, and have no cookie. `worker` is the only one
        that accepts them; `returns` False: they stay away once they end.
        """
        tabs = [
            Tab(
                site,
                page,
                "" if is_private else cookie or secrets.token_urlsafe(16),
                returns=returns,
            )
            for _ in range(count)
        ]
        self.all += tabs
        if worker is None:
            self._open(tabs)
        else:
            with site.only_worker(worker):
                self._open(tabs)
            assert {site.find_worker(tab.port) for tab in tabs[:5]} == {worker}
        return tabs

    def move(self, site: Site, tab: Tab, worker: int) -> None:
        """Have a tab lose its connection, and come back at once to one worker."""
        with site.only_worker(worker):
            tab.break_off()
            shown = len(tab.totals)
            self.wait(lambda: len(tab.totals) > shown, "the tab has a frame again")
        assert site.find_worker(tab.port) == worker

    def knock(self, site: Site) -> Tab:
        """Open one tab, which may be refused; wait for the answer. It does not come back."""
        tab = Tab(site, "index", secrets.token_urlsafe(16), returns=False)
        self.all.append(tab)
        tab.connect()
        self.wait(lambda: bool(tab.totals or tab.events), "the tab has an answer")
        return tab

    def _open(self, tabs: list[Tab]) -> None:
        for tab in tabs:
            tab.connect()
        self.wait(lambda: all(tab.totals for tab in tabs), "every tab has its first frame", 20)

    def pump(self, seconds: float = 0.02) -> None:
        """Read what comes within that time, and open again the streams whose time has come."""
        now = time.monotonic()
        for tab in self.all:
            if tab.back_at is not None and tab.back_at <= now:
                tab.connect()
        self._watch()
        for key, _ in self._selector.select(seconds):
            tab = key.data
            if tab.sock is key.fileobj:
                tab.receive()
        self._watch()

    def pump_for(self, seconds: float) -> None:
        """Let so much time go by."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.pump(min(0.02, left))

    def wait(self, is_so: Callable[[], bool], what: str, seconds: float = 5.0) -> float:
        """Wait until something is so; return the seconds it took."""
        began = time.monotonic()
        while not is_so():
            took = time.monotonic() - began
            assert took < seconds, f"waited {seconds:g} s in vain until {what}\n{self.describe()}"
            self.pump()
        return time.monotonic() - began

    def wait_for_total(self, total: int, seconds: float, *, tabs: Iterable[Tab]) -> float:
        """Wait until each of these tabs shows a total; return the seconds it took."""
        views = list(tabs)
        return self.wait(
            lambda: all(tab.total == total for tab in views), f"the total is {total}", seconds
        )

    def describe(self) -> str:
        """Say what the first tabs show, for an error message."""
        return "\n".join(
            f"{tab.page}: totals {tab.totals[-8:]} faces {tab.faces} {tab.notice!r} "
            f"events {tab.events}, {tab.streams_opened} streams, live {tab.is_live}"
            for tab in self.all[:12]
        )

    def close(self) -> None:
        """Close every tab."""
        for tab in self.all:
            tab.close()
        self._watch()
        self._selector.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _watch(self) -> None:
        """Have the selector look at exactly the sockets that are open."""
        for sock, tab in list(self._watched.items()):
            if tab.sock is not sock:
                self._selector.unregister(sock)
                del self._watched[sock]
        for tab in self.all:
            if tab.sock is not None and tab.sock not in self._watched:
                self._selector.register(tab.sock, selectors.EVENT_READ, tab)
                self._watched[tab.sock] = tab
