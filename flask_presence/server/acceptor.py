"""Accept connections; open streams without creating a gevent socket or greenlet.

For each connection gevent makes a socket with two watchers and a greenlet. A stream that is taken
over needs none of them, and they are a third of the cost of opening it.
"""

from __future__ import annotations

import _socket
import errno
import logging
import time
from collections.abc import Callable
from typing import Any

from gevent.server import StreamServer

from .connection import Connection, bound_accepted

log = logging.getLogger(__name__)

# The connections accepted at once are all served before other greenlets run: for streams, a
# millisecond.
MAX_ACCEPT = 4
# How many are accepted, at most, until it is asked again how many more there is room for.
MOST_UNASKED = 64
# A worker that has no room or no file descriptors left accepts again after this.
PAUSE_SECONDS = 0.1
# Meanwhile this is logged, at most once in so many seconds.
LOG_EVERY_SECONDS = 60.0
_SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Acceptor(StreamServer):
    """gevent's server, on a listener without TLS.

    `open_stream(sock, address)` is called for each new connection, and returns whether the
    connection needs nothing more. The event loop calls it, so it must not wait; the socket is a
    plain, blocking one. Every other connection goes the usual way, to `handle` in a greenlet that
    `spawn` makes. `count_room()` returns how many more connections the worker can hold. If there is
    no room, new ones wait in the kernel's queue, from which another worker may take them.
    """

    def __init__(
        self,
        listener: Any,
        handle: Callable[..., None],
        open_stream: Callable[[_socket.socket, Any], bool],
        *,
        count_room: Callable[[], int],
        spawn: Any,
        max_accept: int = MAX_ACCEPT,
    ) -> None:
        super().__init__(listener, handle=handle, spawn=spawn)
        bound_accepted(listener)
        self.max_accept = max_accept
        self._open_stream = open_stream
        self._count_room = count_room
        self._room = 0  # of what was counted last
        self._log_after = 0.0

    def do_read(self) -> Any:
        """Accept a connection; None if there is none left, or no room for it."""
        if not self._room:
            self._room = max(0, min(self._count_room(), MOST_UNASKED))
        if not self._room:
            self._pause("as many connections and streams are open as the limit of files allows")
            return None
        self._room -= 1
        listener: Any = self.socket
        try:
            fd, address = listener._accept()
        except BlockingIOError:  # another worker was faster
            return None
        except OSError as error:
            if error.errno not in _SHORTAGES:
                raise
            self._pause(str(error.strerror))
            return None
        return _socket.socket(listener.family, listener.type, listener.proto, fd), address

    def do_handle(self, sock: _socket.socket, address: Any) -> None:
        """Open a stream on a connection, or have it handled."""
        if not self._open_stream(sock, address):
            super().do_handle(Connection(sock), address)

    def _pause(self, reason: str) -> None:
        self.stop_accepting()
        # As gevent's server does after an error; its type stubs lack this.
        self._timer = self.loop.timer(PAUSE_SECONDS)
        self._timer.start(self._start_accepting_if_started)  # type: ignore[attr-defined,call-arg]
        now = time.monotonic()
        if now >= self._log_after:
            self._log_after = now + LOG_EVERY_SECONDS
            log.warning("connections: no more are accepted for now (%s)", reason)
