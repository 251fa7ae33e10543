"""Ports of the loopback for servers that tests start, side by side with other runs of tests."""

from __future__ import annotations

import socket

_held: list[socket.socket] = []


def reserve_port() -> int:
    """Return a port of 127.0.0.1 that no other process is given while this one runs.

    A socket stays bound to it and never listens. The kernel then gives the port to no other socket,
    not even to a connection's own end, but a server that names the port and sets SO_REUSEADDR, as
    all of ours do, may listen there (ip(7), socket(7)).
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    _held.append(holder)
    return int(holder.getsockname()[1])
