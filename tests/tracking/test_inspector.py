"""An inspector sees every slot, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from flask_presence.tracking import Inspector, Presence, Slot, Store, connect
from tests.valkey import Valkey


@pytest.fixture
def store(valkey: Valkey) -> Iterator[Store]:
    store = Store(connect(valkey.url), "{viblog}")
    yield store
    store.close()


@pytest.fixture
def slots(store: Store) -> Callable[..., None]:
    """Return what adds to and removes from a worker's slot, in the store as well."""
    held: dict[str, Slot] = {}

    def change(
        worker: str, *joins: str | Presence, leaves: str = "", lease_seconds: float = 10
    ) -> None:
        slot = held.setdefault(worker, Slot())
        for one in joins:
            if isinstance(one, str):
                one = Presence(one, "readers", f"key-{one}", {"page": "index"})
            slot.add(one)
        slot.remove(leaves)
        write = slot.next_write()
        assert store.write(worker, write, lease_seconds=lease_seconds)
        slot.confirm(write)

    return change


def refs(inspector: Inspector) -> dict[str, list[str]]:
    return {one.name: sorted(p.ref for p in one.presences) for one in inspector.inspect()}


def test_it_sees_every_worker_that_is_alive_and_what_changed_meanwhile(store, slots):
    inspector = Inspector(store)
    assert refs(inspector) == {}
    slots("w1", "a", "b")
    slots("w2")
    assert refs(inspector) == {"w1": ["a", "b"], "w2": []}
    slots("w1", "c", leaves="a")
    assert refs(inspector) == {"w1": ["b", "c"], "w2": []}
    (first, _) = inspector.inspect()
    assert 9_000 < first.lease_ms <= 10_000
    store.leave("w2", lease_seconds=0)
    assert refs(inspector) == {"w1": ["b", "c"]}


def test_it_counts_as_the_workers_do(store, slots):
    """One reader's tabs are one reader; what has come back at another worker counts once."""
    inspector = Inspector(store, indexes=("page",))
    slots("w1", "a", "b")
    slots("w2", Presence("c", "readers", "key-a", {"page": "index"}))
    slots("w2", Presence("d", "readers", "key-b", {"page": "index"}, prev_ref="b"))
    assert refs(inspector) == {"w1": ["a"], "w2": ["c", "d"]}
    assert inspector.replica.counts("readers", "page") == {"index": 3}
    assert inspector.replica.counts("readers", "page", distinct=True) == {"index": 2}


def test_it_asks_again_only_for_a_slot_that_changed(valkey, store, slots):
    inspector = Inspector(store)
    slots("w1", "a")
    slots("w2", "b")
    inspector.inspect()
    valkey.client.config_resetstat()
    slots("w2", "c")
    inspector.inspect()
    inspector.inspect()
    assert valkey.client.info("commandstats")["cmdstat_hgetall"]["calls"] == 1


def test_it_changes_nothing_and_tells_nobody(valkey, store, slots):
    slots("w1", "a")
    valkey.client.zadd("{viblog}:live", {"long-dead": 1.0})  # a worker would clean it up
    inspector = Inspector(store)
    inspector.inspect()  # the script is there from now on
    before = valkey.client.info("persistence")["rdb_changes_since_last_save"]
    listening = valkey.client.pubsub()
    listening.subscribe("{viblog}:d")
    assert listening.get_message(timeout=1)["type"] == "subscribe"
    assert refs(inspector) == {"w1": ["a"]}
    assert valkey.client.info("persistence")["rdb_changes_since_last_save"] == before
    assert listening.get_message(timeout=0.05) is None
    listening.close()
    assert valkey.client.zscore("{viblog}:live", "long-dead") == 1.0


def test_a_slot_that_is_lost_is_seen_empty_until_its_worker_puts_it_back(valkey, store, slots):
    inspector = Inspector(store)
    slots("w1", "a")
    inspector.inspect()
    valkey.client.delete("{viblog}:w:w1")
    assert refs(inspector) == {"w1": []}
