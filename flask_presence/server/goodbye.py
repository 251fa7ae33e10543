"""Shorten the lease of a worker that died: `python -m flask_presence.server.goodbye WORKER ENDS`.

PRESENCE_REDIS_URL, PRESENCE_REDIS_PREFIX and PRESENCE_LEASE_SECONDS say where. A worker that said
goodbye itself keeps the lease that it asked for.

It is a process of its own because in the gunicorn master redis-py would be loaded, for every worker
forked later, before gevent has patched what it imports; and the master must not wait for Redis.
"""

from __future__ import annotations

import logging
import os
import sys
import time

import redis

from ..tracking import Store, connect

log = logging.getLogger(__name__)

# The lease is left at least this long, even if it should have ended already, so that every other
# worker hears of the end first.
LEAST_SECONDS = 0.2
# The wait between two tries, beside the second after which a call to a frozen Redis gives up.
RETRY_SECONDS = 0.5


def main(worker: str, ends: str) -> None:
    """Say goodbye for a worker; retry until Redis has heard it or the lease has ended by itself.

    `ends` is when its tabs stop counting, by the host's monotonic clock: a fixed time after its
    death, however long this process takes to start or Redis to answer.
    """
    deadline = time.monotonic() + float(os.environ["PRESENCE_LEASE_SECONDS"])
    master = os.getppid()
    store = Store(connect(os.environ["PRESENCE_REDIS_URL"]), os.environ["PRESENCE_REDIS_PREFIX"])
    try:
        # When all of gunicorn stops, the embedded Valkey may be gone first; then the master ends,
        # too.
        while time.monotonic() < deadline and os.getppid() == master:
            try:
                left = float(ends) - time.monotonic()
                store.leave(worker, lease_seconds=max(left, LEAST_SECONDS))
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
