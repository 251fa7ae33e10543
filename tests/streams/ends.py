"""The two ends of a stream in one process: a stream of a hub, and what its client gets of it."""

from __future__ import annotations

import gevent
import gevent.socket

from flask_presence.streams.hub import Hub
from flask_presence.streams.stream import Ending, Stream


class DetachedEnd:
    """The client of a stream on a real socket."""

    def __init__(self, hub: Hub, page: str = "index", *, id: str = "") -> None:
        self.endings: list[Ending] = []
        server_sock, self.sock = gevent.socket.socketpair()
        self.stream = hub.take_over(
            server_sock, page, lambda _, ending: self.endings.append(ending)
        )
        self.stream.id = id
        self.stream.begin(b"")

    def read(self) -> bytes:
        """Return all that has come since; without waiting."""
        received = []
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
        self.endings: list[Ending] = []
        self._received: list[bytes] = []
        self.stream: Stream = hub.open(page, lambda _, ending: self.endings.append(ending))
        self.stream.id = id
        self._serving = gevent.spawn(self._serve, self.stream)
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

    def _serve(self, stream) -> None:
        try:
            for chunk in stream:
                self._received.append(chunk)
        finally:
            stream.close()
