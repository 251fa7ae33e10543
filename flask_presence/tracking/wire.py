"""The wire form: a presence in its slot, and a message on the channel. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .slot import Write
from .values import Presence, Tombstone, Version

# The message of a put with more presences than this only says that it happened, and each worker
# fetches the slot at a moment of its own; a smaller put carries the slot, and nobody has to ask.
INLINE_PUT_MAX = 500

# A day: a shortened lease lasts seconds, but JSON may hold integers that no float can.
MAX_LEASE_MS = 86_400_000

Change = tuple[Presence, ...]

# `json.dumps` would make an encoder for each call.
_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Published:
    """A slot changed from `prev` to `new`. `prev` None: it was replaced, by `joins` if given."""

    worker: str
    prev: Version | None
    new: Version
    joins: Change | None
    leaves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leaving:
    """A worker's lease was shortened: it ends in `lease_ms`."""

    worker: str
    lease_ms: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A worker asks the one that holds a presence to change its meta."""

    worker: str
    key: str
    ref: str
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Digested:
    """What the digest says of one worker. `version` None: alive, but its slot is gone.

    `left_ms` is the rest of its lease; it is not compared between digests.
    """

    alive: bool
    version: Version | None
    left_ms: int | None = field(default=None, compare=False)


def encode_presence(presence: Presence) -> str:
    """Return a presence as the JSON text in its slot: `[topic, key, meta, prev_ref]`.

    A tombstone has null for `meta`.
    """
    meta = None if isinstance(presence, Tombstone) else presence.meta
    return _encode([presence.topic, presence.key, meta, presence.prev_ref])


def decode_presence(ref: str, fields: Any) -> Presence:
    """Read what `encode_presence` wrote. Raises `ValueError` for anything else."""
    if not (isinstance(fields, list) and len(fields) == 4):
        raise ValueError("found a presence of another form, expected topic, key, meta and prev_ref")
    topic, key, meta, prev_ref = fields
    if meta is None and _are_texts(ref, topic, key, prev_ref):
        return Tombstone(ref, topic, key, {}, prev_ref)
    if not (_are_texts(ref, topic, key) and isinstance(meta, dict)):
        raise ValueError("found a presence of another form, expected ref, topic, key and meta")
    if not isinstance(prev_ref, str | None):
        raise ValueError("found a prev_ref of another form, expected text or null")
    return Presence(ref, topic, key, meta, prev_ref)


def load_json(text: bytes) -> Any:
    """Read JSON. Raises `ValueError` for anything else, and for JSON nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("found JSON that is nested too deep") from error


def encode_joins(write: Write) -> list[tuple[str, str]]:
    """Return the presences that join: their refs, and their JSON text in the slot."""
    return [(presence.ref, encode_presence(presence)) for presence in write.joins]


def encode_message(worker: str, write: Write, encoded: Sequence[tuple[str, str]]) -> str:
    """Return the message of a write: `[worker, prev, new, joins, leaves]` as JSON.

    `encoded` is what `encode_joins` returns; the message has `[ref, topic, key, meta, prev_ref]` of
    each. A put has `*` for `prev`, and null for `joins` if they are too many to send.
    """
    prev = "*" if write.prev is None else str(write.prev)
    joins = "null"
    if write.prev is not None or len(encoded) <= INLINE_PUT_MAX:
        joins = f"[{','.join([f'[{_encode(ref)},{text[1:]}' for ref, text in encoded])}]"
    versions = f"{_encode(prev)},{_encode(str(write.new))}"
    return f"{begin_message(worker)}{versions},{joins},{_encode(write.leaves)}]"


def begin_message(worker: str) -> str:
    """Return how every message of a worker begins."""
    return f"[{_encode(worker)},"


def encode_leaving(worker: str, lease_ms: int) -> str:
    """Return the message of a shortened lease: `[worker, lease_ms]` as JSON."""
    return _encode([worker, lease_ms])


def encode_asked(worker: str, key: str, ref: str, changes: Mapping[str, Any]) -> str:
    """Return the message of an ask: `[worker, key, ref, changes]` as JSON."""
    return _encode([worker, key, ref, changes])


def decode_message(payload: bytes) -> Published | Leaving | Asked:
    """Read a message. Raises `ValueError` for one of another form."""
    try:
        fields = json.loads(payload)
        if len(fields) == 2:
            worker, lease_ms = fields
            if type(lease_ms) is not int or not 0 <= lease_ms <= MAX_LEASE_MS:
                raise TypeError("a lease is no number of milliseconds")
            return Leaving(str(worker), lease_ms)
        if len(fields) == 4:
            worker, key, ref, changes = fields
            if not (_are_texts(worker, key, ref) and isinstance(changes, dict)):
                raise TypeError("an ask has no key, ref and changes")
            return Asked(worker, key, ref, changes)
        worker, prev, new, joins, leaves = fields
        if not _are_texts(*leaves):
            raise TypeError("leaves are not refs")
        return Published(
            worker=str(worker),
            prev=None if prev == "*" else Version.parse(prev),
            new=Version.parse(new),
            joins=None if joins is None else tuple(_decode_joins(joins)),
            leaves=tuple(leaves),
        )
    except (TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"found a message of another form on the channel ({error})") from error


def _decode_joins(joins: Iterable[list[Any]]) -> Iterable[Presence]:
    return (decode_presence(ref, fields) for ref, *fields in joins)


def _are_texts(*fields: object) -> bool:
    return all(isinstance(field, str) for field in fields)
