"""A client's connection: it bounds the size of a request's head and the wait of an answer."""

from __future__ import annotations

import _socket
import errno
import math
import socket
import struct
from typing import Any

import gevent.socket
from gunicorn.http.errors import LimitRequestHeaders

# A request's line and all of its fields; what nginx allows, too (large_client_header_buffers).
MAX_HEAD_BYTES = 32 * 1024
# What the kernel buffers of an answer that is not read. Without this bound it is 4.2 MB.
SEND_BUFFER_BYTES = 256 * 1024
# The same limit for what the kernel still buffers after the server closed the connection (tcp(7)).
UNACKNOWLEDGED_MS = 30_000
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class Connection(gevent.socket.socket):
    """The socket of one client of gunicorn's, without TLS.

    `room` is how many bytes may come until the head of the next request is whole; infinite while
    one is answered. `recv` raises `LimitRequestHeaders` beyond it, which gunicorn answers with 431.
    """

    __slots__ = ("room",)

    # If the client takes nothing of an answer for so long, the connection is reset and the rest
    # dropped.
    stall_seconds = 10.0

    def __init__(self, sock: _socket.socket) -> None:
        super().__init__(sock.family, sock.type, sock.proto, fileno=sock.detach())
        self.expect_head()

    def expect_head(self) -> None:
        """Bound the bytes that come from now on."""
        self.room: float = MAX_HEAD_BYTES

    def expect_anything(self) -> None:
        """Bound nothing: a whole head is there."""
        self.room = math.inf

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return the bytes that came; a look at them (MSG_PEEK) does not count."""
        received = super().recv(size, flags)
        if not flags:
            self.room -= len(received)
            if self.room < 0:
                raise LimitRequestHeaders(f"more than {MAX_HEAD_BYTES} bytes")
        return received

    def send(self, data: Any, flags: int = 0, timeout: Any = None) -> int:
        """Send a part; raises `ConnectionResetError` if nothing is taken for `stall_seconds`."""
        # Set the limit only here: gevent starts a timer for each wait that has one.
        self.settimeout(self.stall_seconds)
        try:
            return super().send(data, flags)
        except TimeoutError:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            message = f"the client took nothing for {self.stall_seconds:g} s"
            raise ConnectionResetError(errno.ECONNRESET, message) from None
        finally:
            self.settimeout(None)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all, however slowly it is taken: gevent's own has one deadline for everything."""
        try:
            sent = self._sock.send(data, flags)  # type: ignore[attr-defined] # mostly all of it
        except BlockingIOError:
            sent = 0
        unsent = memoryview(data)[sent:]
        while unsent:
            unsent = unsent[self.send(unsent, flags) :]


def bound_accepted(listener: Any) -> None:
    """Bound what the kernel buffers for each accepted connection, which inherits it (Linux)."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if listener.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
