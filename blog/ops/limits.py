"""How many files this process may have open, and how many streams that allows."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

from blog.config import Settings
from blog.ops.findings import Finding, fail, warn
from blog.streams.ring import Ring
from blog.streams.sockets import BATCH

# What a worker has open beside its streams: connections of pages, Redis, posts, the loop itself.
# Under a low limit it is a fifth.
SPARE_FILES = 1_000
# The part of them that is for connections: all else is for the blog's own work, which goes on while
# those are used up.
CONNECTIONS_SHARE = 0.5
# A worker could hold more, but an update for so many takes it a fifth of a second, and is sent once
# a second; and there should be a second worker by then.
MOST_STREAMS = 50_000
# What an unlimited process may have: the kernel's own default (proc(5), fs.nr_open).
UNLIMITED_FILES = 1 << 20
# Linux: how many connections may wait to be accepted, whatever gunicorn asks for.
_SOMAXCONN = Path("/proc/sys/net/core/somaxconn")
GUNICORN_BACKLOG = 2048


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


def examine_limits(settings: Settings, *, takes_over: bool) -> Iterator[Finding]:
    """Say what the limits are, what they allow, and what to change."""
    soft, hard = read_file_limits()
    raised = f", {soft} until the blog raises it at its start" if soft < hard else ""
    yield Finding("open files", f"a worker may have {hard}{raised}")
    allowed, wanted = most_streams(hard), settings.max_streams
    if wanted > allowed:
        yield fail(
            "streams",
            f"BLOG_MAX_STREAMS is {wanted}",
            f"at most the {allowed} that {hard} open files allow",
            "Raise the limit (`ulimit -n`, `LimitNOFILE=` of a systemd unit, `--ulimit nofile=` of"
            " a container) or lower the setting",
        )
    else:
        reason = "BLOG_MAX_STREAMS" if wanted else "as many as the open files allow"
        streams = wanted or allowed
        yield Finding(
            "streams",
            f"at most {streams} in one worker ({reason}), {streams * settings.workers} in"
            f" all {settings.workers} (WEB_CONCURRENCY)",
        )
    rate = settings.max_opens_per_address
    opens = f"opens at most {rate} in a minute" if rate else "opens them as fast as it can"
    yield Finding(
        "readers",
        f"one address has at most {settings.max_streams_per_address} streams in all workers, and"
        f" {opens}; one browser has {settings.max_streams_per_reader}. Above a limit a tab is asked"
        " to come back later, and pages are answered",
    )
    if takes_over:
        yield Finding(
            "transport",
            "sockets are taken over from gunicorn, about 2 kB for each reader; where gunicorn"
            f" itself does TLS they cannot be, and cost ten times as much. {_describe_sending()}",
        )
    else:
        yield Finding(
            "transport",
            "the WSGI server sends the streams, about 20 kB for each reader (BLOG_TRANSPORT is"
            f" {settings.transport}; taking sockets over needs Linux)",
        )
    waiting = _read_somaxconn()
    if waiting is not None and waiting < GUNICORN_BACKLOG:
        yield warn(
            "backlog",
            f"at most {waiting} connections wait to be accepted",
            f"{GUNICORN_BACKLOG}, for all that come at once after a restart",
            f"Raise it with `sysctl net.core.somaxconn={GUNICORN_BACKLOG}`",
        )


def _describe_sending() -> str:
    try:
        Ring(BATCH).close()
    except OSError as error:
        return (
            f"A number takes a call of the kernel for each reader, not for {BATCH}: it gives no"
            f" io_uring here ({error.strerror}). It would need Linux 6.1,"
            " kernel.io_uring_disabled=0, and a container that allows it"
        )
    return f"A number goes to {BATCH} readers by one call of the kernel (io_uring)"


def _as_number(limit: int) -> int:
    return UNLIMITED_FILES if limit == resource.RLIM_INFINITY else limit


def _read_somaxconn() -> int | None:
    try:
        return int(_SOMAXCONN.read_text(encoding="ascii"))
    except (OSError, ValueError):  # not Linux, or hidden from a container
        return None
