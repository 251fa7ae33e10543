"""What the doctor says of limits: of open files, streams, and the kernel's queue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from blog.config import Settings
from blog.ops.findings import Finding, fail, warn
from flask_presence.file_limits import most_streams, read_file_limits
from flask_presence.streams.fast.ring import Ring
from flask_presence.streams.fast.sockets import BATCH

# Linux: how many connections may wait to be accepted, whatever gunicorn asks for.
_SOMAXCONN = Path("/proc/sys/net/core/somaxconn")
GUNICORN_BACKLOG = 2048


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


def _read_somaxconn() -> int | None:
    try:
        return int(_SOMAXCONN.read_text(encoding="ascii"))
    except (OSError, ValueError):  # not Linux, or hidden from a container
        return None
