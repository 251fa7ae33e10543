"""See at once that a client is gone, on a socket that a server owns."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import gevent
import gevent.socket
from gevent import monkey

# gevent's patch replaces or removes it; called without waiting, the original never blocks the loop.
_poll = monkey.get_original("select", "poll")
# Linux only: the other side has shut down its half, whether or not unread bytes came before that.
_HANG_UP = getattr(select, "POLLRDHUP", 0x2000) | select.POLLHUP | select.POLLERR
_READABLE = 1


def find_socket(environ: Mapping[str, Any]) -> socket.socket | None:
    """Return the client's socket where the server exposes it, else None."""
    for name in ("gunicorn.socket", "gunicorn.sock", "werkzeug.socket"):
        sock = environ.get(name)
        if sock is not None and sock.fileno() >= 0:
            return sock  # type: ignore[no-any-return]
    # gevent's pywsgi has it in the file that it reads the request from, and nowhere else.
    file = getattr(environ.get("wsgi.input"), "rfile", None)
    sock = getattr(getattr(file, "raw", None), "_sock", None)
    return sock if isinstance(sock, gevent.socket.socket) and sock.fileno() >= 0 else None


class _Watcher(Protocol):
    """The part of a libev watcher that is used; gevent's stubs lack `active`."""

    @property
    def active(self) -> bool: ...
    def start(self, callback: Callable[[], None]) -> None: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


class SocketWatch:
    """Call `on_gone()` once when the other side closes, resets or half-closes the connection.

    Stop it before the descriptor is closed: its number is soon another connection's.
    """

    def __init__(self, sock: socket.socket, on_gone: Callable[[], None]) -> None:
        self._fd = sock.fileno()
        self._on_gone = on_gone
        self._watcher: _Watcher | None = cast(
            _Watcher, gevent.get_hub().loop.io(self._fd, _READABLE)
        )
        self._watcher.start(self._look)

    def recheck(self) -> None:
        """Watch again after unread bytes came; called from time to time."""
        if self._watcher is not None and not self._watcher.active:
            self._watcher.start(self._look)

    def stop(self) -> None:
        """Stop watching. Idempotent."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()
            watcher.close()

    def _look(self) -> None:
        poll = _poll()
        poll.register(self._fd, _HANG_UP)
        if poll.poll(0):
            self.stop()
            self._on_gone()
        elif self._watcher is not None:
            # A stream's client has nothing to say. Whatever it sends stays unread and would wake us
            # again and again, so stop watching until the next recheck.
            self._watcher.stop()
