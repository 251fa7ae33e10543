"""Who may open a stream, decided before anything is allocated for it."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable

from .address_table import AddressTable, Place


class Gate:
    """Count the open streams of this worker, and those of each address in all workers.

    Without `share` the worker is alone. `max_opens_per_address` is for a minute, 0 for no limit.
    """

    def __init__(
        self,
        *,
        max_streams: int,
        max_streams_per_address: int,
        max_opens_per_address: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_streams = max_streams
        self._max_per_address = max_streams_per_address
        self._max_opens = max_opens_per_address
        self._clock = clock
        self._count = 0
        self._table = AddressTable()
        self._column = 0
        self.is_draining = False

    def share(self, table: AddressTable, column: int) -> None:
        """Count in a table that all workers share, from the beginning."""
        self._table, self._column = table, column

    def find(self, address: str | None) -> Place:
        """Return where an address is counted; what it is cannot be told from it."""
        return self._table.find(address_block(address))

    def has_room(self, place: Place) -> bool:
        """Tell whether one more stream of an address may be open now."""
        if self.is_draining or self._count >= self._max_streams:
            return False
        return not self._table.has_open(place, self._max_per_address)

    def may_open(self, place: Place) -> bool:
        """Tell whether an address has opened less than it may in a minute."""
        limit = self._max_opens
        return not limit or not self._table.has_opened(place, limit, self._clock())

    def enter(self, place: Place, *, returns: bool = False) -> None:
        """Count a stream that was opened; one that `returns` is no new one of its address."""
        self._count += 1
        self._table.enter(self._column, place, None if returns else self._clock())

    def leave(self, place: Place) -> None:
        """Count a stream out that has ended."""
        self._count -= 1
        self._table.leave(self._column, place)


def address_block(address: str | None) -> str:
    """Return whom an address stands for: itself for IPv4, its /64 for IPv6 (RFC 6177).

    A stream on a unix socket without a proxy's word has no address: all such share one block.
    """
    try:
        socket.inet_pton(socket.AF_INET, address or "")  # nearly all; a tenth of the time
    except (OSError, ValueError):
        pass
    else:
        return address or ""
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
