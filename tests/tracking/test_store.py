"""One suite for the store: on Valkey, Redis 7, Sentinel and Cluster, and in memory.

Each step changes all or nothing, and nothing lives for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic, sleep
from typing import Any

import pytest

from flask_presence.tracking.memory import MOST_WAITING, MemoryStore
from flask_presence.tracking.redis_link import connect
from flask_presence.tracking.slot import Write
from flask_presence.tracking.slots import Slots
from flask_presence.tracking.store import Store
from flask_presence.tracking.values import Presence, Version
from flask_presence.tracking.wire import Asked, Digested, Leaving, Published, decode_message
from tests.conftest import KIND_MARKS, KINDS

KINDS_OF_SERVERS = [pytest.param(kind, marks=KIND_MARKS.get(kind, [])) for kind in KINDS]
LEASE_SECONDS = 60.0
ANN = Presence("w1-1", "blog", "ann", {"page": "index"})
BOB = Presence("w1-2", "blog", "bob", {"page": "about"}, prev_ref="w1-0")
FIRST = Version("e1", 0)
SECOND = Version("e1", 1)
PUT = Write(None, FIRST, joins=(ANN,))
SLOT = "{test}:w:w1"
LIVE = "{test}:live"


class Memory:
    """A store in memory, seen as a test sees a server: by the commands that it is asked with."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.client = self

    def time(self) -> tuple[int, int]:
        seconds, part = divmod(monotonic(), 1)
        return int(seconds), int(part * 1e6)

    def zscore(self, key: str, worker: str) -> float | None:
        ends = self.store._live.get(worker)
        return None if ends is None else ends * 1000

    def zadd(self, key: str, ends_ms: dict[str, float]) -> None:
        self.store._live |= {worker: ends / 1000 for worker, ends in ends_ms.items()}

    def pttl(self, key: str) -> float:
        ends = [slot.ends for slot in self.store._slots.values()] + [*self.store._live.values()]
        return (min(ends) - monotonic()) * 1000

    def keys(self, pattern: str) -> list[str]:
        return [*self.store._slots, *self.store._live]

    def exists(self, key: str) -> int:
        return int(self.store.fetch(key.rpartition(":")[2]) is not None)

    def delete(self, key: str) -> None:
        del self.store._slots[key.rpartition(":")[2]]


@pytest.fixture(params=[*KINDS_OF_SERVERS, "memory"])
def server(request: pytest.FixtureRequest, running_servers: Any) -> Iterator[Any]:
    """Return an empty server of each kind in turn, or the memory."""
    if request.param == "memory":
        yield Memory()
        return
    server = running_servers(request.param)
    server.make_whole()
    yield server
    server.make_whole()


def open_store(server: Any, prefix: str) -> Any:
    return MemoryStore() if isinstance(server, Memory) else Store(connect(server.url), prefix)


@pytest.fixture
def store(server: Any) -> Iterator[Any]:
    """Return a store of the prefix {test}."""
    store = server.store if isinstance(server, Memory) else open_store(server, "{test}")
    yield store
    store.close()


@pytest.mark.full  # Redis itself is no part of what `make test` needs
def test_the_servers_are_what_they_are_called(running_servers):
    valkey, redis = (running_servers(kind).client.info("server") for kind in ("valkey", "redis"))
    assert int(valkey["valkey_version"].split(".")[0]) >= 9
    assert int(redis["redis_version"].split(".")[0]) >= 7
    assert "valkey_version" not in redis


def write(store: Slots, what: Write, lease_seconds: float = LEASE_SECONDS) -> bool:
    return store.write("w1", what, lease_seconds=lease_seconds)


def assert_lease_is_about(server: Any, seconds: float) -> None:
    """Both by the slot's own expiry and by the list of the living."""
    ends_ms = server.client.zscore(LIVE, "w1")
    assert ends_ms is not None
    now_seconds, now_us = server.client.time()
    left = ends_ms / 1000 - (now_seconds + now_us / 1e6)
    assert seconds - 1.0 < left <= seconds
    assert seconds - 1.0 < server.client.pttl(SLOT) / 1000 <= seconds


def assert_every_key_expires(server: Any) -> None:
    for key in server.client.keys("*"):
        assert server.client.pttl(key) > 0, key


def wait_for_end(server: Any, key: str) -> None:
    deadline = monotonic() + 2.0
    while server.client.exists(key):
        assert monotonic() < deadline, f"{key} did not expire"
        sleep(0.005)


def test_a_put_is_fetched_back(store):
    assert write(store, Write(None, FIRST, joins=(ANN, BOB)))
    version, presences = store.fetch("w1")
    assert version == FIRST
    assert {p.ref for p in presences} == {"w1-1", "w1-2"}
    assert ANN in presences
    assert BOB in presences


def test_a_put_replaces_the_whole_slot(store):
    write(store, PUT)
    write(store, Write(None, Version("e2", 0), joins=(BOB,)))
    assert store.fetch("w1") == (Version("e2", 0), (BOB,))


def test_an_append_adds_and_removes(store):
    write(store, PUT)
    assert write(store, Write(FIRST, SECOND, joins=(BOB,), leaves=("w1-1",)))
    assert store.fetch("w1") == (SECOND, (BOB,))


@pytest.mark.parametrize("prev", [SECOND, Version("e0", 0)])
def test_an_append_to_another_version_changes_nothing(store, server, prev):
    write(store, PUT, lease_seconds=20.0)
    assert not write(store, Write(prev, Version("e1", 9), joins=(BOB,), leaves=("w1-1",)))
    assert store.fetch("w1") == (FIRST, (ANN,))
    assert_lease_is_about(server, 20.0)


def test_a_refused_append_is_not_published(store):
    subscription = store.subscribe()
    assert subscription.receive(1.0) == ("subscribe", b"")
    assert not write(store, Write(FIRST, SECOND, joins=(BOB,)))
    assert subscription.receive(0.05) is None
    subscription.close()


def test_an_expired_slot_is_not_brought_back_by_an_append(store, server):
    """An HSET alone would leave a part of it without a TTL: a ghost for ever."""
    write(store, PUT, lease_seconds=0.02)
    wait_for_end(server, SLOT)
    assert not write(store, Write(FIRST, SECOND, joins=(BOB,)))
    assert not write(store, Write(FIRST, FIRST))
    assert store.fetch("w1") is None
    assert server.client.exists(SLOT) == 0


def test_a_heartbeat_renews_the_lease(store, server):
    write(store, PUT, lease_seconds=20.0)
    assert write(store, Write(FIRST, FIRST))
    assert store.fetch("w1") == (FIRST, (ANN,))
    assert_lease_is_about(server, LEASE_SECONDS)


def test_every_key_expires_after_each_step(store, server):
    write(store, PUT)
    assert_every_key_expires(server)
    write(store, Write(FIRST, SECOND, joins=(BOB,), leaves=("w1-1",)))
    assert_every_key_expires(server)
    write(store, Write(SECOND, SECOND))
    assert_every_key_expires(server)
    store.digest()
    assert_every_key_expires(server)
    store.leave("w1", lease_seconds=10.0)
    assert_every_key_expires(server)
    assert server.client.keys("*") != []


def test_the_digest_says_who_lives_and_which_version_its_slot_has(store):
    assert store.digest() == {}
    write(store, PUT)
    assert store.digest() == {"w1": Digested(alive=True, version=FIRST)}
    write(store, Write(FIRST, SECOND, joins=(BOB,)))
    assert store.digest() == {"w1": Digested(alive=True, version=SECOND)}


def test_the_digest_says_what_is_left_of_a_lease(store):
    write(store, PUT)
    assert 59_000 < store.digest()["w1"].left_ms <= 60_000
    store.leave("w1", lease_seconds=10.0)
    assert 9_000 < store.digest()["w1"].left_ms <= 10_000


def test_the_digest_remembers_who_died_lately(store, server):
    write(store, PUT, lease_seconds=0.02)
    wait_for_end(server, SLOT)
    assert store.digest() == {"w1": Digested(alive=False, version=None)}


def test_the_digest_forgets_who_died_long_ago(store, server):
    """By the server's clock: here the lease ended 61 s ago, and 59 s ago."""
    now_ms = server.client.time()[0] * 1000
    server.client.zadd(LIVE, {"old": now_ms - 61_000, "recent": now_ms - 58_000})
    assert store.digest() == {"recent": Digested(alive=False, version=None)}


def test_the_digest_says_that_a_living_workers_slot_is_gone(store, server):
    write(store, PUT)
    server.client.delete(SLOT)
    assert store.digest() == {"w1": Digested(alive=True, version=None)}


def test_leaving_shortens_a_lease(store, server):
    write(store, PUT)
    store.leave("w1", lease_seconds=10.0)
    assert_lease_is_about(server, 10.0)
    assert store.fetch("w1") == (FIRST, (ANN,))


def test_leaving_never_makes_a_lease_longer(store, server):
    write(store, PUT, lease_seconds=10.0)
    store.leave("w1", lease_seconds=30.0)
    assert_lease_is_about(server, 10.0)


def test_a_worker_that_leaves_may_make_its_own_lease_longer(store, server):
    """Its tabs were asked to come back later than its lease would have ended."""
    write(store, PUT, lease_seconds=10.0)
    store.leave("w1", lease_seconds=30.0, version=FIRST)
    assert_lease_is_about(server, 30.0)
    assert store.fetch("w1") == (FIRST, (ANN,))


def test_nobody_shortens_the_lease_that_a_leaving_worker_set_itself(store, server):
    """Its master sees it end, and cannot know how."""
    write(store, PUT)
    store.leave("w1", lease_seconds=20.0, version=FIRST)
    store.leave("w1", lease_seconds=3.0)
    assert_lease_is_about(server, 20.0)


def test_a_worker_whose_slot_was_lost_leaves_nothing(store, server):
    store.leave("w1", lease_seconds=10.0, version=FIRST)
    assert server.client.keys("*") == []


def test_leaving_without_being_known_is_told_and_remembered(store, server):
    """The list of the living was lost, and the worker died before it was in it again.

    Who hears no message, as the subscription was lost as well, learns of it by a digest.
    """
    subscription = store.subscribe()
    assert subscription.receive(1.0) == ("subscribe", b"")
    store.leave("w9", lease_seconds=10.0)
    kind, payload = subscription.receive(1.0)
    subscription.close()
    assert (kind, decode_message(payload)) == ("message", Leaving("w9", 10_000))
    said = store.digest()["w9"]
    assert said == Digested(alive=True, version=None)
    assert 9_000 < said.left_ms <= 10_000
    assert_every_key_expires(server)


def test_prefixes_do_not_mix(store, server):
    other = open_store(server, "{other}")
    write(store, PUT)
    assert other.digest() == {}
    assert other.fetch("w1") is None
    other.close()


def test_each_step_is_told_to_subscribers(store):
    subscription = store.subscribe()
    assert subscription.receive(1.0) == ("subscribe", b"")
    write(store, PUT)
    write(store, Write(FIRST, SECOND, joins=(BOB,), leaves=("w1-1",)))
    write(store, Write(SECOND, SECOND))
    store.leave("w1", lease_seconds=0.5)
    told = [subscription.receive(1.0) for _ in range(4)]
    subscription.close()
    assert [kind for kind, _ in told] == ["message"] * 4
    assert [decode_message(payload) for _, payload in told] == [
        Published("w1", None, FIRST, (ANN,), ()),
        Published("w1", FIRST, SECOND, (BOB,), ("w1-1",)),
        Published("w1", SECOND, SECOND, (), ()),
        Leaving("w1", 500),
    ]


def test_an_ask_is_told_and_changes_nothing(store, server):
    subscription = store.subscribe()
    assert subscription.receive(1.0) == ("subscribe", b"")
    store.ask("w1", "ann", "w2-1", {"typing": True})
    kind, payload = subscription.receive(1.0)
    subscription.close()
    expected = Asked("w1", "ann", "w2-1", {"typing": True})
    assert (kind, decode_message(payload)) == ("message", expected)
    assert server.client.keys("*") == []


def test_receiving_ends_at_its_limit(store):
    subscription = store.subscribe()
    subscription.receive(1.0)
    began = monotonic()
    assert subscription.receive(0.05) is None
    assert 0.04 < monotonic() - began < 1.0
    subscription.close()


def test_a_subscriber_of_the_memory_that_is_too_far_behind_begins_anew():
    store = MemoryStore()
    subscription = store.subscribe()
    for _ in range(MOST_WAITING):
        store.leave("w1", lease_seconds=1.0)
    assert subscription.receive(0) == ("subscribe", b"")
    assert subscription.receive(0) is None
