"""How many streams each address has, over all workers of this host: a table that they share.

No address is in it. A place in the table is a keyed hash, and the key lives as long as gunicorn's
master and is nowhere but in the memory of its processes. Nothing waits, and Redis is not asked.
"""

from __future__ import annotations

import hashlib
import mmap
import secrets
import struct

__all__ = ["AddressTable"]

WINDOW_SECONDS = 60
# An address has a row in each half, and the smaller number of the two is believed (a count-min
# sketch): both must be full for an address to be refused for what others do. Full ones are few: to
# fill one, an attacker needs as many streams as one address may have.
HALF_ROWS = 1 << 14
_COUNT_BITS = 16
_COUNT_MASK = (1 << _COUNT_BITS) - 1
_HALVES = struct.Struct("<HH")

Place = tuple[int, int]


class AddressTable:
    """A row for each place, a column for each worker.

    Only its worker writes a column, so no count is ever lost and no lock is needed; everybody adds
    up rows. The numbers of another worker may be a moment old: a stream more is let in, or less.
    The master makes it before it forks, and empties the column of a worker that died.
    """

    def __init__(self, columns: int = 1) -> None:
        self._key = secrets.token_bytes(32)
        self._columns = columns
        self._holders: dict[str, int] = {}  # by worker; the master's
        # Memory that forked processes share; what nobody has touched costs nothing.
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
        """Return an empty one for the same workers, to count something else in."""
        return AddressTable(self._columns)

    def give(self, worker: str) -> int | None:
        """Give a worker that is about to be forked a column; None where there are no more."""
        free = set(range(self._columns)) - set(self._holders.values())
        if not free:
            return None
        self._holders[worker] = min(free)
        return self._holders[worker]

    def take_back(self, worker: str) -> None:
        """Forget what a worker counted, which is dead."""
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
        """Tell whether an address has so many streams open: of another's, by a rare chance."""
        first, second = place
        cells, columns = self._open, self._columns
        return (
            sum(cells[first : first + columns]) >= count
            and sum(cells[second : second + columns]) >= count
        )

    def has_opened(self, place: Place, count: int, now: float) -> bool:
        """Tell whether it opened so many in the last minute, as far as two windows can say it.

        What it opened in the window before this one is taken to be evenly spread.
        """
        first, second = place
        return self._count_recent(first, now) >= count and self._count_recent(second, now) >= count

    def _count_recent(self, row: int, now: float) -> float:
        window = int(now) // WINDOW_SECONDS
        still = 1 - now % WINDOW_SECONDS / WINDOW_SECONDS
        total = 0.0
        for value in self._recent[row : row + self._columns]:
            if value:
                before, count = _read_recent(value, window)
                total += before * still + count
        return total


def _read_recent(value: int, window: int) -> tuple[int, int]:
    """Return how many were counted in the window before this one, and in this one."""
    counted_in = value >> (2 * _COUNT_BITS)
    if counted_in == window:
        return (value >> _COUNT_BITS) & _COUNT_MASK, value & _COUNT_MASK
    return (value & _COUNT_MASK if counted_in == window - 1 else 0), 0
