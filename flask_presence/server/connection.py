"""A client's connection: what a request's head may take, and how long an answer may wait."""

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
# What the kernel holds of an answer that is not read. Left to itself it is 4.2 MB.
SEND_BUFFER_BYTES = 256 * 1024
# Likewise for what the kernel still holds when the blog has closed the connection (tcp(7)).
UNACKNOWLEDGED_MS = 30_000
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class Connection(gevent.socket.socket):
    """The socket of one client, of gunicorn's connections without TLS.

    `room` is how many bytes may come until the head of the next request is whole; infinite while
    one is answered. `recv` raises `LimitRequestHeaders` beyond it, which gunicorn answers with 431.
    """

    __slots__ = ("room",)

    # An answer of which nothing is taken for so long is thrown away, and the connection reset.
    stall_seconds = 10.0

    def __init__(self, sock: _socket.socket) -> None:
        super().__init__(sock.family, sock.type, sock.proto, fileno=sock.detach())
        self.expect_head()

    def expect_head(self) -> None:
        """Bound what comes from now on."""
        self.room: float = MAX_HEAD_BYTES

    def expect_anything(self) -> None:
        """Bound nothing: a whole head is there."""
        self.room = math.inf

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return what came; a look at it (MSG_PEEK) counts nothing."""
        received = super().recv(size, flags)
        if not flags:
            self.room -= len(received)
            if self.room < 0:
                raise LimitRequestHeaders(f"more than {MAX_HEAD_BYTES} bytes")
        return received

    def send(self, data: Any, flags: int = 0, timeout: Any = None) -> int:
        """Send a part; raises `ConnectionResetError` where nothing is taken for `stall_seconds`."""
        # Only here: for each wait that has a limit gevent starts a timer.
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
        """Send all, however slowly it is taken: gevent's own has one deadline for the whole."""
        try:
            sent = self._sock.send(data, flags)  # type: ignore[attr-defined] # mostly all of it
        except BlockingIOError:
            sent = 0
        unsent = memoryview(data)[sent:]
        while unsent:
            unsent = unsent[self.send(unsent, flags) :]


def bound_accepted(listener: Any) -> None:
    """Bound what the kernel holds for each connection that is accepted: they inherit it (Linux)."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if listener.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
