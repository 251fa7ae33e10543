"""Reports what happens to the streams of a worker, for metrics."""

from __future__ import annotations

import enum

__all__ = ["Ending", "StreamObserver"]


class Ending(enum.Enum):
    """Why a stream ended, for metrics."""

    CLOSED = "the client closed it, or is gone"
    STALLED = "the client took nothing any more"
    RETURNS = "its tab was asked to come back at once"
    PARKED = "its tab was told to stay away until it is looked at"


class StreamObserver:
    """Called for streams and for what they are sent; does nothing itself.

    None of its methods may wait or raise. They are called once for a stream or a fan-out, never for
    each send, which would cost for each reader.
    """

    __slots__ = ()

    def opened(self, page: str) -> None:
        """Note that a stream of a page was opened."""

    def ended(self, page: str, ending: Ending) -> None:
        """Note that a stream of a page has ended, and why."""

    def refused(self, reason: str) -> None:
        """Note that a tab was asked to come back later."""

    def sent(self, frames: int, frame_bytes: int) -> None:
        """Note that streams were sent a frame of so many bytes: the first, or a change."""

    def fanned_out(self, worked_seconds: float, waited_seconds: float) -> None:
        """Note a change that was sent: how long sending took, and how long it waited for its turn.

        The time of sending leaves out the pauses in which the worker did other things.
        """


NOBODY = StreamObserver()
