"""Count the streams of each address in all workers of this host, in a table that they share.

The table holds no address. A row is found by a keyed hash; the key lives as long as gunicorn's
master and is only in the memory of its processes. No call waits or asks Redis.
"""

from __future__ import annotations

import hashlib
import math
import mmap
import secrets
import struct

__all__ = ["AddressTable"]

WINDOW_SECONDS = 60
# An address has a row in each half, and the smaller number of the two is believed (a count-min
# sketch): an address is refused for the streams of others only if both its rows are full. Full rows
# are few: to fill one, an attacker needs as many streams as one address may have.
HALF_ROWS = 1 << 14
_COUNT_BITS = 16
_COUNT_MASK = (1 << _COUNT_BITS) - 1
_HALVES = struct.Struct("<HH")

Place = tuple[int, int]


class AddressTable:
    """A row for each place, a column for each worker.

    Only its own worker writes a column, so no count is lost and no lock is needed; to read, a
    worker adds up a row. Another worker's numbers may be a moment old: then one stream too many is
    admitted, or one too few. The master makes the table before it forks, and empties a dead
    worker's column.
    """

    def __init__(self, columns: int = 1) -> None:
        self._key = secrets.token_bytes(32)
        self._columns = columns
        self._holders: dict[str, int] = {}  # by worker; the master's
        # Memory that forked processes share; untouched pages cost no memory.
        cells = 2 * HALF_ROWS * columns
        self._open = memoryview(mmap.mmap(-1, 4 * cells)).cast("I")
        self._recent = memoryview(mmap.mmap(-1, 8 * cells)).cast("Q")

    def find(self, block: str) -> Place:
        """Return the place of an address block: where its two rows begin."""
        digest = hashlib.blake2b(block.encode(), key=self._key, digest_size=4).digest()
        first, second = _HALVES.unpack(digest)
        columns = self._columns
        return first % HALF_ROWS * columns, (second % HALF_ROWS + HALF_ROWS) * columns

    def make_another(self) -> AddressTable:
        """Return an empty table for the same workers, to count something else in."""
        return AddressTable(self._columns)

    def give(self, worker: str) -> int | None:
        """Assign a column to a worker that is about to be forked; return None if none is free."""
        free = set(range(self._columns)) - set(self._holders.values())
        if not free:
            return None
        self._holders[worker] = min(free)
        return self._holders[worker]

    def take_back(self, worker: str) -> None:
        """Forget what a dead worker counted."""
        column = self._holders.pop(worker, None)
        if column is not None:
            for cells in (self._open, self._recent):
                for cell in range(column, len(cells), self._columns):
                    if cells[cell]:  # to write would make memory of what nobody has touched
                        cells[cell] = 0

    def enter(self, column: int, place: Place, now: float | None) -> None:
        """Count a stream as open, and as opened `now`, by the monotonic clock, one for the host.

        Without `now` it is only open: a stream that comes back.
        """
        for row in place:
            self._open[row + column] += 1
        if now is None:
            return
        window = int(now) // WINDOW_SECONDS
        for row in place:
            cell = row + column
            before, count = _read_recent(self._recent[cell], window)
            count = min(count + 1, _COUNT_MASK)
            self._recent[cell] = (((window << _COUNT_BITS) | before) << _COUNT_BITS) | count

    def leave(self, column: int, place: Place) -> None:
        """Count a stream out that has ended."""
        for row in place:
            self._open[row + column] -= 1

    def has_open(self, place: Place, count: int) -> bool:
        """Tell whether an address has so many streams open; rarely, others' are counted as well."""
        first, second = place
        cells, columns = self._open, self._columns
        return (
            sum(cells[first : first + columns]) >= count
            and sum(cells[second : second + columns]) >= count
        )

    def has_opened(self, place: Place, count: int, now: float) -> bool:
        """Tell whether an address opened so many in the last minute, estimated from two windows.

        The streams opened in the previous window are assumed to be evenly spread over it.
        """
        first, second = place
        return self._count_recent(first, now) >= count and self._count_recent(second, now) >= count

    def _count_recent(self, row: int, now: float) -> int:
        window = int(now) // WINDOW_SECONDS
        still = 1 - now % WINDOW_SECONDS / WINDOW_SECONDS
        total = 0.0
        for value in self._recent[row : row + self._columns]:
            if value:
                before, count = _read_recent(value, window)
                total += before * still + count
        # Rounded up: else, just after a window began, four and almost a fifth would still be fewer
        # than five.
        return math.ceil(total)


def _read_recent(value: int, window: int) -> tuple[int, int]:
    """Return how many were counted in the previous window, and in this one."""
    counted_in = value >> (2 * _COUNT_BITS)
    if counted_in == window:
        return (value >> _COUNT_BITS) & _COUNT_MASK, value & _COUNT_MASK
    return (value & _COUNT_MASK if counted_in == window - 1 else 0), 0
