"""A stream on a socket taken over from the server: one small object, and the socket.

No greenlet and nothing of the web framework stays behind: it costs what the kernel asks for.
"""

from __future__ import annotations

import _socket
import contextlib
import time
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from typing import NoReturn

from ..observer import Ending
from ..stream import Owner, Request
from .sockets import SocketGroup, SocketStream


class DetachedStream(SocketStream):
    """A stream on a socket of its own.

    It keeps the unsent rest of one chunk, and a mark that a newer frame waits: there is no queue,
    and a frame is never half sent.
    """

    __slots__ = ("moved_at", "rest")

    group: SocketGroup

    def __init__(self, sock: _socket.socket, owner: Owner, rotate_at: float) -> None:
        super().__init__(owner, rotate_at)
        self.sock = sock
        self.rest = b""
        self.is_behind = False
        self.moved_at = 0.0  # when its socket took something last; only while there is a rest

    def begin(self, request: Request) -> NoReturn:
        """Send the head of the response and the first frame; give up if there is none."""
        try:
            first = self.group.hub.greet(self)
        except BaseException:
            self.lose()
            raise
        self._send(write_head(request.headers) + first)
        raise StopIteration

    def offer(self, frame: bytes) -> None:
        """Have a frame sent, or marked as waiting."""
        if self.rest:
            self.is_behind = True
        else:
            self.group.hub.observer.sent(1, len(frame))
            self._send(frame)

    def keep(self, rest: bytes) -> None:
        """Keep what the socket has not taken; it is sent as soon as it can be."""
        self.rest = rest
        self.moved_at = self.group.hub.now()
        self.group.sockets.wait_for_room(self)

    def flush(self) -> None:
        """Send what is left of the last chunk, and then the newest frame if there is one."""
        try:
            sent = self.sock.send(self.rest)
        except BlockingIOError:
            return
        except OSError:
            self.lose()
            return
        self.moved_at = self.group.hub.now()
        self.rest = self.rest[sent:]
        if self.rest:
            return
        self.group.sockets.wait_no_more(self)
        if not self.is_open:
            self.close()
        elif self.is_behind:
            self.is_behind = False
            newest = self.group.hub.newest(self.page)
            self.group.hub.observer.sent(1, len(newest))
            self._send(newest)

    def look_after(self, now: float, stall_seconds: float) -> None:
        """Give it up where it took nothing for so long."""
        if self.rest and now - self.moved_at >= stall_seconds:
            self.lose(Ending.STALLED)

    def lose(self, ending: Ending = Ending.CLOSED) -> None:
        """Give it up: the other side is gone, or takes nothing any more."""
        if self.is_open:
            self.end(ending=ending)  # and so close it
        else:
            self.close()

    def close(self) -> None:
        """Close the socket, whatever it has not taken. Idempotent."""
        if self.sock.fileno() >= 0:
            self.group.sockets.remove(self)
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
            # Unread bytes from the client would turn the end of the connection into a reset, and a
            # reset may discard what the client has not read yet.
            with contextlib.suppress(OSError):
                self.sock.recv(65536)
            self._send(goodbye)
            if not self.rest:
                self.close()


def write_head(headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the head of a response that lasts until the connection is closed."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    return f"{_begin_head(int(time.time()))}{lines}\r\n".encode("latin-1")


@lru_cache(maxsize=1)
def _begin_head(seconds: int) -> str:
    date = formatdate(seconds, usegmt=True)
    return f"HTTP/1.1 200 OK\r\nDate: {date}\r\nConnection: close\r\n"
