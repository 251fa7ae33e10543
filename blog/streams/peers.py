"""What the kernel is told of a stream's other side: to doubt that it reads, and that it is."""

from __future__ import annotations

import socket

# What the kernel takes for a reader who does not read. Twice a large frame, so that a frame mostly
# goes out whole; left to itself it grew to 3.9 MB, and a stalled reader looked well for an hour.
SEND_BUFFER_BYTES = 8192
# A peer that vanished is given up: what was sent is not acknowledged for so long, or, where nothing
# was sent, the kernel's own probe is not answered (tcp(7)).
UNACKNOWLEDGED_MS = 30_000
PROBE_AFTER_SECONDS = 25
PROBE_EVERY_SECONDS = 10

_TCP_OPTIONS = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (
            ("TCP_USER_TIMEOUT", UNACKNOWLEDGED_MS),
            ("TCP_KEEPIDLE", PROBE_AFTER_SECONDS),
            ("TCP_KEEPINTVL", PROBE_EVERY_SECONDS),
        )
        if hasattr(socket, name)  # not all of them are everywhere
    ),
]


def doubt_peer(sock: socket.socket) -> None:
    """Have a stream's socket block soon where nobody reads, and fail where nobody is."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if sock.family != socket.AF_UNIX:
        for level, option, value in _TCP_OPTIONS:
            sock.setsockopt(level, option, value)
