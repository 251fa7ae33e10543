"""Work that would stop the event loop, done in native threads: gevent's own would stop it, too."""

from __future__ import annotations

import _thread
import atexit
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import gevent
import gevent.threadpool
from gevent import monkey

T = TypeVar("T")

STOP_SECONDS = 5.0

_start_thread = monkey.get_original("_thread", "start_new_thread")
# Makes a lock for native threads; those of `threading` are gevent's once patched.
make_lock: Callable[[], _thread.LockType] = monkey.get_original("_thread", "allocate_lock")


class NativeStop:
    """A stop that native threads can wait for."""

    def __init__(self) -> None:
        self._asked = False
        self._closed = make_lock()
        self._closed.acquire()

    def set(self) -> None:
        if not self._asked:
            self._asked = True
            self._closed.release()

    def is_set(self) -> bool:
        return self._asked

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than until the stop."""
        if self._closed.acquire(timeout=seconds):
            self._closed.release()


class NativeThread:
    """A thread that calls `run` once, which should return soon after `stop.is_set()`."""

    def __init__(self, run: Callable[[], None]) -> None:
        self.stop = NativeStop()
        self._run = run
        self._ended = make_lock()
        self._loop: Any = None

    def start(self) -> None:
        """Start it; call once, in the process that serves."""
        if monkey.is_module_patched("socket"):
            self._loop = gevent.get_hub().loop
        self._ended.acquire()
        # A native thread that still runs while Python shuts down ends the process with an abort.
        atexit.register(self.close)
        _start_thread(self._run_once, ())

    def close(self) -> bool:
        """Stop it and wait; return whether it ended within 5 s (a file system may hang).

        The loop stands still meanwhile. Idempotent.
        """
        atexit.unregister(self.close)
        self.stop.set()
        if not self._ended.acquire(timeout=STOP_SECONDS):
            return False
        self._ended.release()
        return True

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call it from the thread: in a greenlet where gevent is at work, else at once.

        Logging's locks are gevent's, and not for native threads.
        """
        if self._loop is None:
            function(*arguments)
        else:
            self._loop.run_callback_threadsafe(gevent.spawn, function, *arguments)

    def _run_once(self) -> None:
        try:
            self._run()
        finally:
            self._ended.release()


class BusyError(Exception):
    """As much work waits already as may wait."""


class NativeWork(Generic[T]):
    """Runs calls in at most `at_once` native threads; `max_waiting` more may wait for one.

    The threads are started by the first call, in the process that serves, and are used for this
    work only: a flood of one kind of work does not hold up another.
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
        if self._pool is None:  # an idle pool is as long as its work, and so false
            self._pool = gevent.threadpool.ThreadPool(self._at_once)
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
