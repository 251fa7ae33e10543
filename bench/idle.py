"""Measure how much of a core a server takes while nobody comes or goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from .accounting import read_usage
from .crowd import Crowd
from .figures import Idle
from .server import Server


def measure_idle(
    server: Server, twin: Server, crowd: Crowd, seconds: float, tell: Callable[[str], object]
) -> Idle:
    """Return the cost of a server with all its readers, and that of its twin without any.

    Both are measured in the same seconds, so other load on this machine costs both the same.
    """
    before, before_empty = read_usage(server.pids), read_usage(twin.pids)
    began = time.monotonic()
    for left in count_down(seconds, crowd):
        tell(f"idle for {left:.0f} s")
    after, after_empty = read_usage(server.pids), read_usage(twin.pids)
    past_ns = (time.monotonic() - began) * 1e9
    return Idle(
        cores=(after.cpu_ns - before.cpu_ns) / past_ns,
        empty_cores=(after_empty.cpu_ns - before_empty.cpu_ns) / past_ns,
    )


def count_down(seconds: float, crowd: Crowd) -> Iterator[float]:
    """Read what comes for so long; yield how many seconds are left, once a second."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        yield left
        crowd.pump_until(time.monotonic() + min(left, 1.0))
