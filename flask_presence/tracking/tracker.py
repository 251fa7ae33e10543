"""Tracker: the calls a program makes, with the meaning that Phoenix Presence gives them."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import gevent

from .counters import SCALARS
from .lingers import Lingers
from .own_presences import OwnPresences
from .protocol import State, Timings
from .replica import Replica
from .slots import Slots
from .sync import Sync
from .values import Diff, Presence

log = logging.getLogger(__name__)

# Tracker.list hides the built-in of that name in the class.
Metas = list[dict[str, Any]]
Refs = list[str]
Listener = Callable[[Diff], None]
Fetch = Callable[[str, dict[str, Any]], dict[str, Any]]

# Types that JSON returns unchanged; a round trip takes a tenth of a join. (A float may be NaN.)
_SAME_IN_JSON = {str, bool, int, type(None)}


class AlreadyTrackedError(LookupError):
    """The same owner tracks the same key of the same topic already."""


class NotTrackedError(LookupError):
    """Nothing is tracked for this owner, topic and key."""


class Tracker:
    """Track presences under topics and keys; agree with the other workers of the same prefix.

    The calls and their meaning are Phoenix Presence's. None of them waits for Redis. Greenlets of
    one thread may call at any time, listeners included. `owner` is any hashable value that stands
    for the holder of the presence: a stream, a connection. If it is a greenlet, everything that it
    tracks is untracked when it ends, however it ends. `indexes` are the fields of the meta by which
    presences can be counted. `fetch(topic, presences)` takes what `list` is about to return and
    returns it with more in it, say from a database: one call for the whole list.
    """

    def __init__(
        self,
        store: Slots,
        *,
        worker: str | None = None,
        indexes: Sequence[str] = (),
        fetch: Fetch | None = None,
        timings: Timings | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        timings = timings or Timings()
        self._observer = store.observer
        self.worker = worker or secrets.token_hex(6)
        self._fetch = fetch
        self._indexes = tuple(indexes)
        self._replica = Replica(indexes)
        self._counters = self._replica.counters
        self._own = OwnPresences(
            self.worker,
            self._replica,
            # A worker that missed a peer's goodbye waits for a lease before it asks whether the
            # peer is dead.
            keep_seconds=2 * timings.lease_seconds,
            now=now,
        )
        self.sync = Sync(
            store,
            self._own,
            timings=timings,
            tell=self._tell_remote,
            now=now,
        )
        self.asks = self.sync.asks
        # Who begins again under its name is not to give a ref again that others may still hold.
        self._refs_made = secrets.randbits(32) if worker else 0
        self._owned: dict[Hashable, dict[tuple[str, str], Presence]] = {}
        self._lingers = Lingers(self._leave)
        self._listeners: list[tuple[str | None, Listener]] = []
        self._is_closing = False

    # -- Phoenix Presence's calls ---------------------------------------------------------------

    def track(
        self,
        owner: Hashable,
        topic: str,
        key: str,
        meta: Mapping[str, Any],
        *,
        prev_ref: str | None = None,
    ) -> str:
        """Track `key` under `topic` for `owner`; return its ref.

        Ends the linger of every closed presence of the same topic and key in the same diff, and,
        for one that returns, of the presence it was: `prev_ref`, here or at another worker. Raises
        `AlreadyTrackedError`, and `TypeError` for a topic, key or `prev_ref` that is not a string,
        and for a meta that is not a mapping, that JSON cannot hold, or whose index is not a scalar.
        """
        owned = self._owned.get(owner, {})
        if (topic, key) in owned:
            raise AlreadyTrackedError(
                f"found {key!r} in {topic!r} tracked already by this owner; use update to change it"
            )
        presence = self._make(topic, key, meta, prev_ref)
        if not owned and isinstance(owner, gevent.Greenlet):
            owner.link(self.untrack)
        self._owned.setdefault(owner, owned)[topic, key] = presence
        leaves = self._lingers.end_for(presence)
        self._join(presence, leaves)
        return presence.ref

    def untrack(
        self,
        owner: Hashable,
        topic: str | None = None,
        key: str | None = None,
        *,
        linger_seconds: float = 0.0,
        returns: bool = False,
    ) -> None:
        """Stop tracking what `owner` tracks: all of it, or one topic's, or one key. Idempotent.

        With a linger the presence still counts for that long, or until any worker tracks the same
        key again: so a reader who goes from page to page never makes the total dip. A presence that
        `returns` was asked to come back: only its own return ends its linger early.
        """
        owned = self._owned.get(owner, {})
        wanted = [
            place
            for place in owned
            if (topic is None or place[0] == topic) and (key is None or place[1] == key)
        ]
        presences = [owned.pop(place) for place in wanted]
        if presences and not owned:
            del self._owned[owner]
            if isinstance(owner, gevent.Greenlet):
                owner.unlink(self.untrack)
        if linger_seconds > 0 and not self._is_closing:
            for presence in presences:
                self._lingers.add(presence, linger_seconds, returns=returns)
        else:
            self._leave([presence.ref for presence in presences])

    def update(
        self,
        owner: Hashable,
        topic: str,
        key: str,
        meta: Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]],
    ) -> str:
        """Replace the meta, by a mapping or a function of the old one; return the new ref.

        The diff carries the presence both in its joins and, with the old ref, in its leaves.
        Raises `NotTrackedError`.
        """
        old = self._owned.get(owner, {}).get((topic, key))
        if old is None:
            raise NotTrackedError(f"found no {key!r} in {topic!r} of this owner; track it first")
        new = self._make(topic, key, meta(old.meta) if callable(meta) else meta, old.ref)
        self._owned[owner][topic, key] = new
        self._join(new, [old.ref])
        return new.ref

    def holds(self, ref: str) -> bool:
        """Tell whether a presence is this worker's own."""
        return ref in self._own.slot.presences

    def ask(self, key: str, ref: str, changes: Mapping[str, Any]) -> None:
        """Ask the worker that tracks a presence to change its meta; `asks.listener` hears it there.

        The request may be lost, as any message may. Only that worker may change the presence.
        `asks.wait` waits until the store has it.
        """
        self.asks.add(key, ref, changes)
        self.sync.wake()

    def list(self, topic: str, *keys: str) -> dict[str, Any]:
        """Return the keys of a topic: all, or those named. `{key: {"metas": [meta with ref, …]}}`.

        `fetch` has been applied.
        """
        return self._fetched(topic, self._replica.list(topic, *keys))

    def list_diff(self, topic: str, diff: Diff) -> dict[str, Any]:
        """Return a topic's part of a diff as `{"joins": list, "leaves": list}`, for sending on.

        Both have the form of `list`, and `fetch` has been applied to them.
        """
        lists = diff.only(topic).as_lists()
        return {name: self._fetched(topic, part) for name, part in lists.items()}

    def get_by_key(self, topic: str, key: str) -> Metas:
        """Return the metas of one key, as they were tracked; empty where there are none."""
        return [presence.as_meta() for presence in self._replica.get_by_key(topic, key)]

    def count_key(self, topic: str, key: str) -> int:
        """Count the presences of one key. O(1)."""
        return self._replica.count_key(topic, key)

    def count(self, topic: str, *, distinct: bool = False, **where: object) -> int:
        """Count presences, or with `distinct` their keys: of a topic, or by one index. O(1)."""
        return self._counters.count(topic, where, distinct=distinct)

    def counts(self, topic: str, index: str, *, distinct: bool = False) -> dict[Any, int]:
        """Count by every value of an index that has presences: value → count."""
        return self._counters.counts(topic, index, distinct=distinct)

    def subscribe(self, listener: Listener, *, topic: str | None = None) -> Callable[[], None]:
        """Call `listener(diff)` after each change, of one topic or all; return what unsubscribes.

        A listener must not wait. One that raises is logged, and the others are still called.
        """
        entry = (topic, listener)
        self._listeners.append(entry)
        return lambda: self._listeners.remove(entry)

    def _fetched(self, topic: str, presences: dict[str, Any]) -> dict[str, Any]:
        return self._fetch(topic, presences) if self._fetch and presences else presences

    # -- State ----------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """How far the numbers can be believed."""
        return self.sync.health.state

    def subscribe_state(self, listener: Callable[[State], None]) -> None:
        """Call `listener(state)` when the state changes. It must not wait."""
        self.sync.health.listeners.append(listener)

    # -- Life -----------------------------------------------------------------------------------

    def start(self, *, wait_seconds: float = 0.0) -> None:
        """Start the greenlets. Call once, in the process that will serve.

        Waits at most so long for all other workers' presences, so that the first counts are not too
        low; no longer if Redis does not answer.
        """
        self.sync.start()
        if wait_seconds > 0:
            self.sync.wait(wait_seconds)

    def close(self, *, lease_seconds: float = 0.0) -> None:
        """Stop; at most 4 s. Presences that are still tracked leave after `lease_seconds`.

        A worker whose tabs come back to other workers stops with a lease of a few seconds: its tabs
        count until it ends, so the total does not dip.
        """
        if self._is_closing:
            return
        self._is_closing = True
        self._lingers.close()
        self.sync.close(lease_seconds=lease_seconds)

    # -- Changes of our own slot ----------------------------------------------------------------

    def _make(self, topic: str, key: str, meta: object, prev_ref: str | None) -> Presence:
        if not (type(topic) is type(key) is str and (prev_ref is None or type(prev_ref) is str)):
            for name, given in {"topic": topic, "key": key, "prev_ref": prev_ref or ""}.items():
                if not isinstance(given, str):
                    raise TypeError(f"found {given!r} for the {name}, expected a str")
        if not isinstance(meta, (dict, Mapping)):  # nearly always a dict, which is told faster
            raise TypeError(f"found a meta of type {type(meta).__name__}, expected a mapping")
        for name in self._indexes:
            if not isinstance(meta.get(name), SCALARS):
                raise TypeError(f"found {meta[name]!r} for the index {name!r}, expected a scalar")
        self._refs_made += 1
        # A copy, and exactly what the other workers will read. A meta that cannot be written fails
        # here, in its caller: in the writer it would end the greenlet.
        written = dict(meta)
        kinds = {*map(type, written.values())}
        if not ({*map(type, written)} <= {str} and kinds <= _SAME_IN_JSON):
            written = json.loads(json.dumps(written))
        # Unique: the worker's name is unique, and the worker never uses a number twice.
        return Presence(f"{self.worker}-{self._refs_made:x}", topic, key, written, prev_ref)

    def _join(self, presence: Presence, leaves: Sequence[str]) -> None:
        left = self._remove(leaves) if leaves else None  # before the join: it may bring others back
        diff = self._own.add(presence)
        self._observer.changed(1, 0)
        self.sync.wake()
        self._tell(left + diff if left else diff)

    def _leave(self, refs: Sequence[str]) -> None:
        if refs:
            self.sync.wake()
            self._tell(self._remove(refs))

    def _tell_remote(self, diff: Diff) -> None:
        """Report a change of another worker's; a key that joined there ends its linger here.

        If another worker serves a reader's next page, the old tab must not count beside the new
        one. If the message of the join is late, the linger ends by itself.
        """
        refs: list[str] = []
        for presence in diff.joins:
            refs += self._lingers.end_for(presence)
        if refs:
            self.sync.wake()
            diff += self._remove(refs)
        self._tell(diff)

    def _remove(self, refs: Sequence[str]) -> Diff:
        """Take out presences of ours, and keep hidden the presences that they came back from."""
        diff = self._own.remove(refs)
        self._observer.changed(0, len(diff.leaves))
        return diff

    # -- Telling ---------------------------------------------------------------------------------

    def _tell(self, diff: Diff) -> None:
        if not diff:
            return
        topics = diff.topics()
        parts: dict[str | None, Diff] = {None: diff}
        for changed in topics:
            parts[changed] = diff if len(topics) == 1 else diff.only(changed)
        for topic, listener in list(self._listeners):
            part = parts.get(topic)
            if part is None:
                continue
            try:
                listener(part)
            except Exception:  # a listener's fault must not stop the protocol
                log.exception("presence: a listener failed")
