"""The settings of the server: where it listens, its Redis, times, limits, logs and metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from blog.setting_kinds import (
    DATABASE,
    HOST,
    HOSTS,
    NETWORKS,
    NOT_EMPTY,
    PASSWORD_HASH,
    PORT,
    POSITIVE,
    REDIS,
    SECONDS,
    SECRET,
    SWITCH,
    WHOLE,
    Network,
    one_of,
    setting,
)
from flask_presence.redis_address import RedisAddress, has_tag, needs_tag


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What a deployer can choose of how the blog is served."""

    host: str = setting("127.0.0.1", HOST, "The address to listen on; `0.0.0.0` for all.")
    port: int = setting(8000, PORT, "The port to listen on.", variable="PORT")
    workers: int = setting(2, POSITIVE, "Worker processes.", variable="WEB_CONCURRENCY")
    proxy_hops: int = setting(
        0, WHOLE, "Trusted proxies in front, whose X-Forwarded-* headers are believed."
    )
    trusted_hosts: tuple[str, ...] = setting((), HOSTS, "Host names answered; empty for any.")
    redis_url: str = setting(
        "",
        REDIS,
        "Redis or Valkey 6.2 or newer, behind Sentinel, or a cluster: `docs/redis.md`. Empty"
        " starts the embedded Valkey.",
    )
    redis_prefix: str = setting(
        "{viblog}",
        NOT_EMPTY,
        "What every key and channel begins with; another one for each blog on one Redis.",
    )
    database_url: str = setting(
        "",
        DATABASE,
        "The store of what is counted, for several hosts: `docs/history.md`. Empty keeps it in a"
        " file of the instance folder.",
    )
    lease_seconds: float = setting(
        15.0, SECONDS, "How long a worker's tabs count after its last sign of life."
    )
    heartbeat_seconds: float = setting(
        5.0, SECONDS, "How often a worker gives a sign of life, at least."
    )
    # nginx, Amazon's load balancer and Fly.io close what is silent for 60 s, Heroku for 55 s; a
    # ping is up to a second late.
    ping_seconds: float = setting(50.0, SECONDS, "A comment is sent on a silent stream this often.")
    rotate_seconds: float = setting(
        600.0, SECONDS, "A stream is asked to come back after this, ± 20 %."
    )
    stall_seconds: float = setting(
        10.0, SECONDS, "A stream, or an answer, that takes nothing for this long is closed."
    )
    pace_seconds: float = setting(0.1, SECONDS, "The least time between two updates of one page.")
    max_streams: int = setting(
        0, WHOLE, "Open streams in one worker; 0 for as many as the limit of open files allows."
    )
    max_streams_per_address: int = setting(
        200, POSITIVE, "Open streams of one address (IPv6: of one /64) in all workers of this host."
    )
    max_opens_per_address: int = setting(
        1000,
        WHOLE,
        "Streams that one address may open in a minute, beside tabs that come back; 0 for any"
        " number.",
    )
    max_streams_per_reader: int = setting(
        4,
        POSITIVE,
        "Open streams of one browser; the oldest is parked until its tab gets the focus.",
    )
    transport: str = setting(
        "auto",
        one_of("auto", "generator"),
        "How streams are sent: `auto` takes sockets over from gunicorn where it can, `generator`"
        " leaves every one to the WSGI server.",
    )
    dev: bool = setting(
        False,
        SWITCH,
        "For writing, as `make dev` has it: open pages follow what is saved and show what is to"
        " be mended, and drafts can be seen. Not for a blog that others can reach.",
    )
    log_level: str = setting("info", one_of("debug", "info", "warning", "error"), "What is logged.")
    log_format: str = setting(
        "text",
        one_of("text", "json"),
        "How a line of the log is written: for people, or one JSON object for machines.",
    )
    metrics: tuple[Network, ...] = setting(
        (),
        NETWORKS,
        "Who gets `/metrics`, asking without a proxy in between; `docs/watch.md`. Empty: nobody.",
    )
    metrics_token: str = setting(
        "", SECRET, "Who sends it as a bearer token gets `/metrics` from anywhere."
    )

    desk_password_hash: str = setting(
        "",
        PASSWORD_HASH,
        "Lets the author sign in at `/desk` with a password, too; `viblog desk password` makes it.",
    )
    dashboard: str = setting(
        "author",
        one_of("author", "public"),
        "Who sees the dashboard at `/desk/readers`: the author, or everybody, rounded and without"
        " where readers come from.",
    )

    @property
    def is_measured(self) -> bool:
        """Tell whether anybody may get the metrics."""
        return bool(self.metrics or self.metrics_token)


def find_contradictions(settings: ServerSettings) -> Iterator[str]:
    """Yield a line for each setting that does not go with another one."""
    if settings.lease_seconds < 2 * settings.heartbeat_seconds:
        yield (
            f"BLOG_LEASE_SECONDS: found {settings.lease_seconds:g} with BLOG_HEARTBEAT_SECONDS "
            f"{settings.heartbeat_seconds:g}; the lease must be at least twice the heartbeat"
        )
    if settings.redis_url:
        try:
            RedisAddress.parse(settings.redis_url)
        except ValueError as error:
            yield f"BLOG_REDIS_URL: {error}"
    if needs_tag(settings.redis_url) and not has_tag(settings.redis_prefix):
        yield (
            f"BLOG_REDIS_PREFIX: found {settings.redis_prefix!r} with a cluster in BLOG_REDIS_URL, "
            "expected a {tag} in it, which keeps all keys on one node"
        )
