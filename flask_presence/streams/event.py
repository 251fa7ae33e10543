"""The wire format of server-sent events (HTML Living Standard, section 9.2.5). Pure."""

from __future__ import annotations

import re

__all__ = ["encode_event", "join_events"]

# A comment: clients ignore it, proxies see that the connection lives.
PING = b": ping\n\n"

# The only line ends of the format. str.splitlines would also split on U+2028, VT, FF and others,
# and so change what the reader sees.
_LINE_END = re.compile(r"\r\n|\r|\n")
_NOT_IN_A_NAME = re.compile(r"[\r\n\0]")


def encode_event(data: str, *, event: str = "", retry_ms: int | None = None) -> bytes:
    """Return one complete event. Data always begins a line of its own, whatever it holds.

    htmx 4 swaps an event without a name into the page; one with a name is a DOM event only. It
    takes `retry` only from an event that has data. Raises `ValueError` for a name with a line end.
    """
    if _NOT_IN_A_NAME.search(event):
        raise ValueError(f"found the event name {event!r}, expected no line end and no NUL")
    lines = []
    if retry_ms is not None:
        lines.append(f"retry: {retry_ms:d}")
    if event:
        lines.append(f"event: {event}")
    lines += [f"data: {line}" for line in _LINE_END.split(data)]
    return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")


def join_events(*events: bytes) -> bytes:
    """Return one event that has the data of several; those that are b"" are skipped.

    They may hold nothing but data: of two names or retries, only the last would count.
    """
    return b"".join([event[:-1] for event in events]) + b"\n"


def with_return(frame: bytes, retry_ms: int, event_id: str) -> bytes:
    """Return a frame that also says after how long to come back, and with which Last-Event-ID."""
    if _NOT_IN_A_NAME.search(event_id):
        raise ValueError(f"found the event id {event_id!r}, expected no line end and no NUL")
    return b"retry: %d\nid: %b\n%b" % (retry_ms, event_id.encode(), frame)
