"""Who may open a stream, decided before anything is allocated for it."""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Callable

from .address_table import AddressTable, Place

__all__ = ["BLOCK_SHARES", "address_blocks"]

# An address is counted by its narrowest block, and for IPv6 by its site's network as well. Each of
# the two may have this many times what an address may have.
Places = tuple[Place, ...]
BLOCK_SHARES = (1, 8)
_WITH_PORT = re.compile(r"(\d+(?:\.\d+){3}):\d+|\[([^\]]+)\](?::\d+)?")


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

    def find(self, address: str | None) -> Places:
        """Return where an address is counted, which does not reveal the address."""
        return tuple([self._table.find(block) for block in address_blocks(address)])

    def has_room(self, places: Places) -> bool:
        """Tell whether one more stream of an address may be open now."""
        if self.is_draining or self._count >= self._max_streams:
            return False
        for place, share in zip(places, BLOCK_SHARES, strict=False):
            if self._table.has_open(place, self._max_per_address * share):
                return False
        return True

    def may_open(self, places: Places) -> bool:
        """Tell whether an address has opened fewer streams in a minute than it may."""
        if not self._max_opens:
            return True
        for place, share in zip(places, BLOCK_SHARES, strict=False):
            if self._table.has_opened(place, self._max_opens * share, self._clock()):
                return False
        return True

    def enter(self, places: Places, *, returns: bool = False) -> None:
        """Count an opened stream; one that `returns` is not counted as newly opened."""
        self._count += 1
        now = None if returns else self._clock()
        for place in places:
            self._table.enter(self._column, place, now)

    def leave(self, places: Places) -> None:
        """Count a stream out that has ended."""
        self._count -= 1
        for place in places:
            self._table.leave(self._column, place)


def address_blocks(address: str | None) -> tuple[str, ...]:
    """Return the address blocks that an address belongs to, the narrowest first.

    Itself for IPv4; for IPv6 its /64, as a line has, and its /48, as a site has (RFC 6177). A port
    that a proxy has added is taken off. A stream on a unix socket, for which no proxy names a
    client, has no address: all such share one block.
    """
    address = address or ""
    try:
        socket.inet_pton(socket.AF_INET, address)  # nearly all; a tenth of the time
    except (OSError, ValueError):
        pass
    else:
        return (address,)
    with_port = _WITH_PORT.fullmatch(address)
    text = (with_port[1] or with_port[2]) if with_port else address
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ("",)
    if isinstance(parsed, ipaddress.IPv4Address):
        return (str(parsed),)
    if parsed.ipv4_mapped is not None:
        return (str(parsed.ipv4_mapped),)
    return tuple([str(ipaddress.ip_network((parsed, bits), strict=False)) for bits in (64, 48)])
