"""The load client: thousands of open streams in one thread, and every number that they get.

One process is enough: it may hold as many connections as a server's only worker.
"""

from __future__ import annotations

import itertools
import resource
import select
import socket
import time
from collections.abc import Callable
from typing import Self

from .stream import Events, read_events, read_head

# The most streams that wait for their first number: fewer than the shortest listen queue (2,048,
# gunicorn's and uvicorn's), because a connection that finds the queue full is retried after a
# second.
MAX_UNTOLD = 2_000
# A client's address has some 28,000 ports for one server, and the blog caps each address.
STREAMS_PER_ADDRESS = 10_000
IP_BIND_ADDRESS_NO_PORT = 24  # ip(7): the port is chosen in connect, so it may be used twice

REQUEST = b"GET %b HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"


class WrongCountError(Exception):
    """A wrong number came, or the right one did not: the benchmark is void."""


class Stream:
    """One open stream: the number it shows, since when, and the bytes of an incomplete event."""

    __slots__ = ("is_chunked", "rest", "shown", "since", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.is_chunked: bool | None = None  # until the head of the response has come
        self.rest = b""
        self.shown = 0
        self.since = 0.0


class Crowd:
    """Open streams, count what they are told, and refuse any number that was never true.

    The true numbers are those of open streams since all streams last agreed (`settle`). As long as
    streams only open, no stream may be told less than before; as long as they only close, no more.
    `late_leaves` is for a server that notices a closed stream only some time later: its numbers may
    be too high by as many as were closed since. Nothing runs by itself: `pump` and its callers read
    the sockets.
    """

    def __init__(self, port: int, path: str, *, late_leaves: bool = False) -> None:
        self.updates = 0  # numbers received by all
        self._late_leaves = late_leaves
        self._address = ("127.0.0.1", port)
        self._request = REQUEST % path.encode()
        self._epoll = select.epoll()
        self._streams: dict[int, Stream] = {}
        self._opened = 0
        self._unanswered = self._untold = 0
        self._target = 0
        self._at_target = 0
        self._low = self._high = self._joins = self._leaves = 0
        # All streams get the same bytes: each distinct chunk is parsed once.
        self._read: tuple[dict[bytes, Events], dict[bytes, Events]] = ({}, {})

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def unanswered(self) -> int:
        """How many streams have not yet got the head of their response."""
        return self._unanswered

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def open(self) -> tuple[Stream, float]:
        """Open one stream; return it, and the time just before."""
        sock = socket.socket()
        address = f"127.0.0.{2 + self._opened // STREAMS_PER_ADDRESS % 200}"
        self._opened += 1
        sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((address, 0))
        sock.settimeout(10)
        began = time.monotonic()
        sock.connect(self._address)
        sock.sendall(self._request)
        sock.setblocking(False)
        stream = Stream(sock)
        self._streams[sock.fileno()] = stream
        self._unanswered += 1
        self._untold += 1
        self._joins += 1
        ghosts = self._leaves if self._late_leaves else 0
        self._high = max(self._high, len(self) + ghosts)
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        return stream, began

    def open_many(
        self, count: int, seconds: float, tell: Callable[[int], object] = lambda joined: None
    ) -> None:
        """Open `count` streams as fast as the server tells them a number; `tell` for how many."""
        deadline = time.monotonic() + seconds
        wanted = len(self) + count
        while len(self) < wanted:
            self.open()
            while self._untold >= MAX_UNTOLD:
                self.pump(1.0)
                if time.monotonic() > deadline:
                    raise WrongCountError(f"{len(self) - self._untold} of {wanted} were told any")
            self.pump(0.0)
            tell(len(self) - self._untold)

    def leave(self, stream: Stream) -> float:
        """Close one stream as a browser does; return the time."""
        self._epoll.unregister(stream.sock.fileno())
        del self._streams[stream.sock.fileno()]
        self._at_target -= stream.shown == self._target
        self._unanswered -= stream.is_chunked is None
        self._untold -= stream.shown == 0
        self._leaves += 1
        self._low = min(self._low, len(self))
        moment = time.monotonic()
        stream.sock.shutdown(socket.SHUT_WR)  # unread bytes would make the close a reset
        stream.sock.close()
        return moment

    def pump(self, seconds: float) -> None:
        """Read what has come; wait for it so long."""
        for fd, _ in self._epoll.poll(seconds, 512):
            stream = self._streams.get(fd)
            if stream is not None:
                self._receive(stream)

    def pump_until(self, moment: float) -> None:
        """Read what comes until a moment."""
        while (left := moment - time.monotonic()) > 0:
            self.pump(left)

    def settle(self, count: int, seconds: float) -> None:
        """Read until every stream shows `count`; a `WrongCountError` if one does not in time."""
        self._target = count
        self._at_target = sum(stream.shown == count for stream in self._streams.values())
        deadline = time.monotonic() + seconds
        while self._at_target < len(self._streams):
            if time.monotonic() > deadline:
                shown = {stream.shown for stream in self._streams.values()} - {count}
                raise WrongCountError(
                    f"{len(self) - self._at_target} of {len(self)} readers were not told {count} "
                    f"within {seconds:g} s; they show {sorted(shown)[:8]} (0: nothing)"
                )
            self.pump(0.2)
        self._begin_anew()

    def close(self) -> None:
        """Close every stream. Idempotent."""
        for stream in self._streams.values():
            stream.sock.close()
        self._streams = {}
        self._epoll.close()

    def moments(self) -> dict[Stream, float]:
        """Return since when each stream has shown its number."""
        return {stream: stream.since for stream in self._streams.values()}

    def _begin_anew(self) -> None:
        """Forget the earlier true numbers, now that all streams agree."""
        self._low = self._high = len(self)
        self._joins = self._leaves = 0
        self._read = ({}, {})

    def _breaks_the_order(self, before: int, after: int) -> bool:
        if after < before:
            return not self._leaves
        return after > before and not self._joins and not self._late_leaves

    def _receive(self, stream: Stream) -> None:
        try:
            received = stream.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            raise WrongCountError(f"a stream broke off: {error}") from None
        now = time.monotonic()
        if not received:
            raise WrongCountError(f"the server closed a stream that showed {stream.shown}")
        if stream.rest:
            received = stream.rest + received
            stream.rest = b""
        if stream.is_chunked is None:
            head = read_head(received)
            if head is None:
                stream.rest = received
                return
            stream.is_chunked = head.is_chunked
            self._unanswered -= 1
            received = received[head.length :]
        known = self._read[stream.is_chunked]
        events = known.get(received)
        if events is None:
            events = self._learn(known, received, is_chunked=stream.is_chunked)
        if events.length < len(received):
            stream.rest = received[events.length :]
        if events.numbers:
            self._show(stream, events.numbers, now)

    def _show(self, stream: Stream, numbers: tuple[int, ...], now: float) -> None:
        self.updates += len(numbers)
        before, last = stream.shown, numbers[-1]
        if before == 0:
            self._untold -= 1
        elif numbers[0] != before and self._breaks_the_order(before, numbers[0]):
            raise WrongCountError(f"a stream was told {numbers[0]} after {before}")
        if last != before:
            self._at_target += (last == self._target) - (before == self._target)
            stream.shown = last
            stream.since = now

    def _learn(self, known: dict[bytes, Events], received: bytes, *, is_chunked: bool) -> Events:
        events = read_events(received, is_chunked=is_chunked)
        wrong = [n for n in events.numbers if not self._low <= n <= self._high]
        if wrong:
            raise WrongCountError(f"a stream was told {wrong[0]}, not {self._low} to {self._high}")
        for before, after in itertools.pairwise(events.numbers):
            if self._breaks_the_order(before, after):
                raise WrongCountError(f"a stream was told {after} after {before}")
        if len(known) > 10_000:
            known.clear()
        known[received] = events
        return events


def raise_file_limit() -> int:
    """Allow this process, and those it starts, as many files as it may have; return the limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
