"""The streams of one page, and what they show."""

from __future__ import annotations

import _socket
from collections.abc import Set
from dataclasses import dataclass, field

from .fast.detached import DetachedStream
from .portable.generator import GeneratorStream
from .stream import Stream


@dataclass(slots=True)
class Page:
    """The streams of one page. All have `frame`, but those in `greeted` began with a newer one."""

    sent_at: float  # when something was last sent to all
    frame: bytes = b""
    greeted: dict[Stream, bytes] = field(default_factory=dict)
    detached: dict[_socket.socket, DetachedStream] = field(default_factory=dict)
    others: set[GeneratorStream] = field(default_factory=set)
    not_before: float = 0.0

    def __len__(self) -> int:
        return len(self.detached) + len(self.others)

    def streams(self) -> list[Stream]:
        return [*self.detached.values(), *self.others]

    def without(self, few: Set[Stream]) -> tuple[list[_socket.socket], list[GeneratorStream]]:
        """Return all but a few. Takes the few out and in again: looking at each is what costs."""
        detached = {one.sock: one for one in few if isinstance(one, DetachedStream)}
        for sock in detached:
            del self.detached[sock]
        socks = list(self.detached)
        self.detached.update(detached)
        return socks, [one for one in self.others if one not in few]
