"""What the limits of this machine allow; no other process is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..file_limits import most_streams, read_file_limits
from ..place import Place
from .finding import Finding, fail, warn

__all__ = ["examine_limits"]

# Linux: how many connections may wait to be accepted, whatever gunicorn asks for.
_SOMAXCONN = Path("/proc/sys/net/core/somaxconn")
GUNICORN_BACKLOG = 2048


def examine_limits(place: Place, *, workers: int = 1) -> Iterator[Finding]:
    """Check what the limits of the machine and of the settings allow."""
    soft, hard = read_file_limits()
    raised = f", {soft} until {place.program} raises it at its start" if soft < hard else ""
    yield Finding("open files", f"a worker may have {hard}{raised}")
    allowed, wanted = most_streams(hard), place.max_streams
    setting = f"{place.variables}MAX_STREAMS"
    if wanted > allowed:
        yield fail(
            "streams",
            f"{setting} is {wanted}",
            f"at most the {allowed} that {hard} open files allow",
            "Raise the limit (`ulimit -n`, `LimitNOFILE=` of a systemd unit, `--ulimit nofile=` of"
            " a container) or lower the setting",
        )
    else:
        reason = setting if wanted else "as many as the open files allow"
        streams = wanted or allowed
        together = (
            f", {streams * workers} in all {workers} (WEB_CONCURRENCY)" if workers > 1 else ""
        )
        yield Finding("streams", f"at most {streams} in one worker ({reason}){together}")
    waiting = _read_somaxconn()
    if waiting is not None and waiting < GUNICORN_BACKLOG:
        yield warn(
            "backlog",
            f"at most {waiting} connections wait to be accepted",
            f"{GUNICORN_BACKLOG}, for all that come at once after a restart",
            f"Raise it with `sysctl net.core.somaxconn={GUNICORN_BACKLOG}`",
        )


def _read_somaxconn() -> int | None:
    try:
        return int(_SOMAXCONN.read_text(encoding="ascii"))
    except (OSError, ValueError):  # not Linux, or hidden from a container
        return None
