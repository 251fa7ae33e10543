"""Shorten the lease of a worker that died: `python -m blog.goodbye WORKER SECONDS`.

A worker that said goodbye itself keeps the lease that it asked for.

A process of its own. In the gunicorn master, redis-py would be loaded before gevent has patched
what it imports, for every worker forked later; and the master must not wait for Redis.
"""

from __future__ import annotations

import logging
import os
import sys
import time

import redis

from blog.config import Settings
from blog.presence import Store, connect

log = logging.getLogger(__name__)

# Between two tries: a call gives up after a second itself, where Redis is frozen.
RETRY_SECONDS = 0.5


def main(worker: str, lease_seconds: str) -> None:
    """Say goodbye for a worker, until Redis has heard it or its lease has ended by itself."""
    settings = Settings.from_process()
    deadline = time.monotonic() + settings.lease_seconds
    master = os.getppid()
    store = Store(connect(settings.redis_url), settings.redis_prefix)
    try:
        # At a stop of the whole blog the embedded Valkey may be gone first, and then the master is.
        while time.monotonic() < deadline and os.getppid() == master:
            try:
                store.leave(worker, lease_seconds=float(lease_seconds))
            except (redis.RedisError, OSError) as error:
                # Not worth a warning: an outage of Redis is logged by every worker.
                log.debug("presence: could not shorten a dead worker's lease: %s", error)
                time.sleep(RETRY_SECONDS)
            else:
                return
    finally:
        store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
