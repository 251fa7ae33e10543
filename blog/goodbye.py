"""Shorten the lease of a worker that died: `python -m blog.goodbye WORKER SECONDS`.

A worker that said goodbye itself keeps the lease that it asked for.

A process of its own. In the gunicorn master, redis-py would be loaded before gevent has patched
what it imports, for every worker forked later; and the master must not wait for Redis.
"""

from __future__ import annotations

import logging
import sys

import redis

from blog.config import Settings
from blog.presence import Store, connect

log = logging.getLogger(__name__)


def main(worker: str, lease_seconds: str) -> None:
    """Say goodbye for a worker. Where that fails, its lease ends by itself."""
    settings = Settings.from_process()
    store = Store(connect(settings.redis_url), settings.redis_prefix)
    try:
        store.leave(worker, lease_seconds=float(lease_seconds))
    except (redis.RedisError, OSError) as error:
        # Not worth a warning: at a stop of the whole blog the embedded Valkey may be gone first,
        # and an outage of Redis is logged by every worker.
        log.debug("presence: could not shorten a dead worker's lease: %s", error)
    finally:
        store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
