"""Ports of the loopback for servers that tests start, side by side with other runs of tests."""

from __future__ import annotations

import socket

_held: list[socket.socket] = []


def reserve_port() -> int:
    """Return a port of 127.0.0.1 that nobody else is given while this process runs.

    A socket stays bound to it and never listens: the kernel gives the port to no other socket, a
    connection's own end included, while a server that names it and sets SO_REUSEADDR, as all of
    ours do, may listen there (ip(7), socket(7)).
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    _held.append(holder)
    return int(holder.getsockname()[1])
