"""A tab without a browser: one connection to /live, over TCP or a unix socket, any framing."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import Self

# The certificates are the tests' own.
TRUST_ALL = ssl.create_default_context()
TRUST_ALL.check_hostname = False
TRUST_ALL.verify_mode = ssl.CERT_NONE

Where = int | str  # a port of the loopback, or a unix socket's path


class Tab:
    """One request to /live, or another `path`.

    `body` is what the response carried so far, without its framing.
    """

    def __init__(
        self,
        where: Where,
        page: str = "index",
        *,
        path: str = "/live",
        headers: str = "",
        version: str = "1.1",
        receive_bytes: int | None = None,
        tls: bool = False,
    ) -> None:
        family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
        self.sock: socket.socket = socket.socket(family)
        if receive_bytes is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.sock.settimeout(5)
        self.sock.connect(where if isinstance(where, str) else ("127.0.0.1", where))
        if tls:
            self.sock = TRUST_ALL.wrap_socket(self.sock)
        request = f"GET {path}?page={page} HTTP/{version}\r\nHost: localhost\r\n{headers}\r\n"
        self.sock.sendall(request.encode())
        self.head = ""
        self.body = ""
        self.has_ended = False
        self._raw = b""

    def read_until(self, part: str, seconds: float = 5.0) -> str:
        """Read until the body has a text; return the body."""
        return self._read(lambda: part in self.body, f"no {part!r}", seconds)

    def read_until_last(self, part: str, seconds: float = 5.0) -> str:
        """Read until the newest event has a text; return the body."""

        def is_last() -> bool:
            return part in (self.events() or [""])[-1]

        return self._read(is_last, f"no last event with {part!r}", seconds)

    def read_for(self, seconds: float) -> None:
        """Read what comes within a time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not self.has_ended:
            self.sock.settimeout(left)
            with contextlib.suppress(TimeoutError):
                self._receive()

    def read_to_end(self, seconds: float = 5.0) -> str:
        """Read until the server has ended the response; return the body."""
        return self._read(lambda: self.has_ended, "no end", seconds)

    def events(self) -> list[str]:
        """Return the complete events so far, without comments; what is cut off is not one."""
        *events, _ = self.body.split("\n\n")
        return [event for event in events if not event.startswith(":")]

    @property
    def event_id(self) -> str:
        """What the tab says as Last-Event-ID when it comes back."""
        (line,) = [line for line in self.body.splitlines() if line.startswith("id: ")]
        return line.removeprefix("id: ")

    def reset(self) -> None:
        """Close with a reset, as a crashed machine's network does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def half_close(self) -> None:
        """Say that nothing more will be sent, and keep listening."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close. Idempotent."""
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _read(self, is_enough: Callable[[], bool], what: str, seconds: float) -> str:
        deadline = time.monotonic() + seconds
        while not is_enough():
            found = f"{what} within {seconds:g} s in:\n{self.head}\n{self.body[-3000:]}"
            assert not self.has_ended, f"{found}\nand it has ended"
            self.sock.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                self._receive()
            except TimeoutError:
                raise AssertionError(found) from None
        return self.body

    def _receive(self) -> None:
        received = self.sock.recv(65536)
        self.has_ended = not received
        self._raw += received
        self._take_in()

    def _take_in(self) -> None:
        if not self.head:
            head, separator, rest = self._raw.partition(b"\r\n\r\n")
            if not separator:
                return
            self.head, self._raw = head.decode(), rest
        if "transfer-encoding: chunked" not in self.head.lower():
            self.body += self._raw.decode()
            self._raw = b""
            return
        while b"\r\n" in self._raw:
            length, _, rest = self._raw.partition(b"\r\n")
            size = int(length, 16)
            if len(rest) < size + 2:
                return
            self.body += rest[:size].decode()
            self._raw = rest[size + 2 :]
            if size == 0:
                self.has_ended = True
