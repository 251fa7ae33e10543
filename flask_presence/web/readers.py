"""Readers and their tabs: track each open stream, and park the oldest if there are too many."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent
import gevent.event

from ..streams.event import encode_event
from ..streams.observer import Ending
from ..streams.stream import Stream
from ..tracking import Diff, Presence, read_arrival
from .own_meta import (
    TOPIC,
    TRACKED_BY_APPLICATION,
    Meta,
    MetaError,
    check_added,
    read_added,
)
from .probes import Probes

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..tracking import Tracker

__all__ = ["TOPIC"]

log = logging.getLogger(__name__)

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
# How long a request waits for its change to be sent to the worker that has to make it.
ASK_SECONDS = 1.0


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
        # Returns an event for a tab that is parked, by its meta.
        self.parting: Callable[[Meta], bytes] = lambda meta: b""
        # Called with a tab's ref and the reason as its stream ends, before it lingers or leaves.
        self.on_end: Callable[[str, Ending], None] = lambda ref, ending: None
        self._linger_seconds = linger_seconds
        self._streams: dict[str, Stream] = {}  # by ref
        # The present refs of tabs whose meta was changed, by the ref that they began with.
        self._changed: dict[str, str] = {}
        # By ref: changes of tabs that are on their way back, made once they are.
        self._late: dict[str, dict[str, Any]] = {}
        self._checks: dict[str, gevent.Greenlet[..., None]] = {}  # by key
        # Refs of surplus tabs that were reconnecting; they are parked when they arrive.
        self._to_park: set[str] = set()
        self._probes = Probes(self._probe, return_seconds=RETURN_SECONDS)
        self._is_draining = False
        # By key and ref: their tabs are about to come back.
        self._drained: dict[str, dict[str, Stream]] = {}
        self._are_back = gevent.event.Event()
        self._are_back.set()
        tracker.subscribe(self._notice_joins, topic=TOPIC)
        tracker.asks.listener = self._change

    def close(self) -> None:
        """Stop every check that is under way."""
        gevent.killall(list(self._checks.values()), block=False)
        self._probes.close()

    def drain(self) -> None:
        """From now on keep streams that end in the slot: their tabs are about to come back."""
        self._is_draining = True

    def find_tab(self, key: str, prev_ref: str | None) -> Meta | None:
        """Return the meta of the tab that `prev_ref` names, if this reader has it; else None.

        `prev_ref` is the ref that a stream began with, which the tab knows, or its ref since its
        meta was changed. Each ref can be named once by a returning tab, which then hides it.
        """
        if prev_ref is not None:
            for meta in self._list_tabs(key):
                if prev_ref in (meta["ref"], meta.get("tab")):
                    return meta
        return None

    def _list_tabs(self, key: str) -> list[Meta]:
        """Return the metas of a reader but for those that the application tracks itself."""
        metas = self._tracker.get_by_key(TOPIC, key)
        return [meta for meta in metas if meta.get("tab") != TRACKED_BY_APPLICATION]

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
        if before is not None and "tab" in before:
            meta["was"] = before["tab"]
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
            for meta in self._list_tabs(key):
                if tab in (meta.get("prev_ref"), meta.get("was")):
                    return meta
        return found

    def find_on(self, key: str, page: str) -> list[Meta]:
        """Return the metas of the tabs that a reader has open on a page."""
        metas = self._tracker.get_by_key(TOPIC, key)
        return [meta for meta in metas if meta.get("page") == page]

    def ask_change(self, key: str, meta: Meta, changes: Meta) -> None:
        """Have the meta of an open page changed, by this worker or by the worker that holds it.

        Returns when that is done or asked for, so that a later change cannot overtake it.
        """
        if self._tracker.holds(meta["ref"]):
            self._change(key, meta["ref"], changes)
        else:
            self._tracker.ask(key, meta.get("tab", meta["ref"]), changes)
            self._tracker.asks.wait(ASK_SECONDS)

    def _change(self, key: str, tab: str, changes: Meta) -> None:
        """Change the meta of a tab of this worker, or once it is back if it is on its way."""
        before = self.find_open(key, tab)
        if before is None or not self._tracker.holds(before["ref"]):
            return
        ref, tab, added = before["ref"], before.get("tab", before["ref"]), read_added(before)
        stream = self._streams.get(ref)
        if stream is None:
            # Another worker may have it back, with the meta that it had before.
            self._late.setdefault(ref, {}).update(changes)
            return
        try:
            after = check_added({**added, **changes})
        except MetaError as error:
            log.warning("%s; it stays as it was", error)
            return
        if after == added:
            return
        after |= {"page": before["page"], "joined_at": before["joined_at"], "tab": tab}
        was = before.get("was") or (None if "tab" in before else before.get("prev_ref"))
        if was is not None:
            after["was"] = was
        del self._streams[ref]
        self._changed[tab] = self._tracker.update(stream, TOPIC, key, after)
        self._streams[self._changed[tab]] = stream

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
        returns = ending is Ending.RETURNS
        seconds = RETURN_SECONDS if returns else self._linger_seconds
        if ending is Ending.PARKED:
            seconds = 0.0
        self._tracker.untrack(stream, TOPIC, key, linger_seconds=seconds, returns=returns)

    def _notice_joins(self, diff: Diff) -> None:
        newest: int | None = None
        left = {presence.ref for presence in diff.leaves}
        for joined in diff.joins:
            has_changed = "tab" in joined.meta  # and was here before: it neither came nor came back
            if self._drained and not has_changed:
                self._note_return(joined)
            if joined.prev_ref in self._late:  # made once it is open
                late = self._late.pop(joined.prev_ref)
                gevent.spawn(self.ask_change, joined.key, joined.as_meta(), late)
            count = self._tracker.count_key(TOPIC, joined.key)
            if joined.prev_ref in self._to_park and count > self._max_streams:
                self._to_park.add(joined.ref)  # until it leaves: it may be another worker's
                gevent.spawn(self._park, joined.as_meta())  # once it is open
                continue
            if count == 1 or has_changed:  # nearly always; there may be thousands
                continue
            if newest is None:
                newest = max(read_arrival(presence.meta, 0) for presence in diff.joins)
            if joined.prev_ref in left:
                self._probes.settle_later(joined.key)
            elif newest - read_arrival(joined.meta, 0) < FRESH_MS and (
                joined.prev_ref is None or self._probes.take(joined.key)
            ):
                self._probes.begin_anew(joined.key)
                self._probe(joined.key, joined.ref)
            if count > self._max_streams and joined.key not in self._checks:
                delay = max(self._linger_seconds, RETURN_SECONDS) + PARK_DELAY_SECONDS
                check = gevent.spawn_later(delay, self._park_oldest, joined.key)
                self._checks[joined.key] = check
        self._to_park -= left
        for ref in left & self._late.keys():
            del self._late[ref]

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

    def _park_oldest(self, key: str) -> None:
        """Park this worker's share of a reader's surplus tabs.

        Every worker decides by the same rule from its replica, and ends only its own streams. If
        the replicas differ for a moment, one tab more or less is parked; it comes back when it gets
        the focus.
        """
        del self._checks[key]
        oldest_first = sorted(
            self._list_tabs(key), key=lambda meta: (read_arrival(meta, 0), meta["ref"])
        )
        for meta in oldest_first[: -self._max_streams]:
            if not self._park(meta):
                self._to_park.add(meta["ref"])

    def _park(self, meta: Meta) -> bool:
        """End a stream and have its tab stay away; return whether it is one of this worker's."""
        stream = self._streams.get(meta["ref"])
        if stream is None:
            return False
        stream.end(self.parting(meta) + PARK, ending=Ending.PARKED)
        return True


def _now_ms() -> int:
    """Return the time of day, used only to find a reader's oldest tab."""
    return int(time.time() * 1000)
