"""A reader's stream without a browser: one plain connection."""

from __future__ import annotations

import socket
import struct
import time
from typing import Self

from tests.site import Site


class OpenStream:
    """One request to /live, read as it comes. `text` holds everything received so far."""

    def __init__(self, site: Site, page: str = "index", *, headers: str = "") -> None:
        self.sock = socket.create_connection(("127.0.0.1", site.port), timeout=5)
        request = f"GET /live?page={page} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"
        self.sock.sendall(request.encode())
        self.text = ""

    def read_until(self, part: str, seconds: float = 5.0) -> str:
        """Read until a text has come."""
        deadline = time.monotonic() + seconds
        while part not in self.text:
            self.sock.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                received = self.sock.recv(65536)
            except TimeoutError:
                raise AssertionError(f"no {part!r} within {seconds} s in:\n{self.text}") from None
            if not received:
                raise AssertionError(f"the stream ended without {part!r}:\n{self.text}")
            self.text += received.decode()
        return self.text

    @property
    def event_id(self) -> str:
        """What its tab says as Last-Event-ID when it comes back."""
        (line,) = [line for line in self.text.splitlines() if line.startswith("id: ")]
        return line.removeprefix("id: ")

    def read_to_end(self, seconds: float = 5.0) -> str:
        """Read until the server closes or finishes the response."""
        deadline = time.monotonic() + seconds
        while not self.text.endswith("0\r\n\r\n"):
            self.sock.settimeout(max(0.01, deadline - time.monotonic()))
            received = self.sock.recv(65536)
            if not received:
                break
            self.text += received.decode()
        return self.text

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
