"""When a reader's tabs are asked whether they are still open, and how often."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import gevent

from .bounded import put_last

# A tab that comes back may have been open all the time, or may have come out of the back/forward
# cache in place of another one, so its reader's other tabs are probed: MOST_PROBES times at once,
# and once more every PROBE_SECONDS. Without the limit, two tabs on a line so slow that they come
# back too late would probe each other for ever.
MOST_PROBES = 16
PROBE_SECONDS = 30.0
# If it comes back in time, all the reader's tabs are probed after so long a silence, and again ever
# later after the last probe: a tab that comes back then has answered that, or is the next turn of
# one who goes back and forth.
SETTLE_SECONDS = 0.25
ROUNDS_SECONDS = (0.0, 1.25, 2.5, 5.0)


class Probes:
    """Has the tabs of a reader probed by `ask(key, newest)`, which need not ask the newest.

    A tab that is open comes back within `return_seconds`.
    """

    def __init__(self, ask: Callable[[str, str], None], *, return_seconds: float) -> None:
        self._ask = ask
        self._return_seconds = return_seconds
        self._left: dict[str, tuple[float, float]] = {}  # by key: how many are left, and when
        self._settling: dict[str, gevent.Greenlet[..., None]] = {}  # by key
        self._settled: dict[str, tuple[float, int]] = {}  # by key: when, and how often in a row

    def close(self) -> None:
        """Begin no more."""
        gevent.killall(list(self._settling.values()), block=False)

    def begin_anew(self, key: str) -> None:
        """Note that a reader opened a page: all rounds are allowed again."""
        settled, _ = self._settled.get(key, (-math.inf, 0))
        put_last(self._settled, key, (settled, 0))

    def settle_later(self, key: str) -> None:
        """Probe all tabs of a reader, one of which came back in time, once no more do so.

        Any of them may be in view, not only the newest, if an older page was kept whole. A tab that
        comes back next either answers this probe, or its reader still goes back and forth; further
        probes tell which. One that comes later than an answer may is a turn, and begins anew.
        """
        settled, rounds = self._settled.get(key, (-math.inf, 0))
        ago = time.monotonic() - settled
        if ago >= self._return_seconds:
            rounds = 0
        elif rounds == len(ROUNDS_SECONDS):
            return
        if (settling := self._settling.pop(key, None)) is not None:
            settling.kill(block=False)
        delay = max(SETTLE_SECONDS, ROUNDS_SECONDS[rounds] - ago)
        self._settling[key] = gevent.spawn_later(delay, self._settle, key, rounds + 1)

    def _settle(self, key: str, rounds: int) -> None:
        del self._settling[key]
        if self.take(key):
            put_last(self._settled, key, (time.monotonic(), rounds))
            self._ask(key, "")

    def take(self, key: str) -> bool:
        """Take one of the probes allowed to a reader's returning tabs; False if none is left."""
        now = time.monotonic()
        count, since = self._left.get(key, (MOST_PROBES, now))
        count = min(MOST_PROBES, count + (now - since) / PROBE_SECONDS)
        put_last(self._left, key, (max(0.0, count - 1), now))
        return count >= 1
