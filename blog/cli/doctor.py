"""`flask doctor`: what the machine allows, and how what the blog needs is doing."""

from __future__ import annotations

import http.client
import ssl
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Any
from urllib.parse import SplitResult, urlsplit

import click
import redis
from flask import current_app
from flask.cli import with_appcontext

from blog.cli.local_checks import Finding, examine_limits, examine_settings, fail, warn
from blog.config import Settings
from flask_presence.tracking import Link, connect, describe_outage, is_refusal

LEAST_VERSION, LEAST_CLUSTER_VERSION = (6, 2), (7, 0)
CALLS = 100
# A frame waits for one write and one message at most: more than this is seen by readers. A call is
# given up after 1 s (flask_presence.tracking.redis_link.CALL_TIMEOUT_SECONDS).
SLOW_CALL_SECONDS, STUCK_CALL_SECONDS = 0.010, 0.5
WAIT_SECONDS = 5.0
SLOW_STREAM_SECONDS = 1.0
BUFFERS = (
    "nginx: `proxy_buffering off` and `gzip off` for /live; also see its caches, and other proxies"
    " in between"
)
STREAM_HEADERS = {
    "Accept": "text/event-stream",
    "Accept-Encoding": "gzip, deflate, br",
    "User-Agent": "viblog-doctor",
}


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Look at limits, settings, Redis, and a stream through BLOG_SITE_URL; exit 1 for a failure.

    One line for each: ok, warn or fail; what was found, and how to mend what is not as expected.
    """
    settings: Settings = current_app.extensions["viblog"].settings
    checks = {
        "": (*examine_limits(settings), *examine_settings(settings)),
        "Asking Redis": examine_redis(settings),
        f"Opening a stream at {settings.site_url or 'no address'}": examine_stream(
            settings.site_url
        ),
    }
    is_failed = False
    for title, findings in checks.items():
        if title:
            click.echo(f"      {title}", err=True)
        for finding in findings:
            is_failed |= finding.level == "fail"
            click.echo(str(finding))
    if is_failed:
        sys.exit(1)


def examine_redis(settings: Settings) -> Iterator[Finding]:
    """Ask the Redis of the running blog. Never says its address, which may hold a password."""
    url = settings.running_redis_url
    if not url:
        yield warn(
            "Redis",
            f"no embedded Valkey in {settings.instance_dir.resolve()}",
            "that of the running blog",
            "Start the blog, or set BLOG_REDIS_URL or BLOG_INSTANCE_DIR as it has it",
        )
        return
    where = "that of BLOG_REDIS_URL" if settings.redis_url else "the embedded Valkey"
    with closing(connect(url)) as link:
        key = f"{settings.redis_prefix}:live"
        try:
            yield _examine_latency(link, key)
            yield from _examine_server(link, key, where)
        except (redis.RedisError, OSError) as error:
            fix = "Start it, or mend BLOG_REDIS_URL" if settings.redis_url else "Start the blog"
            if is_refusal(error):
                fix = "Its own words say why: see to its memory, or to what its user may do"
            yield fail(
                "Redis",
                f"{where} {describe_outage(error)}",
                "an answer within a second",
                f"Pages are served, numbers stand still. {fix}",
            )


def _examine_latency(link: Link, key: str) -> Finding:
    link.call(key, "TIME")  # connects
    took = []
    for _ in range(CALLS):
        began = time.perf_counter()
        link.call(key, "TIME")
        took.append(time.perf_counter() - began)
    middle, most = statistics.median(took), max(took)
    found = f"{middle * 1000:.2f} ms for the median of {CALLS} calls, {most * 1000:.2f} ms at most"
    if middle <= SLOW_CALL_SECONDS and most <= STUCK_CALL_SECONDS:
        return Finding("Redis's latency", found)
    return warn(
        "Redis's latency",
        found,
        f"{SLOW_CALL_SECONDS * 1000:g} ms, {STUCK_CALL_SECONDS * 1000:g} ms at most",
        "Put it nearer to the workers, or find out what keeps it busy (`SLOWLOG GET`)",
    )


def _examine_server(link: Link, key: str, where: str) -> Iterator[Finding]:
    try:
        told: Mapping[str, Any] = link.call(key, "INFO")
    except redis.exceptions.NoPermissionError:
        yield warn(
            "Redis",
            f"{where} does not tell this user its version and policy",
            "a user who may ask INFO",
            "Only for this command: `ACL SETUSER … +info`",
        )
        return
    name = str(told.get("server_name", "redis")).capitalize()
    version = str(told.get("valkey_version") or told.get("redis_version", "0"))
    # Valkey says in redis_version what it is compatible with.
    least = LEAST_CLUSTER_VERSION if link.is_cluster else LEAST_VERSION
    spoken = tuple(int(part) for part in str(told.get("redis_version", "0")).split(".")[:2])
    found = f"{where}, {name} {version}"
    if spoken < least:
        wanted = ".".join(map(str, least))
        yield fail("Redis", found, f"Redis {wanted}, Valkey 7.2 or newer", "Update it")
    elif told.get("role") != "master":
        yield fail("Redis", f"{found}, a replica", "the master", "Name the master, or Sentinels")
    else:
        yield Finding("Redis", found)
    policy = str(told.get("maxmemory_policy", "unknown"))
    if policy != "noeviction" and int(told.get("maxmemory", 0)):
        yield warn(
            "Redis's memory",
            f"maxmemory-policy is {policy}",
            "noeviction",
            "What is evicted is put back, and the numbers jump meanwhile:"
            " `CONFIG SET maxmemory-policy noeviction`, or a server of its own",
        )
    else:
        yield Finding("Redis's memory", f"maxmemory-policy is {policy}")


class ProbeError(Exception):
    """The stream did not come; the message says what did."""


def examine_stream(site_url: str, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[Finding]:
    """Open two streams at the public address, for a moment, and say how they come through.

    They count as readers meanwhile: that the second one is told to the first is what is looked at.
    """
    if not site_url:
        yield warn(
            "stream",
            "BLOG_SITE_URL is empty",
            "the public address",
            "Set it, to have the way through the proxy looked at",
        )
        return
    try:
        yield from _examine_events(urlsplit(site_url), wait_seconds)
    except ssl.SSLCertVerificationError as error:
        yield fail(
            "TLS",
            f"{site_url} has a certificate that is not valid ({error.verify_message})",
            "one that browsers take",
            "Have the proxy get a new one; see its log",
        )
    except OSError as error:
        yield fail(
            "stream",
            f"{site_url} cannot be reached ({type(error).__name__}: {error})",
            "the blog",
            "Start the blog and its proxy, or mend BLOG_SITE_URL",
        )
    except ProbeError as error:
        yield fail(
            "stream",
            f"{site_url}/live: {error}",
            "an event stream, at once",
            f"Something holds it back. {BUFFERS}",
        )


def _examine_events(site: SplitResult, wait_seconds: float) -> Iterator[Finding]:
    with ExitStack() as stack:
        began = time.monotonic()
        response = _open_stream(site, wait_seconds, stack)
        kind = response.getheader("content-type", "none")
        if response.status != 200 or not kind.startswith("text/event-stream"):
            yield fail(
                "stream",
                f"{site.geturl()}/live answers {response.status} with {kind}",
                "200 with text/event-stream",
                "See what answers there: the proxy's rules, BLOG_TRUSTED_HOSTS, whether the blog"
                " runs",
            )
            return
        if encoding := response.getheader("content-encoding"):
            yield fail(
                "stream",
                f"it is compressed ({encoding})",
                "no Content-Encoding",
                "A compressed event waits for the next one: leave text/event-stream out of the"
                " proxy's compression (nginx: gzip_types, Caddy: encode)",
            )
            return
        event = _read_event(response, wait_seconds)
        seconds = time.monotonic() - began
        if b"event: busy" in event:
            yield warn(
                "stream",
                "it was refused: no room, or the worker stops",
                "a first event with the numbers",
                "Look at viblog_streams_refused_total, and again in a moment",
            )
            return
        if seconds > SLOW_STREAM_SECONDS:
            yield warn(
                "first event",
                f"after {seconds:.2f} s",
                f"less than {SLOW_STREAM_SECONDS:g} s",
                f"Something is slow, or holds it back. {BUFFERS}",
            )
        else:
            yield Finding("first event", f"after {seconds * 1000:.0f} ms")
        # A change of our own making. On a busy site another's may come first, and proves as much.
        _open_stream(site, wait_seconds, stack)
        began = time.monotonic()
        try:
            _read_event(response, wait_seconds)
        except ProbeError as error:
            yield fail(
                "next event",
                f"{error}, though another stream was opened",
                "one within a second",
                f"Something holds it back, or the workers do not hear of each other. {BUFFERS}",
            )
        else:
            seconds = time.monotonic() - began
            yield Finding("next event", f"{seconds * 1000:.0f} ms after the change")


def _open_stream(
    site: SplitResult, wait_seconds: float, stack: ExitStack
) -> http.client.HTTPResponse:
    """Open a stream as a browser does; the stack closes it."""
    is_tls = site.scheme == "https"
    connect_to = http.client.HTTPSConnection if is_tls else http.client.HTTPConnection
    connection = connect_to(site.hostname or "", site.port, timeout=wait_seconds)
    stack.callback(connection.close)
    connection.request("GET", "/live?page=index", headers=STREAM_HEADERS)
    with _expecting("answer", wait_seconds):
        return stack.enter_context(connection.getresponse())


def _read_event(response: http.client.HTTPResponse, wait_seconds: float) -> bytes:
    """Return the next event, whatever framing the response has."""
    event = b""
    with _expecting("event", wait_seconds):
        for line in response:
            if line == b"\n":
                return event
            event += line
    raise ProbeError("no event: the connection was closed")


@contextmanager
def _expecting(what: str, wait_seconds: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise ProbeError(f"no {what} within {wait_seconds:g} s") from None
    except (ConnectionError, http.client.HTTPException) as error:
        raise ProbeError(f"no {what} ({type(error).__name__}: {error})") from None
