"""A deploy: every open page is sent away, and comes back as htmx 4.0.1 does it."""

from __future__ import annotations

import os
import random
import re
import secrets
import select
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush

from .contestants import Contestant
from .crowd import IP_BIND_ADDRESS_NO_PORT, STREAMS_PER_ADDRESS, WrongCountError
from .figures import Returning, Wait
from .measure import Plan, Tell
from .page_client import read_waits, start_asking
from .server import ContestantError, Server

# hx-sse.js: the last `retry` ± 30 %, twice as long after each try that failed.
RETRY_SPREAD = 0.3
# The most streams that wait for their first number; see `bench.crowd.MAX_UNTOLD`.
MOST_UNTOLD = 1_000

_FIELD = re.compile(rb"(?m)^(retry|id|event): (.*)$")
_TOTAL = re.compile(rb">(\d+) readers? online<")


class _Tab:
    """One open page: the last event of its stream, and since when it has a stream again."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.cookie = secrets.token_urlsafe(16).encode()
        self.last_id = b""
        self.retry_ms = 500
        self.failures = 0
        self.shown = 0  # nothing, while it has no stream
        self.since = 0.0
        self.rest = b""
        self.sock: socket.socket | None = None


class _Tabs:
    """Many tabs in one thread. Nothing runs by itself: the methods read the sockets."""

    def __init__(self, port: int, path: str, most_seconds: float) -> None:
        self.tabs: list[_Tab] = []
        self._port = port
        self._most_seconds = most_seconds
        self._request = b"GET %b HTTP/1.1\r\nHost: localhost\r\n" % path.encode()
        self._epoll = select.epoll()
        self._by_fd: dict[int, _Tab] = {}
        self._waiting: list[tuple[float, int]] = []  # when to come back, and who

    def open_many(self, count: int) -> None:
        """Open tabs, as fast as they are told a number."""
        while len(self.tabs) < count:
            self.tabs.append(_Tab(len(self.tabs)))
            self._connect(self.tabs[-1])
            self.pump(0.0)
            if len(self.tabs) % MOST_UNTOLD == 0:
                self.pump_until(lambda: all(tab.shown for tab in self.tabs), "are told any number")

    def pump_until(self, is_so: Callable[[], bool], what: str) -> None:
        """Read until a condition holds; raise `WrongCountError` if it does not in time."""
        deadline = time.monotonic() + self._most_seconds
        while not is_so():
            if time.monotonic() > deadline:
                shown = Counter(tab.shown for tab in self.tabs).most_common(4)
                raise WrongCountError(f"not all {what}; they show (how many do) {shown}")
            self._pump_for(0.1)

    def pump(self, seconds: float) -> None:
        """Read what has come, and reopen the streams that are due."""
        if self._waiting:
            seconds = max(0.0, min(seconds, self._waiting[0][0] - time.monotonic()))
        for fd, _ in self._epoll.poll(seconds, 512):
            self._receive(self._by_fd[fd])
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            self._connect(self.tabs[heappop(self._waiting)[1]])

    def close(self) -> None:
        """Close every stream."""
        for tab in self._by_fd.values():
            assert tab.sock is not None
            tab.sock.close()
        self._epoll.close()

    def _pump_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.pump(left)

    def _connect(self, tab: _Tab) -> None:
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((f"127.0.1.{1 + tab.number // STREAMS_PER_ADDRESS}", 0))
        sock.settimeout(10)
        last_id = b"Last-Event-ID: %b\r\n" % tab.last_id if tab.last_id else b""
        cookie = b"Cookie: viblog_reader=%b\r\n" % tab.cookie
        try:
            sock.connect(("127.0.0.1", self._port))
            sock.sendall(self._request + cookie + last_id + b"\r\n")
        except OSError:
            sock.close()
            self._come_back_later(tab)
            return
        sock.setblocking(False)
        tab.sock = sock
        self._by_fd[sock.fileno()] = tab
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _come_back_later(self, tab: _Tab) -> None:
        delay_seconds = tab.retry_ms / 1000 * 2**tab.failures
        spread = random.uniform(1 - RETRY_SPREAD, 1 + RETRY_SPREAD)
        heappush(self._waiting, (time.monotonic() + delay_seconds * spread, tab.number))
        tab.failures += 1

    def _receive(self, tab: _Tab) -> None:
        assert tab.sock is not None
        try:
            received = tab.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        whole, end, tab.rest = (tab.rest + received).rpartition(b"\n\n")
        fields = dict(_FIELD.findall(whole + end))
        tab.retry_ms = int(fields.get(b"retry", tab.retry_ms))
        tab.last_id = fields.get(b"id", tab.last_id)
        if totals := _TOTAL.findall(whole):
            if not tab.shown:
                tab.since, tab.failures = time.monotonic(), 0
            tab.shown = int(totals[-1])
        if b"event" in fields or not received:
            self._epoll.unregister(tab.sock.fileno())
            del self._by_fd[tab.sock.fileno()]
            tab.sock.close()
            tab.sock, tab.shown, tab.rest = None, 0, b""
            self._come_back_later(tab)


def measure_returning(contestant: Contestant, readers: int, plan: Plan, tell: Tell) -> Returning:
    """Restart a contestant with so many readers, as a deploy does, and ask it for pages."""
    title = f"{contestant.title}, {readers:,} readers"
    server = Server(contestant.prepare, readers)
    tabs = _Tabs(server.port, contestant.path, plan.return_seconds)

    def are_told_right() -> bool:
        return all(tab.shown == readers for tab in tabs.tabs)

    try:
        with server:
            tell(f"{title}: joining")
            tabs.open_many(readers)
            tabs.pump_until(are_told_right, "are told right")
            tell(f"{title}: coming back after a deploy")
            began = time.monotonic()
            with start_asking(server.port, contestant.page, plan.page_seconds) as client:
                os.kill(server.pids[-1], signal.SIGHUP)
                tabs.pump_until(lambda: all(tab.since > began for tab in tabs.tabs), "are back")
                tabs.pump_until(lambda: client.poll() is not None, "pages are answered")
                pages = read_waits(client)
            tabs.pump_until(are_told_right, "are told right")
    except (WrongCountError, ValueError, OSError) as error:
        raise ContestantError(f"{title}, coming back: {error}\n{server.log()}") from error
    finally:
        tabs.close()
    waits = sorted(tab.since - began for tab in tabs.tabs)
    return Returning(
        readers=readers,
        wait=Wait(waits[len(waits) // 2], waits[len(waits) * 99 // 100], waits[-1]),
        page_seconds=pages[-1],
    )
