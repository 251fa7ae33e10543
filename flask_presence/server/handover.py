"""Tell the old workers at a reload when the new ones serve: only then do they stop."""

from __future__ import annotations

import mmap
import struct

import gevent

# A worker's start (imports, posts, the first read of Redis) takes a second, on a busy machine
# several. gunicorn waits for the end of the old workers for `graceful_timeout`, 10 s, and then
# tells them again.
MAX_WAIT_SECONDS = 6.0
LOOK_SECONDS = 0.05

_HEADER = struct.Struct("<QQ")  # the age of the first that follows, and how many do
_PLACES = 4096 - _HEADER.size


class Handover:
    """Shared memory of the master and its workers: which workers of a reload serve by now.

    The master makes it before it forks. `age` is gunicorn's: it numbers all workers of a master.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _HEADER.size + _PLACES)

    def begin(self, last_age: int, count: int) -> None:
        """Note that the next `count` workers replace those up to `last_age`; call in the master."""
        for age in range(last_age + 1, last_age + 1 + count):
            self._memory[self._place(age)] = 0
        _HEADER.pack_into(self._memory, 0, last_age + 1, count)

    def note_serving(self, age: int) -> None:
        """Note that a worker serves; call in that worker."""
        self._memory[self._place(age)] = 1

    def wait(self, age: int) -> bool:
        """Wait, a few seconds at most, until all that follow a worker serve; tell whether they do.

        If none follows, as the worker or all of gunicorn is being stopped, returns False at once.
        """
        first, count = _HEADER.unpack_from(self._memory)
        if age >= first:
            return False
        left = MAX_WAIT_SECONDS
        while not (do_serve := self._all_serve(first, count)) and left > 0:
            gevent.sleep(LOOK_SECONDS)
            left -= LOOK_SECONDS
        return do_serve

    def _all_serve(self, first: int, count: int) -> bool:
        return all(self._memory[self._place(age)] for age in range(first, first + count))

    @staticmethod
    def _place(age: int) -> int:
        return _HEADER.size + age % _PLACES
