"""The load client: it sends the same request again and again and checks each answer."""

from __future__ import annotations

import gzip
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

# So many requests are under way at a time.
CONNECTIONS = 8
SECONDS = 10.0

UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.decompress,
}


class WrongAnswerError(Exception):
    """An answer that is not the page that was asked for: the benchmark is void."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, unpacked."""

    status: int
    coding: str
    etag: str
    body: bytes
    length: int  # of the body, as it was sent


@dataclass(slots=True)
class Question:
    """A request and the expected answer: its status, its coding, texts that it contains."""

    path: str
    accepts: str = ""
    known_etag: str = ""
    status: int = 200
    coding: str = ""
    texts: tuple[str, ...] = ()
    _right: set[bytes] = field(default_factory=set, init=False)  # bodies that were looked at

    def write(self, *, keeps: bool) -> bytes:
        """Return the request with the other headers that a browser sends."""
        lines = [
            f"GET {self.path} HTTP/1.1",
            "Host: blog.example",
            f"Connection: {'keep-alive' if keeps else 'close'}",
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "Accept-Language: en-US,en;q=0.5",
        ]
        if self.accepts:
            lines.append(f"Accept-Encoding: {self.accepts}")
        if self.known_etag:
            lines.append(f"If-None-Match: {self.known_etag}")
        return "\r\n".join([*lines, "", ""]).encode()

    def check(self, head: bytes, body: bytes) -> None:
        """Raise `WrongAnswerError` if an answer is not right; unpack only what is new."""
        status, coding = read_status(head), read_header(head, "Content-Encoding")
        if (status, coding) != (self.status, self.coding):
            raise WrongAnswerError(
                f"{self.path}: found {status} {coding!r}, expected {self.status} {self.coding!r}"
            )
        if body in self._right:
            return
        page = UNPACK[coding](body)
        for text in self.texts:
            if text.encode() not in page:
                raise WrongAnswerError(f"{self.path}: found a page without {text!r}")
        self._right.add(body)


def ask(port: int, question: Question) -> Answer:
    """Ask once; return the answer as it is."""
    with _connect(port) as sock:
        sock.sendall(question.write(keeps=False))
        head, body = _read(sock)
    coding = read_header(head, "Content-Encoding")
    page = UNPACK[coding](body)
    return Answer(read_status(head), coding, read_header(head, "ETag"), page, len(body))


def ask_often(port: int, question: Question, count: int, *, keeps: bool) -> None:
    """Ask at least so often, over kept connections or over a new one each time."""
    request = question.write(keeps=keeps)
    kept = [_connect(port) for _ in range(CONNECTIONS)] if keeps else []
    try:
        for _ in range(-(-count // CONNECTIONS)):
            for head, body in _ask_at_once(port, kept, request):
                question.check(head, body)
    finally:
        for sock in kept:
            sock.close()


def _ask_at_once(
    port: int, kept: list[socket.socket], request: bytes
) -> Iterator[tuple[bytes, bytes]]:
    socks = kept or [_connect(port) for _ in range(CONNECTIONS)]
    for sock in socks:
        sock.sendall(request)
    for sock in socks:
        yield _read(sock)
        if not kept:
            sock.close()


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=SECONDS)


def _read(sock: socket.socket) -> tuple[bytes, bytes]:
    received = b""
    while not (parts := received.partition(b"\r\n\r\n"))[1]:
        received += _receive(sock)
    head, _, body = parts
    length = int(read_header(head, "Content-Length") or 0) if read_status(head) != 304 else 0
    while len(body) < length:
        body += _receive(sock)
    return head, body


def _receive(sock: socket.socket) -> bytes:
    received = sock.recv(262_144)
    if not received:
        raise WrongAnswerError("the connection was closed within an answer")
    return received


def read_status(head: bytes) -> int:
    """Return the status of an answer."""
    return int(head[9:12])


def read_header(head: bytes, name: str) -> str:
    """Return a header of an answer, or nothing."""
    found = re.search(rb"\r\n" + name.encode() + rb": *([^\r]*)", head, re.IGNORECASE)
    return found[1].decode("latin-1") if found else ""
