"""A store while its slot moves from one master of a cluster to another, and after a failover."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from redis.exceptions import ReadOnlyError

from flask_presence.tracking.redis_link import FAILURES, Link, connect
from flask_presence.tracking.slot import Write
from flask_presence.tracking.store import Store
from flask_presence.tracking.values import Presence, Version
from flask_presence.tracking.wire import Published, decode_message
from tests.redis_cluster import Cluster
from tests.redis_servers import SentinelPair, TwoServers

TAG = "{test}"
FIRST = Version("e1", 0)
ANN = Presence("w1-1", "blog", "ann", {})
PUT = Write(None, FIRST, joins=(ANN,))
HEARTBEAT = Write(FIRST, FIRST)
# The slot's master at the start, and the one that is to have it.
MOVE = (1, 2)


@pytest.fixture
def cluster(running_servers) -> Iterator[Cluster]:
    """Return the running cluster, empty; its slot is moved back after the test."""
    cluster = running_servers("cluster")
    cluster.make_whole()
    yield cluster
    cluster.undo_move(TAG, *MOVE)


@pytest.fixture
def store(cluster: Cluster) -> Iterator[Store]:
    """Return a store with one slot in it."""
    store = Store(connect(cluster.url), TAG)
    assert write(store, PUT)
    yield store
    store.close()


def write(store: Store, what: Write) -> bool:
    return store.write("w1", what, lease_seconds=60.0)


def receive_message(subscription) -> object:
    """Return the next message, decoded."""
    kind, payload = subscription.receive(1.0)
    assert kind == "message"
    return decode_message(payload)


def test_a_move_that_has_begun_stops_nothing(store, cluster):
    cluster.begin_move(TAG, *MOVE)
    assert write(store, HEARTBEAT)
    assert store.fetch("w1") == (FIRST, (ANN,))
    assert store.digest()["w1"].version == FIRST


def test_a_move_that_has_moved_all_keys_stops_nothing(store, cluster):
    """The old master still has the slot, and sends us to the new one for each command (ASK)."""
    cluster.begin_move(TAG, *MOVE)
    assert cluster.move_keys(TAG, *MOVE) == 2
    assert write(store, HEARTBEAT)
    assert store.fetch("w1") == (FIRST, (ANN,))
    assert store.digest()["w1"].version == FIRST
    cluster.clients[2].script_flush()
    assert write(store, HEARTBEAT)


def test_a_step_between_two_masters_fails_and_changes_nothing(store, cluster):
    """Its two keys are not in one place: the presence is stale until they are."""
    later = Write(FIRST, Version("e1", 1), leaves=("w1-1",))
    cluster.begin_move(TAG, *MOVE)
    cluster.move_keys(TAG, *MOVE, most=1)
    for step in (later, HEARTBEAT, Write(None, Version("e2", 0))):
        with pytest.raises(FAILURES):
            write(store, step)
    assert store.fetch("w1") == (FIRST, (ANN,))
    cluster.move_keys(TAG, *MOVE)
    assert store.fetch("w1") == (FIRST, (ANN,))
    assert write(store, later)
    assert store.fetch("w1") == (Version("e1", 1), ())


def test_a_subscription_follows_a_slot_that_has_moved(store, cluster):
    subscription = store.subscribe()
    assert subscription.receive(1.0) == ("subscribe", b"")
    cluster.begin_move(TAG, *MOVE)
    cluster.move_keys(TAG, *MOVE)
    cluster.end_move(TAG, *MOVE)
    deadline = time.monotonic() + 1.0
    while (received := subscription.receive(0.2)) is None:
        assert time.monotonic() < deadline
    assert received == ("subscribe", b"")
    assert write(store, HEARTBEAT)
    assert receive_message(subscription) == Published("w1", FIRST, FIRST, (), ())
    subscription.close()


def test_a_write_that_finds_the_slot_moved_takes_the_subscription_along(store, cluster):
    """Whichever notices first; here a node of its own has forgotten to end the subscription."""
    subscription = store.subscribe()
    assert subscription.receive(1.0) == ("subscribe", b"")
    cluster.begin_move(TAG, *MOVE)
    cluster.move_keys(TAG, *MOVE)
    cluster.end_move(TAG, *MOVE)
    assert write(store, HEARTBEAT)
    assert subscription.receive(1.0) == ("subscribe", b"")
    assert write(store, HEARTBEAT)
    assert receive_message(subscription) == Published("w1", FIRST, FIRST, (), ())
    subscription.close()


@pytest.fixture
def two_servers() -> Iterator[TwoServers]:
    """Return two servers, of which the first is read-only by now."""
    with TwoServers() as servers:
        servers.start()
        yield servers


def test_a_read_only_answer_leads_to_the_new_master(two_servers):
    """It comes from a master that was made a replica, where every connection is well."""
    named = [two_servers.addresses[0], *two_servers.addresses]
    store = Store(Link({}, lambda key: named.pop(0) if len(named) > 1 else named[0]), TAG)
    subscription = store.subscribe()
    assert subscription.receive(1.0) == ("subscribe", b"")
    with pytest.raises(ReadOnlyError):
        write(store, PUT)
    with pytest.raises(ReadOnlyError):  # whoever was asked has not noticed yet
        write(store, PUT)
    assert write(store, PUT)
    assert subscription.receive(1.0) == ("subscribe", b"")
    assert write(store, HEARTBEAT)
    assert receive_message(subscription) == Published("w1", FIRST, FIRST, (), ())
    subscription.close()
    store.close()


def test_a_name_that_stands_for_another_server_now_is_resolved_anew(two_servers):
    """As a managed service's name does after its failover; here the name is a socket's path."""
    old, new = two_servers.sockets
    store = Store(connect(f"unix://{old}"), TAG)
    assert store.fetch("w1") is None  # the connection stays open
    new.rename(old)
    with pytest.raises(ReadOnlyError):
        write(store, PUT)
    assert write(store, PUT)
    store.close()


def test_without_any_sentinel_the_master_that_was_known_serves_on():
    with SentinelPair() as pair:
        pair.start()
        store = Store(connect(pair.url), TAG)
        assert write(store, PUT)
        pair.processes[2].kill()
        pair.client.config_set("maxmemory", 1)
        with pytest.raises(FAILURES):
            write(store, HEARTBEAT)
        pair.client.config_set("maxmemory", 0)
        assert write(store, HEARTBEAT)
        store.close()
