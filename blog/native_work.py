"""Work that would stop the event loop, done in a few native threads of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import gevent.threadpool
from gevent import monkey

T = TypeVar("T")


class BusyError(Exception):
    """As much work waits already as may wait."""


class NativeWork(Generic[T]):
    """Runs calls in at most `at_once` native threads; `max_waiting` more may wait for one.

    The threads are started by the first call, in the process that serves, and are nobody else's: a
    flood of one kind of work leaves the others alone.
    """

    def __init__(self, *, at_once: int, max_waiting: int) -> None:
        self._at_once = at_once
        self._most = at_once + max_waiting
        self._count = 0
        self._pool: gevent.threadpool.ThreadPool | None = None

    def run(self, work: Callable[[], T]) -> T:
        """Return what `work()` returns; only the calling greenlet waits.

        Without gevent's patches the calling thread does it. Raises what `work` raises, and
        `BusyError` where too many wait.
        """
        if not monkey.is_module_patched("socket"):
            return work()
        if self._count >= self._most:
            raise BusyError
        self._pool = self._pool or gevent.threadpool.ThreadPool(self._at_once)
        self._count += 1
        try:
            result, error = self._pool.apply(_attempt, (work,))
        finally:
            self._count -= 1
        if error is not None:
            raise error
        return result  # type: ignore[return-value] # without an error there is one

    def close(self) -> None:
        """End the threads. Idempotent."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.kill()


def _attempt(work: Callable[[], T]) -> tuple[T | None, Exception | None]:
    # An exception that left a native thread would be printed there, beside the log.
    try:
        return work(), None
    except Exception as error:  # noqa: BLE001 - raised again by the greenlet
        return None, error
