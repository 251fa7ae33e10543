"""Readers and their tabs: tracking an open stream, and parking the oldest of too many."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import time
from typing import Any

import gevent

from blog.presence import Diff, Presence, Tracker
from blog.streams.event import encode_event
from blog.streams.stream import Ending, Stream

from .numbers import TOPIC

COOKIE = "viblog_reader"
_COOKIE_FORM = re.compile(rf"(?:^|[;\s]){COOKIE}=([A-Za-z0-9_-]{{22}})(?=$|[;\s])")

# A named event that `hx-sse:close` of the stream element waits for: the tab closes its stream and
# opens it again when its window gets the focus.
PARK = encode_event("", event="park")
# How long to wait before parking, beside what a tab may linger that was left by a link, or is asked
# whether it is there: another worker has to hear of its end, too.
PARK_DELAY_SECONDS = 0.25
# How long a tab that was asked to come back still counts: ROTATE_RETRY_MS, and a slow connection.
RETURN_SECONDS = 1.0
# The ref of a stream, and the token of a tab that came without a cookie.
_EVENT_ID_FORM = re.compile(r"([\w-]{1,64})(?:\.([\w-]{22}))?", re.ASCII)


def make_cookie() -> str:
    """Return a new random reader's cookie, or tab's token: 128 bits."""
    return secrets.token_urlsafe(16)


def read_cookie(header: str) -> str | None:
    """Read the reader's cookie out of a Cookie header; None where there is none of our form."""
    found = _COOKIE_FORM.search(header)
    return found[1] if found else None


def read_event_id(text: str | None) -> tuple[str | None, str]:
    """Read the Last-Event-ID of a tab that comes back: what its stream was, and its token or "".

    (None, "") for a new tab, or nonsense.
    """
    found = _EVENT_ID_FORM.fullmatch(text) if text else None
    return (found[1], found[2] or "") if found else (None, "")


def token_of(cookie: str) -> str:
    """Return the token of a cookie, for a tab whose browser may not keep it: it makes no cookie."""
    digest = hashlib.blake2b(cookie.encode(), digest_size=16, person=b"viblog token").digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def key_of(token: str) -> str:
    """Return the presence key of a token: what is in Redis cannot be used as one."""
    return hashlib.blake2b(token.encode(), digest_size=9, person=b"viblog reader").hexdigest()


class Readers:
    """Count the streams of this worker as tabs of readers, and keep each reader's few."""

    def __init__(self, tracker: Tracker, *, max_streams: int, linger_seconds: float) -> None:
        self._tracker = tracker
        self._max_streams = max_streams
        self._linger_seconds = linger_seconds
        self._streams: dict[str, Stream] = {}  # by ref
        self._checks: dict[str, gevent.Greenlet[..., None]] = {}  # by key
        self._is_draining = False
        tracker.subscribe(self._notice_joins, topic=TOPIC)

    def close(self) -> None:
        """Stop every check that is under way."""
        gevent.killall(list(self._checks.values()), block=False)

    def drain(self) -> None:
        """From now on a stream that ends stays in the slot: its tab is about to come back."""
        self._is_draining = True

    def find_return(self, key: str, prev_ref: str | None) -> int | None:
        """Return when a tab first came, if `prev_ref` is one that this reader has; else None.

        Each can be named once: then the one that came back hides it.
        """
        if prev_ref is not None:
            for before in self._tracker.get_by_key(TOPIC, key):
                if before["ref"] == prev_ref:
                    return _age_of(before, _now_ms())
        return None

    def arrive(
        self, stream: Stream, key: str, prev_ref: str | None, first_came: int | None, token: str
    ) -> None:
        """Count a stream. A tab that comes back, from `prev_ref`, keeps the time it first came.

        A `token` is told to the tab, which comes back with it, and to nobody else.
        """
        now = _now_ms()
        meta = {"page": stream.page, "joined_at": now if first_came is None else first_came}
        stream.ref = self._tracker.track(stream, TOPIC, key, meta, prev_ref=prev_ref)
        stream.id = f"{stream.ref}.{token}" if token else stream.ref
        self._streams[stream.ref] = stream

    def depart(self, stream: Stream, key: str, ending: Ending) -> None:
        """Count a stream out, at once or a little later; for one that has ended."""
        self._streams.pop(stream.ref, None)
        if self._is_draining:
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
        for joined in diff.joins:
            metas = self._tracker.get_by_key(TOPIC, joined.key)
            if len(metas) == 1:  # nearly always; there may be thousands
                continue
            if joined.prev_ref is None:
                self._probe(joined, metas)
            if len(metas) > self._max_streams and joined.key not in self._checks:
                delay = max(self._linger_seconds, RETURN_SECONDS) + PARK_DELAY_SECONDS
                check = gevent.spawn_later(delay, self._park_oldest, joined.key)
                self._checks[joined.key] = check

    def _probe(self, joined: Presence, metas: list[dict[str, Any]]) -> None:
        """Find out which other tabs of a reader are still open, when a new page of it opens.

        A browser's back/forward cache freezes a page that was left by a link, with its stream open:
        for up to a minute it would count beside the new page. Asked to come back, an open tab does
        so within its linger and nobody sees a change; a frozen one cannot.
        """
        for meta in metas:
            stream = self._streams.get(meta["ref"])
            if stream is not None and meta["ref"] != joined.ref:
                stream.rotate()

    def _park_oldest(self, key: str) -> None:
        """Park this worker's share of the tabs that a reader has too many.

        Every worker decides alike from the same replica, and each ends its own streams only. Where
        the replicas differ for a moment, a tab more or less is parked; it comes back by its focus.
        """
        del self._checks[key]
        metas = self._tracker.get_by_key(TOPIC, key)
        oldest_first = sorted(metas, key=lambda meta: (_age_of(meta, 0), meta["ref"]))
        for meta in oldest_first[: -self._max_streams]:
            stream = self._streams.get(meta["ref"])
            if stream is not None:
                stream.end(PARK, ending=Ending.PARKED)


def _now_ms() -> int:
    """Return the time of day, only ever compared: to find a reader's oldest tab."""
    return int(time.time() * 1000)


def _age_of(meta: dict[str, Any], otherwise: int) -> int:
    """Return when a tab first came. Whoever writes in Redis may have put anything there."""
    joined_at = meta.get("joined_at")
    return joined_at if type(joined_at) is int else otherwise
