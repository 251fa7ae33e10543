"""The state of an application's Redis."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import redis

from ..place import Place
from ..tracking import Link, connect, describe_outage, is_refusal
from .finding import Finding, fail, warn

LEAST_VERSION, LEAST_CLUSTER_VERSION = (6, 2), (7, 0)
CALLS = 100
# A frame waits for one write and one message at most; readers notice a longer delay than this. A
# call is given up after 1 s (tracking.redis_link.CALL_TIMEOUT_SECONDS).
SLOW_CALL_SECONDS, STUCK_CALL_SECONDS = 0.010, 0.5


def examine_redis(place: Place) -> Iterator[Finding]:
    """Ask the Redis of the application. Never says its address, which may hold a password."""
    url, variable = place.running_url, f"{place.variables}REDIS_URL"
    if not url:
        yield warn(
            "Redis",
            f"no embedded Valkey in {place.instance_dir.resolve()}",
            f"that of {place.program}, which runs",
            f"Start {place.program}, or set {variable} or {place.variables}INSTANCE_DIR as it has"
            " it",
        )
        return
    where = f"that of {variable}" if place.redis_url else "the embedded Valkey"
    with closing(connect(url)) as link:
        key = f"{place.redis_prefix}:live"
        try:
            yield _examine_latency(link, key)
            yield from _examine_server(link, key, where)
        except (redis.RedisError, OSError) as error:
            fix = f"Start it, or mend {variable}" if place.redis_url else f"Start {place.program}"
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
