"""The portable transport: a response iterable, for any WSGI server that runs under gevent."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator

from .hub import Hub, Stream
from .socket_watch import SocketWatch


class GeneratorTransport:
    """Send one stream as the iterable of a WSGI response; the server's greenlet waits in it.

    A class and no generator function: the `finally` of a generator that was never begun is never
    run, and its stream would count for ever. A server calls `close` in any case (PEP 3333).
    """

    def __init__(self, hub: Hub, stream: Stream, sock: socket.socket | None) -> None:
        self._hub = hub
        self._stream = stream
        self._sock = sock
        self._is_begun = False
        self._watch: SocketWatch | None = None
        if sock is not None:
            self._watch = SocketWatch(sock, stream.end)
            stream.recheck = self._watch.recheck
            stream.on_stall(lambda: _tear_down(sock))

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        stream = self._stream
        stream.sending_since = None  # the server has come back: it took what it was given
        if not self._is_begun:
            self._is_begun = True
            self._hub.note_sending(stream)
            return self._hub.greet(stream)
        while True:
            chunk = stream.take()
            if chunk is not None:
                self._hub.note_sending(stream)
                return chunk
            if not stream.is_open:
                raise StopIteration
            stream.ready.wait()

    def close(self) -> None:
        """End the stream, whatever became of the response."""
        if self._watch is not None:
            self._watch.stop()
        self._stream.recheck = None
        self._stream.end()
        if self._sock is not None and not isinstance(self._sock, ssl.SSLSocket):
            # The server would keep the connection for another request; its worker, asked to stop,
            # would wait for that. Everything has been sent by now.
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RD)


def _tear_down(sock: socket.socket) -> None:
    # Wakes the greenlet that waits in sendall; the server closes its socket itself.
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
