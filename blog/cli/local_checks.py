"""What can be checked without asking anybody: the limits of this machine, and the settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from werkzeug.sansio.utils import host_is_trusted

from blog.config import Settings
from flask_presence.file_limits import most_streams, read_file_limits

# Linux: how many connections may wait to be accepted, whatever gunicorn asks for.
_SOMAXCONN = Path("/proc/sys/net/core/somaxconn")
GUNICORN_BACKLOG = 2048
# After so long without a word, proxies close a connection (nginx: proxy_read_timeout).
PROXY_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and found; where it is not fine, what was expected, and a remedy.

    `warn`: it works, and could do so better; `fail`: it does not work as it should.
    """

    what: str
    found: str
    expected: str = ""
    fix: str = ""
    level: Literal["ok", "warn", "fail"] = "ok"

    def __str__(self) -> str:
        line = f"{self.level:<4}  {self.what}: {self.found}"
        if self.expected:
            line += f"; expected {self.expected}"
        return f"{line}. {self.fix}" if self.fix else line


warn, fail = partial(Finding, level="warn"), partial(Finding, level="fail")


def examine_limits(settings: Settings) -> Iterator[Finding]:
    """Check what the limits of the machine and of the settings allow."""
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


def examine_settings(settings: Settings) -> Iterator[Finding]:
    """Check settings that are well-formed, and yet do not go together."""
    site = urlsplit(settings.site_url)
    trusted = ", ".join(settings.trusted_hosts)
    if site.hostname and trusted and not host_is_trusted(site.netloc, settings.trusted_hosts):
        yield fail(
            "host",
            f"BLOG_TRUSTED_HOSTS is {trusted}",
            f"{site.hostname} of BLOG_SITE_URL among them",
            "Every page is refused: add it",
        )
    elif site.scheme == "https" and not trusted:
        yield warn(
            "host",
            "BLOG_TRUSTED_HOSTS is empty: the blog answers to every name",
            site.hostname or "",
            f"Set BLOG_TRUSTED_HOSTS={site.hostname}",
        )
    if site.scheme == "https" and not settings.proxy_hops:
        yield warn(
            "proxy",
            "BLOG_PROXY_HOPS is 0",
            "the number of proxies in front, as BLOG_SITE_URL has TLS",
            "Behind a proxy all readers have one address, and share its limit of streams",
        )
    if settings.ping_seconds >= PROXY_PATIENCE_SECONDS:
        yield warn(
            "pings",
            f"BLOG_PING_SECONDS is {settings.ping_seconds:g}",
            f"less than {PROXY_PATIENCE_SECONDS}",
            "Proxies close a connection that is silent for so long",
        )
    if everybody := [str(network) for network in settings.metrics if network.is_global]:
        yield warn(
            "metrics",
            f"BLOG_METRICS has {', '.join(everybody)}",
            "addresses of your own network",
            "Name Prometheus' own address, or set BLOG_METRICS_TOKEN",
        )
