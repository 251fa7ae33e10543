"""The slots in Redis or Valkey (6.2 or newer, a cluster 7.0): four scripts and one channel."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from typing import Any

from redis.exceptions import NoScriptError, ResponseError

from ..redis_address import has_tag
from .observer import NOBODY, Observer
from .redis_link import Link
from .slot import Write
from .slots import DEAD_MEMORY_MS, Subscription
from .values import Version
from .wire import (
    Change,
    Digested,
    decode_presence,
    encode_asked,
    encode_joins,
    encode_leaving,
    encode_message,
    load_json,
)

log = logging.getLogger(__name__)

FOR_EVER_MS = 1 << 50  # some thousand years, and exact in Lua


class Store:
    """The slots of one prefix. Every call is one step; raises `redis.RedisError` or `OSError`.

    `observer` is told of the calls, and of what its trackers do. The constructor raises
    `ValueError` for a prefix without a hash tag on a cluster, which would spread the keys over
    nodes.
    """

    def __init__(self, link: Link, prefix: str, observer: Observer = NOBODY) -> None:
        if link.is_cluster and not has_tag(prefix):
            raise ValueError(f"found the prefix {prefix!r} on a cluster, expected a {{tag}} in it")
        self._link = link
        self._prefix = prefix
        self.observer = observer
        self._live = f"{prefix}:live"
        self._channel = f"{prefix}:d"
        self._append = _Script(read_script("append"))
        self._put = _Script(read_script("put"))
        self._digest = _Script(read_script("digest"))
        self._leave = _Script(read_script("leave"))

    def write(self, worker: str, write: Write, *, lease_seconds: float) -> bool:
        """Append or put. Returns False, with nothing changed, where the slot was not `prev`."""
        keys = [self._slot(worker), self._live]
        lease_ms = round(lease_seconds * 1000)
        encoded = encode_joins(write)  # once, for the slot and for the message
        pairs = [text for pair in encoded for text in pair]
        told = self._tell(encode_message(worker, write, encoded))
        if write.prev is None:
            with self._timed("put"):
                self._run(self._put, keys, [worker, str(write.new), lease_ms, *told, *pairs])
            return True
        versions = [str(write.prev), str(write.new)]
        joins: list[str | int] = [len(write.joins), *pairs]
        with self._timed("heartbeat" if write.prev == write.new else "append"):
            appended = self._run(
                self._append, keys, [worker, *versions, lease_ms, *told, *joins, *write.leaves]
            )
        if appended != 1:
            self.observer.lost_slot()
        return bool(appended == 1)

    def leave(self, worker: str, *, lease_seconds: float, version: Version | None = None) -> None:
        """Have a worker's lease end in `lease_seconds`, for one that is dead or about to stop.

        Only the worker itself, which knows the slot's version, can make its lease longer; then no
        goodbye on its behalf makes it shorter again.
        """
        lease_ms = round(lease_seconds * 1000)
        known = "" if version is None else str(version)
        told = self._tell(encode_leaving(worker, lease_ms))
        keys = [self._slot(worker), self._live]
        self._run(self._leave, keys, [worker, lease_ms, *told, known])

    def digest(self, *, forgets: bool = True) -> dict[str, Digested]:
        """Return the slot's version of every worker that is alive or died lately.

        Also removes workers that died long ago, unless it is to change nothing.
        """
        memory_ms = DEAD_MEMORY_MS if forgets else FOR_EVER_MS
        with self._timed("digest"):
            found = self._run(self._digest, [self._live], [f"{self._prefix}:w:", memory_ms])
        triples = zip(found[::3], found[1::3], found[2::3], strict=True)
        return {
            worker.decode(errors="replace"): Digested(left_ms > 0, _read_version(text), left_ms)
            for worker, left_ms, text in triples
        }

    def fetch(self, worker: str) -> tuple[Version, Change] | None:
        """Return one whole slot; None if there is none."""
        slot = self._slot(worker)
        with self._timed("fetch"):
            fields: dict[bytes, bytes] = self._link.call(slot, "HGETALL", slot)
        if b"." not in fields:
            return None
        version = Version.parse(fields[b"."].decode())
        presences = tuple(
            decode_presence(ref.decode(), load_json(text))
            for ref, text in fields.items()
            if not ref.startswith(b".")
        )
        return version, presences

    def ask(self, worker: str, key: str, ref: str, changes: Mapping[str, Any]) -> None:
        """Ask the worker that holds a presence to change its meta; changes nothing itself."""
        self._link.call(self._live, *self._tell(encode_asked(worker, key, ref, changes)))

    def subscribe(self) -> Subscription:
        """Subscribe to the channel; the confirmation is the first thing received."""
        return self._link.subscribe(self._channel)

    def close(self) -> None:
        """Close every connection."""
        self._link.close()

    def _slot(self, worker: str) -> str:
        return f"{self._prefix}:w:{worker}"

    def _tell(self, message: str) -> list[str]:
        return [self._link.publish_command, self._channel, message]

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        except Exception:
            self.observer.failed(step)
            raise
        self.observer.answered(step, time.monotonic() - began)

    def _run(self, script: _Script, keys: list[str], arguments: Iterable[str | int]) -> Any:
        rest = [len(keys), *keys, *arguments]
        try:
            return self._link.call(keys[0], "EVALSHA", script.digest, *rest)
        except NoScriptError:  # the server is new, or another: after a failover, say
            return self._link.call(keys[0], "EVAL", script.text, *rest)
        except ResponseError as error:
            if "WRONGTYPE" in str(error):
                self._delete_odd()
            raise

    def _delete_odd(self) -> None:
        """Delete what has a name of ours and is of another type: the next step succeeds.

        No program of ours made it, and it may have no TTL.
        """
        self._delete_unless(self._live.encode(), b"zset")
        for worker in self._link.call(self._live, "ZRANGE", self._live, 0, -1):
            self._delete_unless(self._slot("").encode() + worker, b"hash")  # it may be no UTF-8

    def _delete_unless(self, key: bytes, kind: bytes) -> None:
        if self._link.call(self._live, "TYPE", key) not in (kind, b"none"):
            log.warning("presence: deleted %.100r, which was none of ours", key)
            self._link.call(self._live, "DEL", key)


def _read_version(text: bytes) -> Version | None:
    """Return a slot's version; None, as for a slot that is gone, for what is no version."""
    try:
        return Version.parse(text.decode()) if text else None
    except ValueError:
        return None


def read_script(name: str) -> str:
    """Return the source of one of the scripts."""
    return (resources.files(__package__) / f"{name}.lua").read_text(encoding="utf-8")


class _Script:
    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
