"""Is the Redis that the workers share there, new enough, quick, and of our time?"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping
from typing import Any

import redis

from blog.config import Settings
from blog.ops.findings import Finding, fail, warn
from flask_presence.tracking import Link, connect, describe_outage, is_refusal

PINGS = 100
# A frame waits for one write and one message at most: more than this is seen by readers.
SLOW_SECONDS = 0.010
# A call is given up after 1 s (flask_presence.tracking.masters.CALL_TIMEOUT_SECONDS).
STUCK_SECONDS = 0.5
# Ends of leases are by Redis's clock only; by ours a reader's oldest tab is found.
MAX_SKEW_SECONDS = 2.0
LEAST_VERSION, LEAST_CLUSTER_VERSION = (6, 2), (7, 0)


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
    link, key = connect(url), f"{settings.redis_prefix}:live"
    try:
        yield from _examine_times(link, key)
        yield from _examine_server(link, key, where)
    except (redis.RedisError, OSError) as error:
        yield fail(
            "Redis",
            f"{where} {describe_outage(error)}",
            "an answer within a second",
            f"Pages are served, numbers stand still. {_mend(error, settings)}",
        )
    finally:
        link.close()


def _mend(error: Exception, settings: Settings) -> str:
    if is_refusal(error):
        return "Its own words say why: see to its memory, or to what its user may do"
    return "Start it, or mend BLOG_REDIS_URL" if settings.redis_url else "Start the blog"


def _examine_times(link: Link, key: str) -> Iterator[Finding]:
    link.call(key, "TIME")  # connects
    took, skews = [], []
    for _ in range(PINGS):
        began, wall = time.perf_counter(), time.time()
        seconds, micros = link.call(key, "TIME")
        took.append(time.perf_counter() - began)
        # Theirs was read somewhere between our two looks: in the middle, within half of the time.
        skews.append((took[-1], seconds + micros / 1e6 - wall - took[-1] / 2))
    middle, most = statistics.median(took), max(took)
    found = f"{middle * 1000:.2f} ms for the median of {PINGS} calls, {most * 1000:.2f} ms at most"
    if middle > SLOW_SECONDS or most > STUCK_SECONDS:
        yield warn(
            "Redis's latency",
            found,
            f"{SLOW_SECONDS * 1000:g} ms, {STUCK_SECONDS * 1000:g} ms at most",
            "Put it nearer to the workers, or find out what keeps it busy (`SLOWLOG GET`)",
        )
    else:
        yield Finding("Redis's latency", found)
    _, skew = min(skews)
    found = f"Redis's is {abs(skew):.3f} s {'ahead of' if skew > 0 else 'behind'} ours"
    if abs(skew) > MAX_SKEW_SECONDS:
        yield warn(
            "clocks",
            found,
            f"{MAX_SKEW_SECONDS:g} s at most",
            "Leases do not mind; logs do, and which tab is the oldest. Run chrony on both machines",
        )
    else:
        yield Finding("clocks", found)


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
