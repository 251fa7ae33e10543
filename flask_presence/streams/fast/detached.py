"""The fast transport: sockets taken over from gunicorn.

No greenlet and nothing of the web framework stays behind for an open stream: one small object, and
the socket itself. What it costs is what the kernel asks for.
"""

from __future__ import annotations

import _socket
import contextlib
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import gevent
import gevent.socket

from ..event import PING
from ..peers import ServerSocket, doubt_peer
from ..stream import MAX_HEAD_BYTES, Ending, OnEnd, Stream
from .sockets import can_take_over

if TYPE_CHECKING:
    from ..hub import Hub

_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)


def find_detachable(environ: Mapping[str, Any]) -> ServerSocket | None:
    """Return gunicorn's socket where a stream may take it over, else None.

    Not one with TLS, whose bytes the kernel does not know, nor one with HTTP/2, which other
    requests share. Raising `StopIteration` makes gunicorn end the request without a word.
    """
    sock: ServerSocket | None = environ.get("gunicorn.socket")
    if (
        sock is None
        or not can_take_over()
        or isinstance(sock, ssl.SSLSocket)
        or not isinstance(sock, gevent.socket.socket | _socket.socket)
        or sock.family not in _FAMILIES
        or not str(environ.get("SERVER_PROTOCOL")).startswith("HTTP/1.")
    ):
        return None
    return sock


def take_from(server_sock: ServerSocket) -> _socket.socket:
    """Take the connection out of a server's socket, which is closed for the server from then on.

    The same descriptor and no duplicate: where the server waited for the request, the event loop
    still has that number in its own epoll, and must be able to take it out. The type is the C one:
    48 bytes, and it does not wait. (`os.write` would need no object, but is slower by a tenth: for
    the kernel a write to a file comes before a send.)

    A request that the server only looked at is taken out of it.
    """
    doubt_peer(server_sock)
    sock = server_sock
    if type(sock) is _socket.socket:
        sock.setblocking(False)
    else:
        sock = _socket.socket(sock.family, sock.type, sock.proto, sock.detach())
    with contextlib.suppress(OSError):  # nothing there, mostly; whoever is gone is found out later
        sock.recv(MAX_HEAD_BYTES)
    return sock


def write_head(headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the head of a response that lasts until the connection is closed."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    return f"{_begin_head(int(time.time()))}{lines}\r\n".encode("latin-1")


@lru_cache(maxsize=1)
def _begin_head(seconds: int) -> str:
    date = formatdate(seconds, usegmt=True)
    return f"HTTP/1.1 200 OK\r\nDate: {date}\r\nConnection: close\r\n"


class DetachedStream(Stream):
    """A stream on a socket of its own; see `Hub.take_over`.

    Of what its socket has not taken it keeps the rest of one chunk, and a mark that a newer frame
    waits: no queue, and a frame is never half sent.
    """

    __slots__ = ("is_behind", "moved_at", "rest", "sock")

    def __init__(
        self,
        hub: Hub,
        sock: _socket.socket,
        page: str,
        on_end: OnEnd,
        *,
        holder: object,
        rotate_at: float,
    ) -> None:
        super().__init__(hub, page, on_end, holder=holder, rotate_at=rotate_at)
        self.sock = sock
        self.rest = b""
        self.is_behind = False
        self.moved_at = 0.0  # when its socket took something last; only while there is a rest

    def begin(self, head: bytes) -> None:
        """Send the head of the response and the first frame; give it up where there is none."""
        try:
            first = self._hub.greet(self)
        except BaseException:
            self.lose()
            raise
        self._send(head + first)

    def offer(self, frame: bytes) -> None:
        """Have a frame sent, or marked as waiting."""
        if self.rest:
            self.is_behind = True
        else:
            self._send(frame)

    def ping(self) -> None:
        """Have a comment sent, unless something is on its way anyway."""
        if not self.rest:
            self._send(PING)

    def keep(self, rest: bytes) -> None:
        """Keep what the socket has not taken; it is sent as soon as it can be."""
        self.rest = rest
        self.moved_at = self._hub.now()
        self._hub.sockets.wait_for_room(self)

    def flush(self) -> None:
        """Send what is left of the last chunk, and then the newest frame if there is one."""
        try:
            sent = self.sock.send(self.rest)
        except BlockingIOError:
            return
        except OSError:
            self.lose()
            return
        self.moved_at = self._hub.now()
        self.rest = self.rest[sent:]
        if self.rest:
            return
        self._hub.sockets.wait_no_more(self)
        if not self.is_open:
            self.close()
        elif self.is_behind:
            self.is_behind = False
            newest = self._hub.newest(self.page)
            self._hub.observer.sent(1, len(newest))
            self._send(newest)

    def look_after(self, now: float, stall_seconds: float) -> None:
        """Give it up where it took nothing for so long."""
        if self.rest and now - self.moved_at >= stall_seconds:
            self.lose(Ending.STALLED)

    def lose(self, ending: Ending = Ending.CLOSED) -> None:
        """Give it up: the other side is gone, or takes nothing any more."""
        self.end(ending=ending)
        self.close()

    def close(self) -> None:
        """Close the socket, whatever it has not taken. Idempotent."""
        if self.sock.fileno() >= 0:
            self._hub.sockets.remove(self)
            self.sock.close()

    def _send(self, chunk: bytes) -> None:
        try:
            sent = self.sock.send(chunk)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.lose()
            return
        if sent != len(chunk):
            self.keep(chunk[sent:])

    def _say_last(self, goodbye: bytes | None) -> None:
        if goodbye is None:
            self.close()
        elif self.rest:
            self.rest += goodbye
        else:
            # What the client said would turn the end of the connection into a reset, and a reset
            # may take away from it what it has not read yet.
            with contextlib.suppress(OSError):
                self.sock.recv(65536)
            self._send(goodbye)
            if not self.rest:
                self.close()
