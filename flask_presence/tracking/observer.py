"""Reports what happens to a worker's own presences and to its protocol, for metrics."""

from __future__ import annotations


class Observer:
    """Told what a tracker does; does nothing itself. None of its methods may wait or raise."""

    __slots__ = ()

    def changed(self, joins: int, leaves: int) -> None:
        """Note that so many of this worker's own presences joined and left."""

    def missed(self) -> None:
        """Note a gap: a message that another worker published before its last one was not heard."""

    def went_deaf(self) -> None:
        """Note that a subscription was replaced because it did not bring our own messages."""

    def answered(self, step: str, seconds: float) -> None:
        """Note a call that the store answered, and how long that took.

        `step` is append, heartbeat, put, digest or fetch. The time includes the call's wait for its
        turn in this worker.
        """

    def failed(self, step: str) -> None:
        """Note a call that the store did not answer."""

    def lost_slot(self) -> None:
        """Note that the store no longer had the slot as this worker knew it."""


NOBODY = Observer()
