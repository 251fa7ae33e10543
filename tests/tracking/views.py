"""Compare nodes' lists with the slots in Redis and with the diffs that they have told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tests.tracking.nodes import Node, sort_refs, wait_until
from tests.valkey import Valkey

# The keys in Redis, of the prefix that `node` has.
PREFIX = "{nodes}"
SLOTS = f"{PREFIX}:w:"
LIVING = f"{PREFIX}:live"


def assert_every_slot_is_whole(
    valkey: Valkey, nodes: Sequence[Node], *, within_seconds: float
) -> None:
    """Wait until Redis holds what each node lists as its own, and counts each among the living.

    No key may ever be without a TTL, even briefly: nothing would ever remove it.
    """
    redis: Any = valkey.client  # it decodes, which its types do not tell
    own = {node.call("worker"): list_own(node) for node in nodes}

    def are_whole() -> bool:
        immortal = [key for key in redis.keys("*") if redis.pttl(key) == -1]
        assert immortal == [], f"without a TTL: {immortal}"
        return read_slots(valkey) == own and read_living(valkey) == set(own)

    def what() -> str:
        return f"whole slots; {read_slots(valkey)} of {read_living(valkey)}, expected {own}"

    wait_until(are_whole, within_seconds=within_seconds, what=what)


def list_own(node: Node) -> dict[str, Any]:
    """Return the part of a node's list that is its own: refs begin with their worker's name."""
    own = node.call("worker") + "-"
    view: dict[str, Any] = {}
    for key, entry in node.call("list").items():
        metas = [meta for meta in entry["metas"] if meta["ref"].startswith(own)]
        if metas:
            view[key] = {"metas": metas}
    return sort_refs(view)


def read_slots(valkey: Valkey) -> dict[str, Any]:
    """Return every slot in Redis as the list that it stands for: worker → list."""
    return {key.removeprefix(SLOTS): read_slot(valkey, key) for key in list_slots(valkey)}


def list_slots(valkey: Valkey) -> list[str]:
    """Return the key of every slot in Redis."""
    redis: Any = valkey.client
    return sorted(redis.keys(SLOTS + "*"))


def read_slot(valkey: Valkey, slot: str) -> dict[str, Any]:
    """Return one slot as the list that it stands for."""
    redis: Any = valkey.client
    view: dict[str, Any] = {}
    for ref, text in redis.hgetall(slot).items():
        if not ref.startswith("."):  # its version
            _, key, meta, prev_ref = json.loads(text)
            if meta is None:  # a tombstone
                continue
            refs = {"ref": ref} if prev_ref is None else {"ref": ref, "prev_ref": prev_ref}
            view.setdefault(key, {"metas": []})["metas"].append({**meta, **refs})
    return sort_refs(view)


def list_tombstones(valkey: Valkey) -> list[str]:
    """Return the ref that each tombstone in Redis hides."""
    redis: Any = valkey.client
    fields = [field for slot in list_slots(valkey) for field in redis.hgetall(slot).items()]
    presences = [json.loads(text) for ref, text in fields if ref[0] != "."]
    return [prev_ref for _, _, meta, prev_ref in presences if meta is None]


def read_living(valkey: Valkey) -> set[str]:
    """Return the workers whose lease has not ended by Redis's clock."""
    redis: Any = valkey.client
    seconds, micros = redis.time()
    now_ms = seconds * 1000 + micros // 1000
    return set(redis.zrangebyscore(LIVING, now_ms, "+inf"))


def assert_told_diffs_give_the_list(node: Node) -> None:
    """Check that the diffs since `meet`, replayed on the empty list, give the node's list."""
    told: dict[str, tuple[str, dict[str, Any]]] = {}
    for diff in node.call("take_diffs"):
        for key, meta in list_metas(diff["leaves"]):
            assert told.pop(meta["ref"], None) == (key, meta), f"{key} left, and was not there"
        for key, meta in list_metas(diff["joins"]):
            assert meta["ref"] not in told, f"{key} joined, and was there"
            told[meta["ref"]] = (key, meta)
    listed = {meta["ref"]: (key, meta) for key, meta in list_metas(node.call("list"))}
    assert told == listed, f"told {told}, listed {listed}"


def list_metas(view: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every meta of a list with its key."""
    for key, entry in view.items():
        for meta in entry["metas"]:
            yield key, meta
