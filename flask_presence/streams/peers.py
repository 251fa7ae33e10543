"""What the kernel is told of a stream's other side: to doubt that it reads, and that it is."""

from __future__ import annotations

import _socket
import socket

import gevent.socket

# A server's, or one that was only just accepted.
ServerSocket = gevent.socket.socket | _socket.socket

# What the kernel takes for a reader who does not read. Twice a large frame, so that a frame mostly
# goes out whole; left to itself it grew to 3.9 MB, and a stalled reader looked well for an hour.
SEND_BUFFER_BYTES = 8192
# A peer that vanished is given up: what was sent to it, a ping at least, is not acknowledged for so
# long (tcp(7)). The kernel's own probes are left off: those of thousands of streams that have been
# quiet for as long fall into one moment, and with this limit a single lost one ends a live stream.
UNACKNOWLEDGED_MS = 30_000


def doubt_peer(sock: ServerSocket) -> None:
    """Have a stream's socket block soon where nobody reads, and fail where nobody is."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if sock.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
