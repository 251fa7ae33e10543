"""The waits between failing tries."""

from __future__ import annotations

import random

import gevent

FIRST_RETRY_SECONDS = 0.1


class Backoff:
    """Each wait is longer than the one before, and random, to keep workers apart."""

    def __init__(self, max_seconds: float) -> None:
        self._max_seconds = max_seconds
        self._seconds = FIRST_RETRY_SECONDS

    def reset(self) -> None:
        """Begin with the shortest again, as a try went well."""
        self._seconds = FIRST_RETRY_SECONDS

    def wait(self) -> None:
        """Wait, and longer the next time."""
        gevent.sleep(self._seconds * random.uniform(0.5, 1.0))
        self._seconds = min(2 * self._seconds, self._max_seconds)
