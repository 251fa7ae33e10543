"""A stream server that counts its readers and may lie. Usage: stub_server.py PORT LIE"""

from __future__ import annotations

import collections
import selectors
import socket
import sys
import time
from collections.abc import Sequence

from bench.frame import make_html

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
PING = b": ping\n\n"
LAG_SECONDS = 1.25


def encode(count: int) -> bytes:
    return b"".join(b"data: %b\n" % line.encode() for line in make_html(count).split("\n")) + b"\n"


class StubServer:
    """Tells everyone each new count, at once; `lie` is what it does wrong, or `nothing`."""

    def __init__(self, port: int, lie: str) -> None:
        self.lie = lie
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.streams: list[socket.socket] = []
        self.quiet_since = time.monotonic()
        self.late: collections.deque[tuple[float, bytes]] = collections.deque()

    def serve(self) -> None:
        while True:
            while self.late and self.late[0][0] < time.monotonic():
                self.send(self.late.popleft()[1])
            for key, _ in self.selector.select(0.05):
                if key.fileobj is self.listener:
                    self.join(self.listener.accept()[0])
                elif not self.receive(key.fileobj):  # type: ignore[arg-type]
                    self.leave(key.fileobj)  # type: ignore[arg-type]
            if self.streams and time.monotonic() > self.quiet_since + 0.2:
                self.quiet_since = time.monotonic()
                self.keep_quiet()

    def join(self, stream: socket.socket) -> None:
        self.selector.register(stream, selectors.EVENT_READ)
        self.streams.append(stream)
        stream.sendall(HEAD)
        self.tell()

    def receive(self, stream: socket.socket) -> bytes:
        try:
            return stream.recv(4096)
        except ConnectionResetError:
            return b""

    def leave(self, stream: socket.socket) -> None:
        self.selector.unregister(stream)
        self.streams.remove(stream)
        stream.close()
        if self.lie != "misses leaves":
            self.tell()

    def tell(self) -> None:
        count = len(self.streams)
        self.quiet_since = time.monotonic()
        if self.lie == "counts one too many":
            count += 1
        elif self.lie == "never gets beyond 30":
            count = min(count, 30)
        elif self.lie == "falls while readers join" and count == 35:
            self.send(encode(33))
        forgotten = self.streams[7:8] if self.lie == "forgets one reader" and count == 41 else []
        if self.lie == "is late":
            self.late.append((self.quiet_since + LAG_SECONDS, encode(count)))
            return
        self.send(encode(count), forgotten)

    def keep_quiet(self) -> None:
        self.send(PING)
        if self.lie == "comes back to an old number" and len(self.streams) == 40:
            self.send(encode(39) + encode(40))
        if self.lie == "closes a stream" and len(self.streams) == 40:
            self.selector.unregister(self.streams[7])
            self.streams.pop(7).close()

    def send(self, event: bytes, forgotten: Sequence[socket.socket] = ()) -> None:
        for stream in self.streams:
            if stream in forgotten:
                continue
            try:
                stream.sendall(event)
            except (BrokenPipeError, ConnectionResetError):
                continue  # its end is read in a moment


if __name__ == "__main__":
    StubServer(int(sys.argv[1]), sys.argv[2]).serve()
