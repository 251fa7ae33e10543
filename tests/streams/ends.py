"""The two ends of a stream in one process: a stream of a hub, and what its client gets of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import gevent
import gevent.socket

from flask_presence.streams.hub import Hub
from flask_presence.streams.observer import Ending
from flask_presence.streams.stream import Request, Stream


class Somebody:
    """The owner of a stream, who remembers it, and how it ended."""

    def __init__(self, event_id: str = "") -> None:
        self.event_id = event_id
        self.stream: Any = None
        self.endings: list[Ending] = []

    def arrive(self, stream: Stream) -> None:
        self.stream = stream

    def leave(self, stream: Stream, ending: Ending) -> None:
        self.endings.append(ending)


def ask(server_sock: object = None) -> Request:
    """Return a request for a stream, as gunicorn makes it on a socket, or another server."""
    environ = {"gunicorn.socket": server_sock, "SERVER_PROTOCOL": "HTTP/1.1"}
    return Request(environ if server_sock else {}, lambda *_: lambda _: None, [])


def take_over(hub: Hub, server_sock: object, page: str, owner: Somebody) -> None:
    """Open a stream on a socket of its own."""
    with contextlib.suppress(StopIteration):
        hub.open(page, owner, ask(server_sock))


class DetachedEnd:
    """The client of a stream on a real socket."""

    def __init__(self, hub: Hub, page: str = "index", *, id: str = "") -> None:
        owner = Somebody(id)
        server_sock, self.sock = gevent.socket.socketpair()
        take_over(hub, server_sock, page, owner)
        self.endings = owner.endings
        self.stream = owner.stream
        received = self.sock.recv(65536)
        self._head, _, self._unread = received.partition(b"\r\n\r\n")

    def read(self) -> bytes:
        """Return all that has come since; without waiting."""
        received = [self._unread]
        self._unread = b""
        self.sock.settimeout(0)
        try:
            while part := self.sock.recv(65536):
                received.append(part)
        except BlockingIOError:
            pass
        return b"".join(received)

    def has_ended(self) -> bool:
        """Tell whether the response is over, with nothing more to come."""
        self.sock.settimeout(0)
        try:
            return self.sock.recv(1) == b""
        except BlockingIOError:
            return False

    def close(self) -> None:
        self.sock.close()


class GeneratorEnd:
    """The client of a stream that a WSGI server sends; a greenlet is the server."""

    def __init__(self, hub: Hub, page: str = "index", *, id: str = "") -> None:
        owner = Somebody(id)
        self._received: list[bytes] = []
        response = hub.open(page, owner, ask())
        self.endings = owner.endings
        self.stream = owner.stream
        self._serving = gevent.spawn(self._serve, response)
        gevent.sleep(0)

    def read(self) -> bytes:
        """Return all that has come since; the server has its turn before."""
        gevent.sleep(0)
        gevent.sleep(0)
        received, self._received = self._received, []
        return b"".join(received)

    def has_ended(self) -> bool:
        """Tell whether the response is over, with nothing more to come."""
        return self.read() == b"" and self._serving.ready()

    def close(self) -> None:
        self._serving.kill()

    def _serve(self, response: Iterable[bytes]) -> None:
        try:
            for chunk in response:
                self._received.append(chunk)
        finally:
            self.stream.close()
