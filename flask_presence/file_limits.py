"""How many files this process may have open, and how many streams that allows."""

from __future__ import annotations

import resource

__all__ = ["most_connections", "most_streams", "raise_file_limit", "read_file_limits"]

# What a worker has open beside its streams: connections of pages, Redis, posts, the loop itself.
# Under a low limit it is a fifth.
SPARE_FILES = 1_000
# The part of them for connections. The rest is for the worker's own files, so that its work goes on
# while all connections are used up.
CONNECTIONS_SHARE = 0.5
# A worker could hold more, but an update for so many takes a fifth of a second, and so is sent once
# a second only; there should be a second worker by then.
MOST_STREAMS = 50_000
# What an unlimited process may have: the kernel's own default (proc(5), fs.nr_open).
UNLIMITED_FILES = 1 << 20


def read_file_limits() -> tuple[int, int]:
    """Return the soft and the hard limit of open files; an unlimited one as a very large number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _as_number(soft), _as_number(hard)


def raise_file_limit() -> None:
    """Raise the soft limit of open files to the hard one: what was set low is a shell's custom."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # not all systems take what they themselves say
        soft, hard = read_file_limits()
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 10_240)), hard))


def most_streams(file_limit: int) -> int:
    """Return how many streams a worker can hold that may have so many files open."""
    return max(1, min(file_limit - min(SPARE_FILES, file_limit // 5), MOST_STREAMS))


def most_connections(file_limit: int, max_streams: int = 0) -> int:
    """Return how many connections and streams together a worker may have open."""
    spare = min(SPARE_FILES, file_limit // 5)
    streams = most_streams(file_limit)
    return min(max_streams or streams, streams) + max(1, int(spare * CONNECTIONS_SHARE))


def _as_number(limit: int) -> int:
    return UNLIMITED_FILES if limit == resource.RLIM_INFINITY else limit
