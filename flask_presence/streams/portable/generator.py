"""The portable transport: a response iterable, for any WSGI server that runs under gevent."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Self

import gevent
import gevent.event

from ..observer import Ending
from ..peers import doubt_peer
from ..stream import Group, Owner, Request, Stream, StreamHub, Transport
from ..turns import Turns
from .socket_watch import SocketWatch, find_socket

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["PortableTransport"]

# So many greenlets do about one slice of work.
GENERATORS_AT_ONCE = 32


class GeneratorStream(Stream):
    """A stream that is the iterable of a WSGI response; the server's greenlet waits in it.

    A class, not a generator function: the `finally` of a generator that never began never runs, and
    its stream would count for ever. A server calls `close` in any case (PEP 3333).
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

    def __init__(self, owner: Owner, rotate_at: float, sock: socket.socket | None) -> None:
        super().__init__(owner, rotate_at)
        self._news = gevent.event.Event()
        self._frame: bytes | None = None
        self._goodbye: bytes | None = None
        self._sending_since: float | None = None
        self._is_begun = False
        self._is_ping_due = False
        self._sock = sock
        self._watch: SocketWatch | None = None

    def begin(self, request: Request) -> Self:
        """Return itself. If the server exposes its socket, the stream's end is seen at once.

        Else its end is seen when something is sent, a ping at the latest.
        """
        if self._sock is not None:
            doubt_peer(self._sock)
            self._watch = SocketWatch(self._sock, self.end)
        return self

    def offer(self, frame: bytes) -> None:
        """Have a frame sent; it takes the place of one that still waits."""
        self._frame = frame
        self._news.set()

    def ping(self) -> None:
        """Have a comment sent, unless a frame is on its way anyway."""
        self._is_ping_due = True
        self._news.set()

    def look_after(self, now: float, stall_seconds: float) -> None:
        """Tear the connection down if it took nothing for so long."""
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
            chunk = self.group.hub.greet(self)
        while chunk is None and (chunk := self._take()) is None:
            if not self.is_open:
                raise StopIteration
            self._news.wait()
        self._sending_since = self.group.hub.now()
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
        """Return what to send next and forget it; None if there is nothing."""
        frame, self._frame = self._frame, None
        is_frame = True
        if frame is None and self._is_ping_due:
            frame = self.group.hub.ping
            is_frame = False
        self._is_ping_due = False
        if not self.is_open:
            # A frame of which nothing was sent may be skipped.
            frame, self._goodbye = self._goodbye, None
        elif frame is not None and is_frame:
            self.group.hub.observer.sent(1, len(frame))
        self._news.clear()
        return frame

    def _say_last(self, goodbye: bytes | None) -> None:
        self._goodbye = goodbye
        self._news.set()


class GeneratorGroup(Group[GeneratorStream]):
    """The streams of one page; the transport's set holds them as well."""

    __slots__ = ("_all", "_streams")

    def __init__(self, hub: StreamHub, page: str, streams_of_all: set[GeneratorStream]) -> None:
        super().__init__(hub, page)
        self._all = streams_of_all
        self._streams: set[GeneratorStream] = set()

    def __iter__(self) -> Iterator[GeneratorStream]:
        return iter(self._streams)

    def add(self, stream: GeneratorStream) -> None:
        """Take a stream in."""
        self._streams.add(stream)
        self._all.add(stream)

    def discard(self, stream: GeneratorStream) -> None:
        """Take a stream out."""
        self._streams.discard(stream)
        self._all.discard(stream)

    def send(self, chunk: bytes, turns: Turns, *, skip: Collection[Stream] = ()) -> None:
        """Have all but a few sent it by their own greenlets, which tell the observer."""
        is_ping = chunk is self.hub.ping
        streams = [one for one in self._streams if one not in skip]
        for sent, stream in enumerate(streams, start=1):
            if is_ping:
                stream.ping()
            elif stream.is_open:
                stream.offer(chunk)
            if sent % GENERATORS_AT_ONCE == 0:
                gevent.sleep(0)  # their greenlets' sending is a part of this work
                turns.rest_if_due()


class PortableTransport(Transport):
    """Streams that the WSGI server itself sends. It can carry all."""

    def __init__(self) -> None:
        self._streams: set[GeneratorStream] = set()

    def start(self) -> None:
        """Do nothing: the server is started already."""

    def close(self) -> None:
        """End every stream that is left; the server sends what it has taken."""
        for stream in list(self._streams):
            stream.end()

    def can_carry(self, environ: WSGIEnvironment) -> bool:
        """Tell that it can."""
        return True

    def accept(self, request: Request, owner: Owner, rotate_at: float) -> GeneratorStream:
        """Begin the response; what the server sends of it is the stream's iterable."""
        request.start_response("200 OK", request.headers)
        return GeneratorStream(owner, rotate_at, find_socket(request.environ))

    def make_group(self, hub: StreamHub, page: str) -> GeneratorGroup:
        """Make the group of a page's streams, empty."""
        return GeneratorGroup(hub, page, self._streams)

    def look_after(self, now: float, stall_seconds: float) -> None:
        """Tear down the connections that took nothing for so long."""
        for stream in list(self._streams):
            stream.look_after(now, stall_seconds)
