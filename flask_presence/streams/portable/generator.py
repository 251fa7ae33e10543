"""The portable transport: a response iterable, for any WSGI server that runs under gevent."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

import gevent.event

from ..event import PING
from ..peers import doubt_peer
from ..stream import Ending, OnEnd, Stream
from .socket_watch import SocketWatch

if TYPE_CHECKING:
    from ..hub import Hub


class GeneratorStream(Stream):
    """A stream that is the iterable of a WSGI response; the server's greenlet waits in it.

    A class and no generator function: the `finally` of a generator that was never begun is never
    run, and its stream would count for ever. A server calls `close` in any case (PEP 3333).
    """

    __slots__ = (
        "_frame",
        "_goodbye",
        "_is_begun",
        "_is_ping_due",
        "_news",
        "_sending_since",
        "_sock",
        "_watch",
    )

    def __init__(
        self, hub: Hub, page: str, on_end: OnEnd, *, holder: object, rotate_at: float
    ) -> None:
        super().__init__(hub, page, on_end, holder=holder, rotate_at=rotate_at)
        self._news = gevent.event.Event()
        self._frame: bytes | None = None
        self._goodbye: bytes | None = None
        self._sending_since: float | None = None
        self._is_begun = False
        self._is_ping_due = False
        self._sock: socket.socket | None = None
        self._watch: SocketWatch | None = None

    def watch(self, sock: socket.socket) -> None:
        """See at once when the other side of the server's socket is gone, soon when it stalls."""
        doubt_peer(sock)
        self._sock = sock
        self._watch = SocketWatch(sock, self.end)

    def offer(self, frame: bytes) -> None:
        """Have a frame sent; it takes the place of one that still waits."""
        self._frame = frame
        self._news.set()

    def ping(self) -> None:
        """Have a comment sent, unless a frame is on its way anyway."""
        self._is_ping_due = True
        self._news.set()

    def look_after(self, now: float, stall_seconds: float) -> None:
        """Tear the connection down where it took nothing for so long."""
        if self._sending_since is not None and now - self._sending_since >= stall_seconds:
            self.end(ending=Ending.STALLED)
            if self._sock is not None:
                # Wakes the greenlet that waits in sendall; the server closes its socket itself.
                with contextlib.suppress(OSError):
                    self._sock.shutdown(socket.SHUT_RDWR)
        elif self._watch is not None:
            self._watch.recheck()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._sending_since = None  # the server has come back: it took what it was given
        chunk: bytes | None = None
        if self.is_open and not self._is_begun:
            self._is_begun = True
            chunk = self._hub.greet(self)
        while chunk is None and (chunk := self._take()) is None:
            if not self.is_open:
                raise StopIteration
            self._news.wait()
        self._sending_since = self._hub.now()
        return chunk

    def close(self) -> None:
        """End the stream, whatever became of the response."""
        if self._watch is not None:
            self._watch.stop()
        self.end()
        if self._sock is not None and not isinstance(self._sock, ssl.SSLSocket):
            # The server would keep the connection for another request; its worker, asked to stop,
            # would wait for that. Everything has been sent by now.
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RD)

    def _take(self) -> bytes | None:
        """Return what to send next and forget it; None where there is nothing."""
        frame, self._frame = self._frame, None
        if frame is None and self._is_ping_due:
            frame = PING
        self._is_ping_due = False
        if not self.is_open:
            # A frame that was not begun may be skipped.
            frame, self._goodbye = self._goodbye, None
        elif frame is not None and frame is not PING:
            self._hub.observer.sent(1, len(frame))
        self._news.clear()
        return frame

    def _say_last(self, goodbye: bytes | None) -> None:
        self._goodbye = goodbye
        self._news.set()
