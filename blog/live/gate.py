"""Who may open a stream, decided before anything is allocated for it."""

from __future__ import annotations

import ipaddress
import socket


class Gate:
    """Count the open streams of this worker: in all, and by address. Holds addresses in memory
    only, and only while they have a stream.
    """

    def __init__(self, *, max_streams: int, max_streams_per_address: int) -> None:
        self._max_streams = max_streams
        self._max_per_address = max_streams_per_address
        self._count = 0
        self._by_block: dict[str, int] = {}
        self.is_draining = False

    def has_room(self, block: str) -> bool:
        """Tell whether one more stream of an address block may be opened."""
        return (
            not self.is_draining
            and self._count < self._max_streams
            and self._by_block.get(block, 0) < self._max_per_address
        )

    def enter(self, block: str) -> None:
        """Count a stream that was opened."""
        self._count += 1
        self._by_block[block] = self._by_block.get(block, 0) + 1

    def leave(self, block: str) -> None:
        """Count a stream out that has ended."""
        self._count -= 1
        self._by_block[block] -= 1
        if not self._by_block[block]:
            del self._by_block[block]


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
