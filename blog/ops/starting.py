"""What a start says: that the blog answers, once, or in one line why it cannot."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable

# Sockets that come from elsewhere: from systemd, or from the gunicorn that is replaced (USR2).
_INHERITED = ("LISTEN_FDS", "GUNICORN_FD", "GUNICORN_PID")


def find_address_problem(addresses: Iterable[object]) -> str:
    """Say in one line why nothing can listen on one of gunicorn's addresses; "" where it can.

    gunicorn itself tries five times, and says so twice each time.
    """
    if any(name in os.environ for name in _INHERITED):
        return ""
    for address in addresses:
        if isinstance(address, tuple):  # a host and a port; else the path of a socket
            host, port, *_ = address
            try:
                _bind(host, port)
            except OSError as error:
                return _describe(host, port, error)
    return ""


def _bind(host: str, port: int) -> None:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does
        tried.bind(address)


def _describe(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"PORT: found {port}, which another program uses on {host}, perhaps this blog already;"
            " stop it, or choose another port"
        )
    if error.errno == errno.EACCES:
        return (
            f"PORT: found {port}, on which this user may not listen; choose one from 1024, and"
            " put a proxy in front"
        )
    return (
        f"BLOG_HOST: found {host}, on which nothing here can listen ({error.strerror}); expected"
        " 127.0.0.1, 0.0.0.0 or an address of this machine"
    )


class Announcement:
    """That the blog answers, to be said by one of its workers. Made in the master."""

    def __init__(self) -> None:
        # One byte, which only one reader can get.
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.write(writer, b"!")
        os.close(writer)

    def take(self) -> bool:
        """Tell whether the caller is to say it: true for the first caller only."""
        return os.read(self._reader, 1) != b""
