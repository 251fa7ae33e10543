"""A thread between a node and its server, which hurts the node's subscription and nothing else."""

from __future__ import annotations

import contextlib
import selectors
import socket
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

CHUNK_BYTES = 65536
# A node that takes nothing for so long is stopped, and its test over.
SEND_SECONDS = 5.0
SUBSCRIBED = b"*3\r\n$9\r\nsubscribe\r\n"
MESSAGE = b"*3\r\n$7\r\nmessage\r\n"
STOP, RELEASE = b"s", b"r"


@dataclass(slots=True, eq=False)
class Link:
    """One connection of the node, and ours to the server that belongs to it."""

    client: socket.socket
    server: socket.socket
    is_subscription: bool = False
    is_silent: bool = False
    is_closed: bool = False
    received: bytearray = field(default_factory=bytearray)
    held_back: bytes = b""

    def take_frames(self, received: bytes) -> list[bytes]:
        """Return every frame that is whole by now."""
        self.received += received
        frames = []
        while (end := find_end(self.received)) is not None:
            frames.append(bytes(self.received[:end]))
            del self.received[:end]
        return frames


class Proxy:
    """Listens at `url` for one node.

    The verbs change what becomes of the messages from now on, together where that makes sense.
    `faults` counts how many messages they have hurt; `subscriptions`, how many the server has
    confirmed; `last_fault` and `last_subscription` are when that was last, by `time.monotonic`.
    """

    def __init__(self, server_url: str) -> None:
        self._server_path = server_url.removeprefix("unix://")
        self._folder = tempfile.TemporaryDirectory(prefix="px-")
        path = str(Path(self._folder.name) / "proxy.sock")
        self.url = f"unix://{path}"
        self.subscriptions = 0
        self.faults = 0
        self.last_fault = self.last_subscription = 0.0
        self._lock = threading.Lock()  # over what the verbs change
        self._drops, self._victim = 0, b""
        self._doubles = self._reorders = False
        self._links: list[Link] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._waker, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._thread = threading.Thread(target=self._serve, name="proxy", daemon=True)
        self._thread.start()

    # -- Verbs ----------------------------------------------------------------------------------

    def drop_messages(self, number: int, containing: bytes = b"") -> None:
        """Drop the next messages, or the next that contain these bytes."""
        with self._lock:
            self._drops, self._victim = number, containing

    def double_messages(self) -> None:
        """Deliver each message twice."""
        with self._lock:
            self._doubles = True

    def reorder_messages(self) -> None:
        """Hold every other message back, and deliver it after the next."""
        with self._lock:
            self._reorders = True

    def silence_subscription(self) -> None:
        """Leave the node's present subscription open, and let nothing more of it through."""
        with self._lock:
            for link in self._links:
                link.is_silent = link.is_subscription
            self._note_fault()

    def pass_everything(self) -> None:
        """Hurt no message from now on; deliver those held back. A silent subscription stays so."""
        with self._lock:
            self._drops, self._doubles, self._reorders = 0, False, False
        self._waker.sendall(RELEASE)

    def seconds_since_last_fault(self) -> float:
        """Return how long ago a message was hurt."""
        return time.monotonic() - self.last_fault

    # -- Life -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Cut every connection and end the thread."""
        self._waker.sendall(STOP)
        self._thread.join()
        for link in self._links:
            link.client.close()
            link.server.close()
        for each in (self._selector, self._listener, self._waker, self._woken):
            each.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    # -- In the thread --------------------------------------------------------------------------

    def _serve(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        while True:
            for ready, _ in self._selector.select():
                if ready.fileobj is self._listener:
                    self._accept()
                elif ready.fileobj is not self._woken:
                    self._forward(ready.data, ready.fileobj)
                elif STOP in self._woken.recv(64):
                    return
                else:
                    self._release()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self._server_path)
        except OSError:  # no server: neither are we
            server.close()
            client.close()
            return
        link = Link(client, server)
        with self._lock:
            self._links.append(link)
        for each in (client, server):
            each.settimeout(SEND_SECONDS)
            self._selector.register(each, selectors.EVENT_READ, link)

    def _forward(self, link: Link, source: object) -> None:
        if link.is_closed:  # by what was ready at the same time
            return
        try:
            if source is link.client:
                received = link.client.recv(CHUNK_BYTES)
                if not link.is_silent:
                    link.server.sendall(received)
            else:
                received = link.server.recv(CHUNK_BYTES)
                self._deliver(link, received)
        except OSError:
            received = b""
        if not received:
            self._cut(link)

    def _deliver(self, link: Link, received: bytes) -> None:
        with self._lock:
            passed = b"".join(self._pass(link, frame) for frame in link.take_frames(received))
            if link.is_silent:
                return
        link.client.sendall(passed)

    def _pass(self, link: Link, frame: bytes) -> bytes:
        """Return what is to be delivered now that this frame has come."""
        if frame.startswith(SUBSCRIBED):
            link.is_subscription = True
            self.last_subscription = time.monotonic()
            self.subscriptions += 1
        if not (link.is_subscription and frame.startswith(MESSAGE)):
            return frame
        if self._drops and self._victim in frame:
            self._drops -= 1
            self._note_fault()
            return b""
        if self._doubles:
            self._note_fault()
            frame += frame
        if link.held_back:
            self._note_fault()
            frame, link.held_back = frame + link.held_back, b""
        elif self._reorders:
            frame, link.held_back = b"", frame
        return frame

    def _release(self) -> None:
        for link in self._links:
            with contextlib.suppress(OSError):  # the node has gone: `_forward` will see it
                link.client.sendall(link.held_back)
            link.held_back = b""

    def _cut(self, link: Link) -> None:
        link.is_closed = True
        with self._lock:
            self._links.remove(link)
        for each in (link.client, link.server):
            self._selector.unregister(each)
            each.close()

    def _note_fault(self) -> None:
        self.faults += 1
        self.last_fault = time.monotonic()


def find_end(received: bytes | bytearray, start: int = 0) -> int | None:
    """Return where the RESP2 frame that begins at `start` ends, None where it is not whole yet.

    See https://valkey.io/topics/protocol/.
    """
    line_end = received.find(b"\r\n", start)
    if line_end < 0:
        return None
    kind, number = received[start : start + 1], received[start + 1 : line_end]
    end: int | None = line_end + 2
    if kind == b"$" and int(number) >= 0:
        end = line_end + 2 + int(number) + 2
        return end if end <= len(received) else None
    if kind == b"*":
        for _ in range(int(number)):
            if end is not None:
                end = find_end(received, end)
    return end
