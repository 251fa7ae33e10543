"""The streams of one page, and what they show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .stream import Group, Stream, Transport


@dataclass(slots=True)
class Page:
    """The streams of one page. All have `frame`, but those in `greeted` began with a newer one."""

    sent_at: float  # when something was last sent to all
    frame: bytes = b""
    greeted: dict[Stream, bytes] = field(default_factory=dict)
    groups: dict[Transport, Group[Any]] = field(default_factory=dict)
    not_before: float = 0.0
    count: int = 0  # of streams

    def streams(self) -> list[Stream]:
        return [stream for group in self.groups.values() for stream in group]
