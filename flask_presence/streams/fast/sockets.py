"""The sockets of detached streams: one epoll for all, and one pass that sends to all of them."""

from __future__ import annotations

import _socket
import contextlib
import logging
import select
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Any

import gevent
from gevent import monkey

from ..stream import Group, Stream, StreamHub
from ..turns import Turns
from .ring import Ring, Short, send_each

log = logging.getLogger(__name__)

# gevent's patch removes it; called without waiting, the original never blocks the loop. Linux only.
try:
    _epoll: Callable[[], Any] | None = monkey.get_original("select", "epoll")
except AttributeError:
    _epoll = None
# The other side has shut down its half, whether or not unread bytes came before that.
_GONE = getattr(select, "EPOLLRDHUP", 0x2000) | select.POLLHUP | select.POLLERR
_WRITABLE = 4
_READABLE = 1
MAX_EVENTS = 256
# How many sockets are sent to between two looks at the clock: about a sixth of a slice.
BATCH = 64
# For fewer sockets a ring costs more than it saves.
RING_PAYS_FROM = 32


def can_take_over() -> bool:
    """Tell whether sockets can be taken over on this system at all."""
    return _epoll is not None


class SocketStream(Stream):
    """A stream, as seen by the code that watches and fills its socket."""

    __slots__ = ("is_behind", "sock")

    sock: _socket.socket
    is_behind: bool  # whether a newer frame than what is being sent waits

    @abstractmethod
    def lose(self) -> None:
        """Give it up: the other side is gone."""

    @abstractmethod
    def flush(self) -> None:
        """Send the rest: the socket takes something again."""

    @abstractmethod
    def keep(self, rest: bytes) -> None:
        """Keep what the socket has not taken; it is sent as soon as it can be."""

    @abstractmethod
    def look_after(self, now: float, stall_seconds: float) -> None:
        """Give it up if its socket took nothing for so long."""


class SocketGroup(Group[SocketStream]):
    """The streams of one page, by their sockets."""

    __slots__ = ("_streams", "sockets")

    def __init__(self, hub: StreamHub, page: str, sockets: Sockets) -> None:
        super().__init__(hub, page)
        self.sockets = sockets
        self._streams: dict[_socket.socket, SocketStream] = {}

    def __iter__(self) -> Iterator[SocketStream]:
        return iter(self._streams.values())

    def add(self, stream: SocketStream) -> None:
        """Take a stream in."""
        self._streams[stream.sock] = stream

    def discard(self, stream: SocketStream) -> None:
        """Take a stream out."""
        del self._streams[stream.sock]

    def send(self, chunk: bytes, turns: Turns, *, skip: Collection[Stream] = ()) -> None:
        """Send to all but a few: taking these out and back in costs less than looking at each."""
        is_ping = chunk is self.hub.ping
        few = {one.sock: one for one in skip if isinstance(one, SocketStream)}
        for sock in few:
            del self._streams[sock]
        socks = list(self._streams)
        self._streams.update(few)
        sent_to = self.sockets.send_to_all(socks, chunk, turns, is_ping=is_ping)
        if not is_ping:
            self.hub.observer.sent(sent_to, len(chunk))


class Sockets:
    """The sockets of all detached streams of a worker, watched by one epoll of their own.

    `slow` are those that have not taken a whole chunk yet. All calls come from one thread, and none
    of them waits but `send_to_all`.
    """

    def __init__(self) -> None:
        self.slow: dict[_socket.socket, SocketStream] = {}
        self._by_fd: dict[int, SocketStream] = {}
        self._epoll: Any = None
        self._watcher: Any = None
        self._ring: Ring | None = None

    def __len__(self) -> int:
        return len(self._by_fd)

    def start(self) -> None:
        """Begin to watch. Call in the process, and the thread, that serves. Idempotent."""
        if _epoll is not None and self._epoll is None:
            self._epoll = _epoll()
            self._watcher = gevent.get_hub().loop.io(self._epoll.fileno(), _READABLE)
            self._watcher.start(self._look)
            with contextlib.suppress(OSError):  # an older kernel, or one that is told not to
                self._ring = Ring(BATCH)

    def close(self) -> None:
        """Close every socket that is left, and stop watching. Idempotent."""
        for stream in list(self._by_fd.values()):
            stream.lose()
        epoll, self._epoll = self._epoll, None
        if epoll is not None:
            self._watcher.stop()
            self._watcher.close()
            epoll.close()
        if self._ring is not None:
            self._ring.close()
            self._ring = None

    def has_goodbyes(self) -> bool:
        """Tell whether a stream that has ended still has something to send."""
        return any(not stream.is_open for stream in self.slow.values())

    def add(self, stream: SocketStream) -> None:
        """Watch a socket: its stream is told when the other side is gone."""
        fd = stream.sock.fileno()
        self._epoll.register(fd, _GONE)
        self._by_fd[fd] = stream

    def remove(self, stream: SocketStream) -> None:
        """Stop watching a socket, which is about to be closed: its number is soon another's."""
        fd = stream.sock.fileno()
        del self._by_fd[fd]
        self.slow.pop(stream.sock, None)
        self._epoll.unregister(fd)

    def wait_for_room(self, stream: SocketStream) -> None:
        """Have a stream told when its socket takes something again."""
        if stream.sock not in self.slow:
            self.slow[stream.sock] = stream
            self._epoll.modify(stream.sock.fileno(), _GONE | _WRITABLE)

    def wait_no_more(self, stream: SocketStream) -> None:
        """Note that a stream's socket has taken everything."""
        del self.slow[stream.sock]
        self._epoll.modify(stream.sock.fileno(), _GONE)

    def send_to_all(
        self, socks: Iterable[_socket.socket], chunk: bytes, turns: Turns, *, is_ping: bool
    ) -> int:
        """Send a frame or a ping, in slices; return to how many.

        A stream that still has a rest of the last chunk is only marked. Streams may end between two
        slices. Their sockets then report that they are closed: unlike a descriptor's number, a
        socket object never becomes another connection's.
        """
        sent_to = 0
        waiting = iter(socks)
        while batch := list(islice(waiting, BATCH)):
            if self.slow:
                batch = [sock for sock in batch if not self._mark_slow(sock, is_ping=is_ping)]
            sent_to += len(batch)
            for sock, sent in self._send(batch, chunk):
                stream = self._by_fd.get(sock.fileno())  # -1 where it is closed
                if sent < 0:
                    sent_to -= 1
                    if stream is not None:
                        stream.lose()
                elif stream is not None:
                    stream.keep(chunk[sent:])
            turns.rest_if_due()
        return sent_to

    def _mark_slow(self, sock: _socket.socket, *, is_ping: bool) -> bool:
        """Tell whether a socket has yet to take a rest; if so, mark its stream as owed a frame."""
        stream = self.slow.get(sock)
        if stream is None:
            return False
        stream.is_behind |= not is_ping
        return True

    def _send(self, socks: list[_socket.socket], chunk: bytes) -> Short:
        if self._ring is None or len(socks) < RING_PAYS_FROM:
            return send_each(socks, chunk)
        try:
            return self._ring.send(socks, chunk)
        except OSError:
            # It is unknown what these were sent: they end, and their tabs come back. From now on
            # each socket takes a call of its own.
            log.exception("streams: io_uring failed, and is not used any more")
            self._ring.close()
            self._ring = None
            return [(sock, -1) for sock in socks]

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
