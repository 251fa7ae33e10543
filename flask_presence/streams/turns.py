"""Long work in short slices, so that a worker answers its page requests in between."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Turns", "wait_a_round"]

# A page request waits for one slice at most before its own work.
SLICE_SECONDS = 0.0015
# No slice works so long. One that took longer did not: the process stood still (SIGSTOP, a machine
# that has too much to do), and must not rest in proportion to that.
MOST_SECONDS = 0.25
# Long enough for one round of the event loop, which looks at every socket; `gevent.sleep(0)` does
# not, as it only yields to greenlets that are ready already.
NEXT_ROUND_SECONDS = 1e-9
# In a round timers come before sockets, and greenlets that sockets start run in the next round.
ROUNDS = 2


def wait_a_round() -> None:
    """Let every socket and every greenlet that is ready have its turn first."""
    import gevent

    for _ in range(ROUNDS):
        gevent.sleep(NEXT_ROUND_SECONDS)


class Turns:
    """The slices of one piece of work, and the time that was spent in them."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.worked_seconds = 0.0
        self._now = now
        self._began = now()

    def rest_if_due(self) -> bool:
        """Let everything else have its turn if the slice is over; return whether it was."""
        if self._now() - self._began < SLICE_SECONDS:
            return False
        self.stop()
        wait_a_round()
        self._began = self._now()
        return True

    def stop(self) -> float:
        """End the last slice; return how long all of them worked."""
        now = self._now()
        self.worked_seconds += min(now - self._began, MOST_SECONDS)
        self._began = now
        return self.worked_seconds
