"""The slots in Redis or Valkey (6.2 or newer): three scripts, one channel, and their wire form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Protocol, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .replica import Presence, Version
from .slot import Write

# What a slow or frozen server may cost. The presence has its own supervisor, which tries again;
# redis-py's own retries would hold a greenlet for up to a minute.
CALL_TIMEOUT_SECONDS = 1.0
# Writer, reader's fetches, subscription, and one to spare for a command line or a probe.
MAX_CONNECTIONS = 4
# A put of more presences than this says only that it happened, and each worker fetches the slot at
# a moment of its own; below it, the message carries the slot and nobody has to ask.
INLINE_PUT_MAX = 500
# How long a dead worker is remembered as dead. Longer than the longest time between two digests of
# one worker (36 s), so that every worker sees it.
DEAD_MEMORY_MS = 60_000

Change = tuple[Presence, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """A slot changed from `prev` to `new`. `prev` None: replaced, by `joins` if they are given."""

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
class Digested:
    """What the digest says of one worker. `version` None: alive, but its slot is gone.

    `left_ms` is what is left of its lease; it is no part of what two digests agree on.
    """

    alive: bool
    version: Version | None
    left_ms: int | None = field(default=None, compare=False)


class Subscription(Protocol):
    """A subscription to the channel of one prefix."""

    def receive(self, timeout_seconds: float) -> tuple[str, bytes] | None:
        """Return the next (kind, payload), None after the timeout; kind `subscribe` or `message`.

        Raises `redis.RedisError` or `OSError` when the connection is gone.
        """

    def close(self) -> None:
        """Close the connection."""


def connect(url: str) -> redis.Redis:
    """Return a client that fails fast: no retries, short limits, few connections.

    Raises `ValueError` for a URL that cannot be read. Nothing is connected yet.
    """
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=CALL_TIMEOUT_SECONDS,
        socket_timeout=CALL_TIMEOUT_SECONDS,
        socket_connect_timeout=CALL_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        # The check before a command would cost a round trip and proves nothing about the next one.
        health_check_interval=0,
    )
    return redis.Redis(connection_pool=pool)


class Store:
    """The slots of one prefix. Every call is one round trip; raises `redis.RedisError`."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._live = f"{prefix}:live"
        self._channel = f"{prefix}:d"
        self._append = self._script("append")
        self._put = self._script("put")
        self._digest = self._script("digest")
        self._leave = self._script("leave")

    def write(self, worker: str, write: Write, *, lease_seconds: float) -> bool:
        """Append or put. Returns False, with nothing changed, where the slot was not `prev`."""
        keys = [self._slot(worker), self._live, self._channel]
        lease_ms = round(lease_seconds * 1000)
        pairs: list[str] = []
        for presence in write.joins:
            pairs += [presence.ref, encode_presence(presence)]
        message = encode_message(worker, write)
        if write.prev is None:
            self._put(keys, [worker, str(write.new), lease_ms, "PUBLISH", message, *pairs])
            return True
        versions = [str(write.prev), str(write.new)]
        joins = [len(write.joins), *pairs]
        appended = self._append(
            keys, [worker, *versions, lease_ms, "PUBLISH", message, *joins, *write.leaves]
        )
        return bool(appended == 1)

    def leave(self, worker: str, *, lease_seconds: float, version: Version | None = None) -> None:
        """Have a worker's lease end in `lease_seconds`, for one that is dead or about to stop.

        Only who knows the slot's version, the worker itself, can make a lease longer, and nobody
        else's goodbye makes it shorter again.
        """
        lease_ms = round(lease_seconds * 1000)
        keys = [self._slot(worker), self._live, self._channel]
        message = json.dumps([worker, lease_ms], separators=(",", ":"))
        known = "" if version is None else str(version)
        self._leave(keys, [worker, lease_ms, "PUBLISH", message, known])

    def digest(self) -> dict[str, Digested]:
        """Say of every worker that is alive, or died lately, which version its slot has."""
        found = self._digest([self._live], [f"{self._prefix}:w:", DEAD_MEMORY_MS])
        triples = zip(found[::3], found[1::3], found[2::3], strict=True)
        return {
            worker.decode(): Digested(
                left_ms > 0, Version.parse(text.decode()) if text else None, left_ms
            )
            for worker, left_ms, text in triples
        }

    def fetch(self, worker: str) -> tuple[Version, Change] | None:
        """Return one whole slot, None where there is none."""
        fields = cast("Mapping[bytes, bytes]", self._client.hgetall(self._slot(worker)))
        if b"." not in fields:
            return None
        version = Version.parse(fields[b"."].decode())
        presences = tuple(
            decode_presence(ref.decode(), json.loads(text))
            for ref, text in fields.items()
            if not ref.startswith(b".")
        )
        return version, presences

    def subscribe(self) -> Subscription:
        """Subscribe to the channel; the confirmation is the first thing received."""
        return _PubSubSubscription(self._client, self._channel)

    def close(self) -> None:
        """Close every connection."""
        self._client.connection_pool.disconnect()

    def _slot(self, worker: str) -> str:
        return f"{self._prefix}:w:{worker}"

    def _script(self, name: str) -> _Script:
        text = (resources.files(__package__) / f"{name}.lua").read_text(encoding="utf-8")
        return self._client.register_script(text)


class _Script(Protocol):
    def __call__(self, keys: Any = ..., args: Any = ..., client: Any = ...) -> Any: ...


class _PubSubSubscription:
    def __init__(self, client: redis.Redis, channel: str) -> None:
        self._pubsub = client.pubsub()  # type: ignore[no-untyped-call]
        try:
            self._pubsub.subscribe(channel)
        except BaseException:
            self._pubsub.close()
            raise

    def receive(self, timeout_seconds: float) -> tuple[str, bytes] | None:
        message = self._pubsub.get_message(timeout=timeout_seconds)
        if message is None:
            return None
        payload = message["data"]
        return message["type"], payload if isinstance(payload, bytes) else b""

    def close(self) -> None:
        self._pubsub.close()


def encode_presence(presence: Presence) -> str:
    """Return a presence as the JSON text in its slot: `[topic, key, meta, prev_ref]`."""
    fields = [presence.topic, presence.key, presence.meta, presence.prev_ref]
    return json.dumps(fields, separators=(",", ":"))


def decode_presence(ref: str, fields: list[Any]) -> Presence:
    """Read what `encode_presence` wrote. Raises `ValueError` for anything else."""
    topic, key, meta, prev_ref = fields
    if not (_are_texts(ref, topic, key) and isinstance(meta, dict)):
        raise ValueError("found a presence of another form, expected ref, topic, key and meta")
    return Presence(ref, topic, key, meta, prev_ref)


def encode_message(worker: str, write: Write) -> str:
    """Return the message of a write: `[worker, prev, new, joins, leaves]` as JSON.

    A put has `*` for `prev`, and null for `joins` where they are too many to be told.
    """
    is_put = write.prev is None
    joins: list[Any] | None = None
    if not is_put or len(write.joins) <= INLINE_PUT_MAX:
        joins = [[p.ref, p.topic, p.key, p.meta, p.prev_ref] for p in write.joins]
    prev = "*" if is_put else str(write.prev)
    fields = [worker, prev, str(write.new), joins, write.leaves]
    return json.dumps(fields, separators=(",", ":"))


def decode_message(payload: bytes) -> Published | Leaving:
    """Read a message. Raises `ValueError` for what is none of ours."""
    try:
        fields = json.loads(payload)
        if len(fields) == 2:
            return Leaving(str(fields[0]), int(fields[1]))
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
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"found a message of another form on the channel ({error})") from error


def _decode_joins(joins: Iterable[list[Any]]) -> Iterable[Presence]:
    return (decode_presence(ref, fields) for ref, *fields in joins)


def _are_texts(*fields: object) -> bool:
    return all(isinstance(field, str) for field in fields)
