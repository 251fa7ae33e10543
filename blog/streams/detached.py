"""The fast transport: sockets taken over from gunicorn, all of them behind one epoll.

No greenlet and nothing of the web framework stays behind for an open stream: one small object, and
the socket itself. What it costs is what the kernel asks for.
"""

from __future__ import annotations

import _socket
import contextlib
import logging
import select
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import gevent
import gevent.socket
from gevent import monkey

from .event import PING
from .peers import doubt_peer
from .stream import OnEnd, Stream

if TYPE_CHECKING:
    from .hub import Hub
    from .turns import Turns

log = logging.getLogger(__name__)

# gevent's patch removes it; asked with no waiting, the original never blocks the loop. Linux only.
try:
    _epoll: Callable[[], Any] | None = monkey.get_original("select", "epoll")
except AttributeError:
    _epoll = None
# The other side has shut down its half, be there unread bytes before it or not.
_GONE = getattr(select, "EPOLLRDHUP", 0x2000) | select.POLLHUP | select.POLLERR
_WRITABLE = 4
_READABLE = 1
MAX_EVENTS = 256
# How many are sent to between two looks at the clock: about a sixth of a slice.
BATCH = 64

_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)


def can_take_over() -> bool:
    """Tell whether sockets can be taken over on this system at all."""
    return _epoll is not None


def find_detachable(environ: Mapping[str, Any]) -> gevent.socket.socket | None:
    """Return gunicorn's socket where a stream may take it over, else None.

    Not one with TLS, whose bytes the kernel does not know, nor one with HTTP/2, which other
    requests share. Raising `StopIteration` makes gunicorn end the request without a word.
    """
    sock = environ.get("gunicorn.socket")
    if (
        _epoll is None
        or type(sock) is not gevent.socket.socket
        or sock.family not in _FAMILIES
        or not str(environ.get("SERVER_PROTOCOL")).startswith("HTTP/1.")
    ):
        return None
    return sock


def take_from(server_sock: gevent.socket.socket) -> _socket.socket:
    """Take the connection out of a server's socket, which is closed for the server from then on.

    The same descriptor and no duplicate: where the server waited for the request, the event loop
    still has that number in its own epoll, and must be able to take it out. The type is the C one:
    48 bytes, and it does not wait. (`os.write` would need no object, but is slower by a tenth: for
    the kernel a write to a file comes before a send.)
    """
    doubt_peer(server_sock)
    family, kind, protocol = server_sock.family, server_sock.type, server_sock.proto
    return _socket.socket(family, kind, protocol, server_sock.detach())


def write_head(headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the head of a response that lasts until the connection is closed."""
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    date = _write_date(int(time.time()))
    return f"HTTP/1.1 200 OK\r\nDate: {date}\r\nConnection: close\r\n{''.join(lines)}\r\n".encode()


@lru_cache(maxsize=1)
def _write_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


class Sockets:
    """The sockets of all detached streams of a worker, watched by one epoll of their own.

    `slow` are those that have not taken a whole chunk yet. All calls come from one thread, and none
    of them waits but `send_to_all`.
    """

    def __init__(self) -> None:
        self.slow: dict[_socket.socket, DetachedStream] = {}
        self._by_fd: dict[int, DetachedStream] = {}
        self._epoll: Any = None
        self._watcher: Any = None

    def __len__(self) -> int:
        return len(self._by_fd)

    def start(self) -> None:
        """Begin to watch. Call in the process, and the thread, that serves. Idempotent."""
        if _epoll is not None and self._epoll is None:
            self._epoll = _epoll()
            self._watcher = gevent.get_hub().loop.io(self._epoll.fileno(), _READABLE)
            self._watcher.start(self._look)

    def close(self) -> None:
        """Close every socket that is left, and stop watching. Idempotent."""
        for stream in list(self._by_fd.values()):
            stream.lose()
        epoll, self._epoll = self._epoll, None
        if epoll is not None:
            self._watcher.stop()
            self._watcher.close()
            epoll.close()

    def add(self, stream: DetachedStream) -> None:
        """Watch a socket: its stream is told when the other side is gone."""
        fd = stream.sock.fileno()
        self._epoll.register(fd, _GONE)
        self._by_fd[fd] = stream

    def remove(self, stream: DetachedStream) -> None:
        """Stop watching a socket, which is about to be closed: its number is soon another's."""
        fd = stream.sock.fileno()
        del self._by_fd[fd]
        self.slow.pop(stream.sock, None)
        self._epoll.unregister(fd)

    def wait_for_room(self, stream: DetachedStream) -> None:
        """Have a stream told when its socket takes something again."""
        if stream.sock not in self.slow:
            self.slow[stream.sock] = stream
            self._epoll.modify(stream.sock.fileno(), _GONE | _WRITABLE)

    def wait_no_more(self, stream: DetachedStream) -> None:
        """Note that a stream's socket has taken everything."""
        del self.slow[stream.sock]
        self._epoll.modify(stream.sock.fileno(), _GONE)

    def send_to_all(self, socks: Iterable[_socket.socket], chunk: bytes, turns: Turns) -> None:
        """Send a frame or a ping, in slices; one with a rest of the last chunk is only marked.

        Between two slices streams end. Their sockets are closed, and say so: unlike a descriptor's
        number, a socket never becomes another connection's.
        """
        size, slow = len(chunk), self.slow
        waiting = iter(socks)
        while batch := list(islice(waiting, BATCH)):
            for sock in batch:
                if sock in slow:
                    slow[sock].is_behind |= chunk is not PING
                    continue
                try:
                    sent = sock.send(chunk)
                except BlockingIOError:
                    sent = 0
                except OSError:
                    stream = self._by_fd.get(sock.fileno())  # -1 where it is closed
                    if stream is not None:
                        stream.lose()
                    continue
                if sent != size:
                    self._by_fd[sock.fileno()].keep(chunk[sent:])
            turns.rest_if_due()

    def _look(self) -> None:
        for fd, events in self._epoll.poll(0, MAX_EVENTS):
            stream = self._by_fd.get(fd)
            if stream is None:  # ended by what an earlier one of these brought about
                continue
            try:
                if events & _GONE:
                    stream.lose()
                else:
                    stream.flush()
            except Exception:  # one stream's fault must not hide what the others are told
                log.exception("streams: a socket's event was not understood")


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
        """Send the head of the response and the first frame."""
        self._send(head + self._hub.greet(self))

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
            self._send(self._hub.newest(self.page))

    def look_after(self, now: float, stall_seconds: float) -> None:
        """Give it up where it took nothing for so long."""
        if self.rest and now - self.moved_at >= stall_seconds:
            self.lose()

    def lose(self) -> None:
        """Give it up: the other side is gone, or takes nothing any more."""
        self.end()
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
