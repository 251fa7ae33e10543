"""Accepting connections: one whose request asks for a stream gets nothing that a stream needs not.

For each connection gevent makes a socket with two watchers and a greenlet. A stream that was taken
over has no use for them, and they are a third of what it costs to open it.
"""

from __future__ import annotations

import _socket
from collections.abc import Callable
from typing import Any

import gevent.socket
from gevent.server import StreamServer

# All of one look at the listener are served before anybody else: with streams, a millisecond.
MAX_ACCEPT = 4


class Acceptor(StreamServer):
    """gevent's server, on a listener without TLS.

    `open_stream(sock, address)` is asked about each new connection: whether it needs nothing more.
    It is called by the event loop and must not wait; the socket is a plain one, and blocks. What it
    leaves alone goes the usual way, to `handle` in a greenlet that `spawn` makes.
    """

    def __init__(
        self,
        listener: Any,
        handle: Callable[..., None],
        open_stream: Callable[[_socket.socket, Any], bool],
        *,
        spawn: Any,
        max_accept: int = MAX_ACCEPT,
    ) -> None:
        super().__init__(listener, handle=handle, spawn=spawn)
        self.max_accept = max_accept
        self._open_stream = open_stream

    def do_read(self) -> Any:
        """Accept a connection; None where there is none any more."""
        listener: Any = self.socket
        try:
            fd, address = listener._accept()
        except BlockingIOError:  # another worker was faster
            return None
        return _socket.socket(listener.family, listener.type, listener.proto, fd), address

    def do_handle(self, sock: _socket.socket, address: Any) -> None:
        """Open a stream on a connection, or have it handled."""
        if not self._open_stream(sock, address):
            family, kind, protocol = sock.family, sock.type, sock.proto
            client = gevent.socket.socket(family, kind, protocol, fileno=sock.detach())
            super().do_handle(client, address)
