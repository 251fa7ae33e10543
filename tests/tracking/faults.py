"""What can go wrong with workers and with Redis, as verbs. What the proxy does is in `proxy`."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

from tests.tracking.nodes import Node
from tests.tracking.views import LIVING, list_slots
from tests.valkey import Valkey

# -- Workers -------------------------------------------------------------------------------------


def kill_worker(node: Node) -> None:
    """End it without a goodbye (SIGKILL)."""
    node.process.kill()
    node.process.wait()


def pause_worker(node: Node) -> None:
    """Stop it where it is (SIGSTOP): everything stays open, nothing is read or sent."""
    node.process.send_signal(signal.SIGSTOP)


def resume_worker(node: Node) -> None:
    """Have a paused one go on (SIGCONT)."""
    node.process.send_signal(signal.SIGCONT)


# -- Redis loses something -----------------------------------------------------------------------


def restart_redis_empty(valkey: Valkey) -> None:
    """Kill Redis, and start another one in its place."""
    valkey.stop()
    valkey.start()


def empty_redis(valkey: Valkey) -> None:
    """Delete everything (FLUSHALL)."""
    valkey.client.flushall()


def delete_slot(valkey: Valkey) -> None:
    """Delete one worker's slot."""
    valkey.client.delete(list_slots(valkey)[0])


def delete_the_living(valkey: Valkey) -> None:
    """Delete the list of the workers that live."""
    valkey.client.delete(LIVING)


def evict_slot(valkey: Valkey) -> None:
    """Give Redis less and less memory until it evicts one key: the slot whose lease ends first."""
    redis = valkey.client
    # It takes the least TTL of so many keys, and there are not so many: the list of the living,
    # which has a longer one, is never taken.
    redis.config_set("maxmemory-policy", "volatile-ttl")
    redis.config_set("maxmemory-samples", 64)
    max_bytes = redis.info("memory")["used_memory"] + 100_000
    evicted = redis.info("stats")["evicted_keys"]
    try:
        while redis.info("stats")["evicted_keys"] == evicted:
            max_bytes -= 100  # less than a slot takes
            redis.config_set("maxmemory", max_bytes)
    finally:
        redis.config_set("maxmemory", 0)
        redis.config_set("maxmemory-policy", "noeviction")


# -- Redis refuses -------------------------------------------------------------------------------


@contextlib.contextmanager
def redis_out_of_memory(valkey: Valkey) -> Iterator[None]:
    """Have Redis refuse what needs memory (`maxmemory` reached, `noeviction`), for a while."""
    valkey.client.config_set("maxmemory-policy", "noeviction")
    valkey.client.config_set("maxmemory", 1)
    try:
        yield
    finally:
        valkey.client.config_set("maxmemory", 0)


@contextlib.contextmanager
def redis_read_only(valkey: Valkey) -> Iterator[None]:
    """Have Redis refuse every write, as the replica of a server that is not there, for a while."""
    valkey.client.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        valkey.client.replicaof("NO", "ONE")


# -- Connections ---------------------------------------------------------------------------------


def cut_subscription(valkey: Valkey) -> None:
    """Cut every worker's subscription (CLIENT KILL TYPE pubsub)."""
    valkey.client.client_kill_filter(_type="pubsub")


def cut_all_connections(valkey: Valkey) -> None:
    """Cut every connection but that of the test."""
    cut_subscription(valkey)
    valkey.client.client_kill_filter(_type="normal", skipme=True)
