"""Readers and their tabs: track each open stream, and park the oldest if there are too many."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import gevent
import gevent.event

from ..streams.event import encode_event
from ..streams.observer import Ending
from ..streams.stream import Stream
from ..tracking import Diff, Presence, read_arrival
from .own_meta import MetaError, check_added, read_added

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..tracking import Tracker

__all__ = ["TOPIC"]

K = TypeVar("K")
T = TypeVar("T")
log = logging.getLogger(__name__)

Meta = Mapping[str, Any]

# Every reader of any page is present on this topic; the metas say which page.
TOPIC = "readers"
# The `tab` of a meta that the application itself tracks: there is no tab whose ref it could hold.
TRACKED_BY_APPLICATION = ""

# A named event that `hx-sse:close` of the stream element waits for: the tab closes its stream and
# opens it again when its window gets the focus.
PARK = encode_event("", event="park")
# How long to wait before parking, in addition to the linger of a tab that was left by a link or is
# being probed: another worker has to hear of its end, too.
PARK_DELAY_SECONDS = 0.25
# How long a tab that was asked to come back still counts: ROTATE_RETRY_MS, a second more where it
# is hidden (browsers let timers of hidden tabs fire once a second), and three round trips of 0.4 s.
RETURN_SECONDS = 2.5
# Where hidden tabs pause, a reader who changes tabs closes one stream, and the other is opened
# after RETRY_MS.
PAUSE_SECONDS = 3.0
# A slot that comes back whole, say after an outage, joins old presences again: one so much older
# than the newest of its diff is not new, and its reader need not be checked.
FRESH_MS = 30_000
# A tab that comes back may have been open all the time, or may have come out of the back/forward
# cache in place of another one, so its reader's other tabs are probed: MOST_PROBES times at once,
# and once more every PROBE_SECONDS. Without the limit, two tabs on a line so slow that they come
# back too late would probe each other for ever.
MOST_PROBES = 16
PROBE_SECONDS = 30.0
# If it comes back in time, all the reader's tabs are probed after so long a silence, and once again
# when the tabs of that probe must be back.
SETTLE_SECONDS = 0.25
MOST_ROUNDS = 2
MOST_KEYS = 10_000  # entries for such tabs; 2 MB


class Readers:
    """Count the streams of this worker as tabs of readers, and keep each reader's few."""

    def __init__(self, tracker: Tracker, *, max_streams: int, linger_seconds: float) -> None:
        self._tracker = tracker
        self._max_streams = max_streams
        # Returns what the meta says of a page; None for a page that counts nobody.
        self.place_of: Callable[[str], str | None] = lambda page: page
        # Adds to the meta of an opening page: given the request, the page, the key, and what the
        # tab had there before it came back. It may look at the other presences.
        self.choose_meta: Callable[[WSGIEnvironment, str, str, Meta], Meta] | None = None
        self.parting = b""  # an event for a tab that is parked
        # Called with a tab's ref and the reason as its stream ends, before it lingers or leaves.
        self.on_end: Callable[[str, Ending], None] = lambda ref, ending: None
        self._linger_seconds = linger_seconds
        self._streams: dict[str, Stream] = {}  # by ref
        # The present refs of tabs whose meta was changed, by the ref that they began with.
        self._changed: dict[str, str] = {}
        self._checks: dict[str, gevent.Greenlet[..., None]] = {}  # by key
        # Refs of surplus tabs that were reconnecting; they are parked when they arrive.
        self._to_park: set[str] = set()
        self._probes: dict[str, tuple[float, float]] = {}  # by key: how many are left, and when
        self._settling: dict[str, gevent.Greenlet[..., None]] = {}  # by key
        self._settled: dict[str, tuple[float, int]] = {}  # by key: when, and how often in a row
        self._is_draining = False
        # By key and ref: their tabs are about to come back.
        self._drained: dict[str, dict[str, Stream]] = {}
        self._are_back = gevent.event.Event()
        self._are_back.set()
        tracker.subscribe(self._notice_joins, topic=TOPIC)
        tracker.asks.listener = self._change

    def close(self) -> None:
        """Stop every check that is under way."""
        gevent.killall([*self._checks.values(), *self._settling.values()], block=False)

    def drain(self) -> None:
        """From now on keep streams that end in the slot: their tabs are about to come back."""
        self._is_draining = True

    def find_tab(self, key: str, prev_ref: str | None) -> Meta | None:
        """Return the meta of the tab that `prev_ref` names, if this reader has it; else None.

        `prev_ref` is the ref that a stream began with, which the tab knows, or its ref since its
        meta was changed. Each ref can be named once by a returning tab, which then hides it.
        """
        if prev_ref is not None:
            for meta in self._tracker.get_by_key(TOPIC, key):
                if prev_ref in (meta["ref"], meta.get("tab")):
                    return meta
        return None

    def wait_for_returns(self, seconds: float) -> None:
        """Wait, at most so long, until every tab that was sent away is back or left by a link."""
        self._are_back.wait(seconds)

    def make_meta(
        self, environ: WSGIEnvironment, page: str, key: str, before: Meta | None
    ) -> Meta | None:
        """Return the meta of a page that is being opened; None for a page that counts nobody.

        A returning tab keeps what it had. If the callback fails, only its fields are missing.
        """
        place = self.place_of(page)
        if place is None:
            return None
        now = _now_ms()
        meta = {"page": place, "joined_at": now if before is None else read_arrival(before, now)}
        kept = read_added(before) if before is not None and before.get("page") == place else {}
        if kept:
            meta = {**kept, **meta}
        if self.choose_meta is None:
            return meta
        try:
            added = self.choose_meta(environ, place, key, kept)
            return meta if added == {} else {**kept, **check_added(added), **meta}
        except MetaError as error:
            log.error("%s; the page has none of it", error)
        except Exception:  # the application's own
            log.exception("presence: found no meta to add to a page, as its function failed")
        return meta

    def arrive(self, stream: Stream, key: str, prev_ref: str | None, meta: Meta) -> str:
        """Count a stream; return its ref. `prev_ref` is the tab's earlier ref, if it comes back."""
        ref = self._tracker.track(stream, TOPIC, key, meta, prev_ref=prev_ref)
        self._streams[ref] = stream
        return ref

    def find_open(self, key: str, tab: str) -> Meta | None:
        """Return the meta of the tab that `tab` names, or named until it came back just now."""
        found = self.find_tab(key, tab)
        if found is None and tab:
            for meta in self._tracker.get_by_key(TOPIC, key):
                if meta.get("prev_ref") == tab:
                    return meta
        return found

    def find_on(self, key: str, page: str) -> list[Meta]:
        """Return the metas of the tabs that a reader has open on a page."""
        metas = self._tracker.get_by_key(TOPIC, key)
        return [meta for meta in metas if meta.get("page") == page]

    def ask_change(self, key: str, meta: Meta, changes: Meta) -> None:
        """Have the meta of an open page changed, by this worker or by the worker that holds it."""
        if self._tracker.holds(meta["ref"]):
            self._change(key, meta["ref"], changes)
        else:
            self._tracker.ask(key, meta.get("tab", meta["ref"]), changes)

    def _change(self, key: str, tab: str, changes: Meta) -> None:
        """Change the meta of a tab of this worker, even if the tab is on its way back."""
        before = self.find_tab(key, tab)
        if before is None or not self._tracker.holds(before["ref"]):
            return
        ref, tab, added = before["ref"], before.get("tab", before["ref"]), read_added(before)
        try:
            after = check_added({**added, **changes})
        except MetaError as error:
            log.warning("%s; it stays as it was", error)
            return
        if after == added:
            return
        after |= {"page": before["page"], "joined_at": before["joined_at"], "tab": tab}
        drained = self._drained.get(key, {})
        if (stream := self._streams.pop(ref, None)) is not None:
            self._changed[tab] = self._tracker.update(stream, TOPIC, key, after)
            self._streams[self._changed[tab]] = stream
        elif (stream := drained.pop(ref, None)) is not None:
            drained[self._tracker.update(stream, TOPIC, key, after)] = stream
        else:
            self._tracker.update_lingering(TOPIC, key, ref, after)

    def depart(self, stream: Stream, key: str, ref: str, ending: Ending) -> None:
        """Stop counting an ended stream, at once or a little later.

        `ref` is the one that it began with.
        """
        ref = self._changed.pop(ref, ref)
        self._streams.pop(ref, None)
        self.on_end(ref, ending)
        if self._is_draining and ending is Ending.RETURNS:
            self._drained.setdefault(key, {})[ref] = stream
            self._are_back.clear()
            return
        lingers = {
            Ending.CLOSED: self._linger_seconds,
            Ending.STALLED: self._linger_seconds,
            Ending.RETURNS: RETURN_SECONDS,
        }
        self._tracker.untrack(
            stream,
            TOPIC,
            key,
            linger_seconds=lingers.get(ending, 0.0),
            returns=ending is Ending.RETURNS,
        )

    def _notice_joins(self, diff: Diff) -> None:
        newest = max((read_arrival(joined.meta, 0) for joined in diff.joins), default=0)
        left = {presence.ref for presence in diff.leaves}
        for joined in diff.joins:
            has_changed = "tab" in joined.meta  # and was here before: it neither came nor came back
            if self._drained and not has_changed:
                self._note_return(joined)
            metas = self._tracker.get_by_key(TOPIC, joined.key)
            if joined.prev_ref in self._to_park and len(metas) > self._max_streams:
                self._to_park.add(joined.ref)  # until it leaves: it may be another worker's
                gevent.spawn(self._park, joined.ref)  # once it is open
                continue
            if len(metas) == 1 or has_changed:  # nearly always; there may be thousands
                continue
            if joined.prev_ref in left:
                self._settle_later(joined.key)
            elif newest - read_arrival(joined.meta, 0) < FRESH_MS and (
                joined.prev_ref is None or self._takes_probe(joined.key)
            ):
                settled, _ = self._settled.get(joined.key, (-math.inf, 0))
                put_last(self._settled, joined.key, (settled, 0))
                self._probe(joined.key, joined.ref)
            if len(metas) > self._max_streams and joined.key not in self._checks:
                delay = max(self._linger_seconds, RETURN_SECONDS) + PARK_DELAY_SECONDS
                check = gevent.spawn_later(delay, self._park_oldest, joined.key)
                self._checks[joined.key] = check
        self._to_park -= left

    def _note_return(self, joined: Presence) -> None:
        """Stop counting a tab that was sent away, if a new page of its reader took its place.

        It is unknown which tab was left: mostly the newest was in view.
        """
        drained = self._drained.get(joined.key, {})
        if joined.prev_ref is not None:
            drained.pop(joined.prev_ref, None)  # it is hidden now
        elif drained:
            _, last = drained.popitem()
            self._tracker.untrack(last, TOPIC, joined.key)
        if not drained:
            self._drained.pop(joined.key, None)
            if not self._drained:
                self._are_back.set()

    def _probe(self, key: str, newest: str = "") -> None:
        """Find out which tabs of a reader are still open, besides the newest if it is known.

        A browser's back/forward cache freezes a page that was left by a link, with its stream open:
        for up to a minute the frozen page would count beside the new one. Asked to come back, an
        open tab does so within its linger and nobody sees a change; a frozen one cannot. It comes
        back when the reader goes back to it; then the page that was left is frozen.
        """
        for meta in self._tracker.get_by_key(TOPIC, key):
            stream = self._streams.get(meta["ref"])
            if stream is not None and meta["ref"] != newest:
                stream.rotate()

    def _settle_later(self, key: str) -> None:
        """Probe all tabs of a reader, one of which came back in time, once no more do so.

        Any of them may be in view, not only the newest, if an older page was kept whole. A tab that
        comes back next either answers this probe, or its reader still goes back and forth; one more
        probe tells which.
        """
        settled, rounds = self._settled.get(key, (-math.inf, 0))
        left = settled + RETURN_SECONDS - time.monotonic()
        if left <= 0:
            rounds = 0
        elif rounds == MOST_ROUNDS:
            return
        if (settling := self._settling.pop(key, None)) is not None:
            settling.kill(block=False)
        delay = max(SETTLE_SECONDS, left)
        self._settling[key] = gevent.spawn_later(delay, self._settle, key, rounds + 1)

    def _settle(self, key: str, rounds: int) -> None:
        del self._settling[key]
        if self._takes_probe(key):
            put_last(self._settled, key, (time.monotonic(), rounds))
            self._probe(key)

    def _takes_probe(self, key: str) -> bool:
        """Take one of the probes allowed to a reader's returning tabs; False if none is left."""
        now = time.monotonic()
        count, since = self._probes.get(key, (MOST_PROBES, now))
        count = min(MOST_PROBES, count + (now - since) / PROBE_SECONDS)
        put_last(self._probes, key, (max(0.0, count - 1), now))
        return count >= 1

    def _park_oldest(self, key: str) -> None:
        """Park this worker's share of a reader's surplus tabs.

        Every worker decides by the same rule from its replica, and ends only its own streams. If
        the replicas differ for a moment, one tab more or less is parked; it comes back when it gets
        the focus.
        """
        del self._checks[key]
        metas = [
            meta
            for meta in self._tracker.get_by_key(TOPIC, key)
            if meta.get("tab") != TRACKED_BY_APPLICATION
        ]
        oldest_first = sorted(metas, key=lambda meta: (read_arrival(meta, 0), meta["ref"]))
        for meta in oldest_first[: -self._max_streams]:
            if not self._park(meta["ref"]):
                self._to_park.add(meta["ref"])

    def _park(self, ref: str) -> bool:
        """End a stream and have its tab stay away; return whether it is one of this worker's."""
        stream = self._streams.get(ref)
        if stream is None:
            return False
        stream.end(self.parting + PARK, ending=Ending.PARKED)
        return True


def put_last(entries: dict[K, T], key: K, value: T) -> None:
    """Put an entry in; if there are too many, take out the oldest."""
    entries.pop(key, None)
    entries[key] = value
    if len(entries) > MOST_KEYS:
        del entries[next(iter(entries))]


def _now_ms() -> int:
    """Return the time of day, used only to find a reader's oldest tab."""
    return int(time.time() * 1000)
