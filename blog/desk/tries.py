"""How often somebody may try to open the desk: few times a minute, over all workers of a host."""

from __future__ import annotations

import time
from collections.abc import Callable

from flask_presence.web.address_table import AddressTable
from flask_presence.web.gate import BLOCK_SHARES, address_blocks

# In a minute: of one address, or of a network a few times as many; and of all. Who has many
# addresses can use up the last, and then nobody gets in by the password for a minute.
MOST_OF_ADDRESS = 5
MOST_OF_ALL = 60
_ALL = "all"


class Tries:
    """Counts the tries of each address, like `Gate` its streams: no address is kept."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._table = AddressTable()
        self._column = 0

    def share(self, table: AddressTable, column: int) -> None:
        """Count in a table that all workers share, from the beginning."""
        self._table, self._column = table, column

    def take(self, address: str | None, *, is_of_all: bool = True) -> bool:
        """Count a try of an address; False, and it is not counted, where it has none left.

        `is_of_all` is whether it is one of those that all addresses have together.
        """
        now = self._clock()
        limits = [
            (self._table.find(block), MOST_OF_ADDRESS * share)
            for block, share in zip(address_blocks(address), BLOCK_SHARES, strict=False)
        ]
        if is_of_all:
            limits.append((self._table.find(_ALL), MOST_OF_ALL))
        if any(self._table.has_opened(place, most, now) for place, most in limits):
            return False
        for place, _ in limits:
            self._table.enter(self._column, place, now)
            self._table.leave(self._column, place)
        return True
