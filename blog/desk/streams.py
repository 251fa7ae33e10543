"""The streams of the desk: a hub of their own, for nobody counts there, and one frame a second."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import gevent

from blog.desk.passes import Pass
from flask_presence.streams.event import encode_event
from flask_presence.streams.hub import Hub, Limits
from flask_presence.streams.observer import Ending
from flask_presence.streams.portable.generator import PortableTransport
from flask_presence.streams.stream import Request, Stream

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PAGE = "desk"
SECONDS = 1.0
# A store that is away for less, as it restarts or its disk is busy, parts nobody from the desk.
FORGIVEN_SECONDS = 15.0
# Of one worker; an author has a few windows.
MOST_STREAMS = 32
# The page comes back when somebody looks at it: see templates/base.html.
PARK = encode_event("", event="park")
BUSY = encode_event("", event="busy", retry_ms=5000)
COME_BACK = encode_event("", event="drain", retry_ms=1000)


class DeskTab:
    """Whom a stream of the desk is for: who signed in with a pass. Counts nowhere."""

    event_id = ""

    def __init__(self, known: Pass, streams: dict[Stream, Pass]) -> None:
        self._known = known
        self._streams = streams

    def arrive(self, stream: Stream) -> None:
        """Take note of the stream."""
        self._streams[stream] = self._known

    def leave(self, stream: Stream, ending: Ending) -> None:
        """Forget it."""
        self._streams.pop(stream, None)


class DeskStreams:
    """Sends the desk's frame as it changes, and ends the streams of who may not be there any more.

    `is_good(pass)` asks for that; `render()` makes the frame's data and `part()` the last thing
    that those are told, `is_draining()` tells whether the worker stops. What runs for it begins
    with the first stream.
    """

    def __init__(
        self,
        limits: Limits,
        is_good: Callable[[Pass], bool],
        is_draining: Callable[[], bool],
    ) -> None:
        self.render: Callable[[], str] = lambda: ""
        self.part: Callable[[], str] = lambda: ""
        self._is_good = is_good
        self._is_draining = is_draining
        self._streams: dict[Stream, Pass] = {}
        self._hub = Hub(
            [PortableTransport()],
            lambda page: encode_event(self.render()),
            limits=dataclasses.replace(limits, pace_seconds=SECONDS),
        )
        self._looking: gevent.Greenlet[[], None] | None = None
        self._is_started = False

    def open(self, known: Pass, environ: WSGIEnvironment) -> Iterator[bytes]:
        """Return the body of a stream's response."""
        if self._is_draining():
            return iter([COME_BACK])
        if len(self._hub) >= MOST_STREAMS:
            return iter([BUSY])
        if not self._is_started:
            self._is_started = True
            self._hub.start()
        request = Request(environ, lambda *head: _refuse_write, [])
        opened = self._hub.open(PAGE, DeskTab(known, self._streams), request)
        if self._looking is None or self._looking.ready():
            self._looking = gevent.spawn(self._look_after)
        return iter(opened)

    @property
    def goodbye(self) -> bytes:
        """What a page is told whose stream is for the author, who is not there any more."""
        return encode_event(self.part()) + PARK

    def close(self) -> None:
        """End every stream, and what runs for them. Idempotent."""
        if self._looking is not None:
            self._looking.kill(block=False)
        if self._is_started:
            self._hub.close()

    def _look_after(self) -> None:
        """While there are streams: end those that may not stay, and have the frame made anew."""
        good_at: dict[Pass, float] = {}
        while self._streams:
            gevent.sleep(SECONDS)
            if self._is_draining():
                self._hub.end_all(lambda: COME_BACK)
                return
            self._hub.touch([PAGE])  # a look at the store may take its time
            now = time.monotonic()
            good_at = {known: good_at.get(known, now) for known in self._streams.values()}
            gone = {known for known in good_at if not self._may_stay(known, good_at)}
            for stream in [stream for stream, known in self._streams.items() if known in gone]:
                stream.end(self.goodbye, ending=Ending.PARKED)

    def _may_stay(self, known: Pass, good_at: dict[Pass, float]) -> bool:
        """Tell whether a pass is good; where nobody can say, whether it has been lately."""
        try:
            is_good = self._is_good(known)
        except Exception:  # noqa: BLE001 - whatever it is, it must not end the look at the others
            return time.monotonic() - good_at[known] < FORGIVEN_SECONDS
        good_at[known] = time.monotonic()
        return is_good


def _refuse_write(part: bytes) -> None:
    raise RuntimeError("found a call of start_response's write(), expected a returned body")
