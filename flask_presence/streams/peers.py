"""Have the kernel notice that a stream's client no longer reads, or no longer exists."""

from __future__ import annotations

import _socket
import socket

import gevent.socket

# A server's socket, or one that was only just accepted.
ServerSocket = gevent.socket.socket | _socket.socket

# What the kernel buffers for a client that does not read. Twice a large frame, so that a frame
# mostly goes out whole; without this bound the buffer grew to 3.9 MB, and a stalled reader looked
# well for an hour.
SEND_BUFFER_BYTES = 8192
# A vanished peer is given up when what was sent to it, a ping at least, is not acknowledged for so
# long (tcp(7)). The kernel's keepalive probes stay off: for thousands of streams that have been
# quiet equally long they fall into one moment, and with this limit one lost probe ends a live
# stream.
UNACKNOWLEDGED_MS = 30_000


def doubt_peer(sock: ServerSocket) -> None:
    """Have a stream's socket block soon if its client does not read, and fail if it is gone."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if sock.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
