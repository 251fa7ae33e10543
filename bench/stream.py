"""Read what a stream's server sent: the head of its response, chunks, events, numbers. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

_NUMBER = re.compile(rb">(\d+) readers? online<")
_EVENT_END = re.compile(rb"\r\n\r\n|\n\n")


class ProtocolError(ValueError):
    """The response is not an event stream."""


class Head(NamedTuple):
    """The relevant part of a response's head: its length, and whether chunks follow."""

    length: int
    is_chunked: bool


class Events(NamedTuple):
    """The complete events at the start of some bytes: their numbers, and how long they are."""

    numbers: tuple[int, ...]
    length: int


def read_head(received: bytes) -> Head | None:
    """Read the head of a response; None while it is not complete."""
    head, end, _ = received.partition(b"\r\n\r\n")
    if not end:
        return None
    status, *lines = head.lower().split(b"\r\n")
    fields = dict(line.split(b":", 1) for line in lines)
    if b" 200" not in status or b"text/event-stream" not in fields.get(b"content-type", b""):
        raise ProtocolError(f"found {head[:300]!r}, expected an event stream")
    return Head(len(head) + len(end), b"chunked" in fields.get(b"transfer-encoding", b""))


def read_events(received: bytes, *, is_chunked: bool) -> Events:
    """Read the events that are complete. An event without a number is a ping, or a greeting.

    The length ends at the end of an event that is also the end of a chunk, if there are chunks:
    only from there can the rest be read without the bytes before it.
    """
    if not is_chunked:
        ends = [match.end() for match in _EVENT_END.finditer(received)]
        length = ends[-1] if ends else 0
        return Events(_read_numbers(received[:length]), length)
    numbers: tuple[int, ...] = ()
    text, length, position = b"", 0, 0
    while (chunk := _read_chunk(received, position)) is not None:
        part, position = chunk
        text += part
        if text.endswith((b"\n\n", b"\r\n\r\n")):
            numbers += _read_numbers(text)
            text, length = b"", position
    return Events(numbers, length)


def _read_numbers(text: bytes) -> tuple[int, ...]:
    return tuple(map(int, _NUMBER.findall(text)))


def _read_chunk(received: bytes, start: int) -> tuple[bytes, int] | None:
    """Return the chunk that starts there and where the next one starts; None if incomplete."""
    size_end = received.find(b"\r\n", start)
    if size_end < 0:
        return None
    try:
        size = int(received[start:size_end].partition(b";")[0], 16)
    except ValueError:
        raise ProtocolError(f"found {received[start:size_end]!r}, expected a chunk") from None
    if size == 0:
        raise ProtocolError("the server ended a stream")
    end = size_end + 2 + size
    if len(received) < end + 2:
        return None
    return received[size_end + 2 : end], end + 2
