"""Where the master is, by those who know it, and one client of it that fails fast."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import AskError, MovedError
from redis.retry import Retry

# What a call may raise when the server is gone, slow, or refuses.
FAILURES = (redis.RedisError, OSError)

# What a slow or frozen server may cost. The presence has its own supervisor, which tries again;
# redis-py's own retries would hold a greenlet for up to a minute.
CALL_TIMEOUT_SECONDS = 1.0
CONNECT_TIMEOUT_SECONDS = 0.5
# A Sentinel or a node has this long to say where the master is. Where one does not answer, the call
# fails, and the next one begins with another.
LOOKUP_SECONDS = 0.5
# Writer, reader's fetches, subscription, and one to spare for a command line or a probe.
MAX_CONNECTIONS = 4

Address = tuple[str, int]
Options = dict[str, Any]
Ask = Callable[[redis.Redis, str], Address]


class Search:
    """Look for the master at several places in turn, each time at another one first.

    Another one, because a Sentinel that is cut off from the others goes on naming the old master.
    """

    def __init__(self, options: Options, places: Iterable[Address], ask: Ask) -> None:
        self._options = options
        self._places = deque(places)
        self._ask = ask

    def find(self, key: str) -> Address:
        """Return where the master of a key is. Raises one of `FAILURES` where nobody says."""
        deadline = time.monotonic() + LOOKUP_SECONDS
        for tries_left in reversed(range(len(self._places))):
            place = self._places[0]
            self._places.rotate(-1)
            try:
                with open_client(self._options, place, LOOKUP_SECONDS) as client:
                    return self._ask(client, key)
            except FAILURES:
                if not tries_left or time.monotonic() > deadline:
                    raise
        raise AssertionError("found no places to look at, expected one at least")


def ask_sentinel(service: str) -> Ask:
    """Return what asks a Sentinel for the master of a service."""

    def ask(sentinel: redis.Redis, key: str) -> Address:
        found = sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service)  # type: ignore[no-untyped-call]
        if found is None:
            raise redis.ConnectionError(f"Sentinel does not know the service {service}")
        host, port = found
        return host.decode(), int(port)

    return ask


def ask_node(node: redis.Redis, key: str) -> Address:
    """Ask a node of a cluster for the master of a key, by whether it sends us elsewhere."""
    try:
        node.execute_command("EXISTS", key)  # type: ignore[no-untyped-call]
    except MovedError as told:
        return address_in(told, node)
    except AskError:
        pass  # it gives the slot away, but has it still
    options = node.connection_pool.connection_kwargs
    return options["host"], options["port"]


def address_in(told: AskError, asked: redis.Redis) -> Address:
    """Return where a redirection sends us."""
    # No host: the node does not know by which name it is reached, and means that one.
    return told.host or asked.connection_pool.connection_kwargs["host"], told.port


def open_client(
    options: Options,
    address: Address | None,
    timeout_seconds: float = CALL_TIMEOUT_SECONDS,
) -> redis.Redis:
    """Return a client with short limits and without retries; nothing is connected yet."""
    if address is not None:
        options = options | {"host": address[0], "port": address[1]}
    limits = {
        "max_connections": MAX_CONNECTIONS,
        "timeout": timeout_seconds,
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        # The check before a command would cost a round trip and proves nothing about the next one.
        "health_check_interval": 0,
    }
    pool = redis.BlockingConnectionPool(**options | limits)  # type: ignore[no-untyped-call]
    return redis.Redis.from_pool(pool)


def close_idle(client: redis.Redis) -> None:
    """Close the connections that no call is using; those end as they are used the last time."""
    client.connection_pool.disconnect(inuse_connections=False)
