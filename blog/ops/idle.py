"""The connections on which a worker waits for a request, and their end when it stops."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from typing import Any

import gevent
import gevent.socket

# How long a worker that stops waits for the first request of a connection: who has connected may be
# about to ask, or a browser that connected in advance. gunicorn accepts for up to a second more,
# and looks a second later whether all are gone.
FIRST_SECONDS = 1.5


class IdleConnections:
    """One worker's connections of whose next request not all has come yet."""

    def __init__(self) -> None:
        self._is_used: dict[Any, bool] = {}

    def add(self, sock: Any, *, is_used: bool = False) -> None:
        """Put one in that waits for a request; `is_used` is whether it had an answer before."""
        self._is_used[sock] = is_used

    def discard(self, sock: Any) -> None:
        """Take one out, if it is in."""
        self._is_used.pop(sock, None)

    def close(self) -> None:
        """Close those that had an answer, and a little later those that had none.

        Where a request was on its way, or half of it had come, the client asks again: it has to
        expect that of a connection that it has used before (RFC 9112, 9.3.1).
        """
        _end(sock for sock, is_used in self._is_used.items() if is_used)
        gevent.sleep(FIRST_SECONDS)
        _end(self._is_used)


def _end(socks: Iterable[Any]) -> None:
    """Have who waits read an end, but after what has come already: a whole request is answered."""
    for sock in socks:
        if type(sock) is gevent.socket.socket:  # TLS would answer such an end with an alert
            # Not gevent's own method: who waits would have an error then.
            raw_sock = sock._sock  # type: ignore[attr-defined] # the stubs do not know it
            with contextlib.suppress(OSError):  # the client is gone
                raw_sock.shutdown(socket.SHUT_RD)
