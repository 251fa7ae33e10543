"""The fast transport: it takes sockets over from gunicorn, which then finds them closed."""

from __future__ import annotations

import _socket
import contextlib
import socket
import ssl
import time
from typing import TYPE_CHECKING

import gevent
import gevent.socket

from ..peers import ServerSocket, doubt_peer
from ..stream import MAX_HEAD_BYTES, Owner, Request, StreamHub, Transport
from .detached import DetachedStream
from .sockets import SocketGroup, Sockets, can_take_over

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_SOCKETS = (_socket.socket, gevent.socket.socket)
_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
# How long it waits, when it closes, for slow readers to take their goodbyes.
GOODBYE_SECONDS = 1.0


class FastTransport(Transport):
    """Streams on sockets of their own; one epoll watches them all, and one pass sends to all."""

    def __init__(self) -> None:
        self.sockets = Sockets()
        self._can_take_over = can_take_over()

    def start(self) -> None:
        """Begin to watch."""
        self.sockets.start()

    def close(self) -> None:
        """Close every socket; wait a second at most until the slow ones have their goodbye."""
        deadline = time.monotonic() + GOODBYE_SECONDS
        while self.sockets.has_goodbyes() and time.monotonic() < deadline:
            gevent.sleep(0.01)
        self.sockets.close()

    @property
    def socket_count(self) -> int:
        """How many sockets are taken over."""
        return len(self.sockets)

    def can_carry(self, environ: WSGIEnvironment) -> bool:
        """Tell whether the server is gunicorn and its socket can be taken over.

        A socket with TLS cannot, as the kernel does not encrypt; nor one with HTTP/2, which other
        requests share.
        """
        sock = environ.get("gunicorn.socket")
        return (
            sock is not None
            and self._can_take_over
            and not isinstance(sock, ssl.SSLSocket)
            and isinstance(sock, _SOCKETS)
            and sock.family in _FAMILIES
            and str(environ.get("SERVER_PROTOCOL")).startswith("HTTP/1.")
        )

    def accept(self, request: Request, owner: Owner, rotate_at: float) -> DetachedStream:
        """Take the socket over, and watch it."""
        sock = take_from(request.environ["gunicorn.socket"])
        stream = DetachedStream(sock, owner, rotate_at)
        self.sockets.add(stream)
        return stream

    def make_group(self, hub: StreamHub, page: str) -> SocketGroup:
        """Make the group of a page's streams, empty."""
        return SocketGroup(hub, page, self.sockets)

    def look_after(self, now: float, stall_seconds: float) -> None:
        """Give up the streams whose sockets took nothing for so long."""
        for stream in list(self.sockets.slow.values()):
            stream.look_after(now, stall_seconds)


def take_from(server_sock: ServerSocket) -> _socket.socket:
    """Take the connection out of a server's socket, which the server then finds closed.

    It is the same descriptor and no duplicate: if the server waited for the request, the event loop
    still has that number in its own epoll, and must be able to remove it. The type is the C socket:
    48 bytes, and non-blocking. (`os.write` would need no object, but is a tenth slower: the kernel
    goes through a file's write to reach the send.)

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
