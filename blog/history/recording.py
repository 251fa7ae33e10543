"""What happens to the streams and pages of one worker, counted, and kept every ten seconds."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

import gevent
import gevent.event

from blog.history.counts import Batch
from blog.history.meter import Meter
from blog.history.sources import HOST, Names, is_load, read_campaign, read_host
from blog.history.visits import AGAIN_FIELD, AUTHOR_FIELD, CAMPAIGN_FIELD, Visits, Witness, now_ms
from flask_presence.web.service import PresenceService

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Meta = Mapping[str, Any]

# What a worker counted since is lost when it is killed.
FLUSH_SECONDS = 10.0
# A number that did not stand for as long is no record.
LOOK_SECONDS = 0.5
MOST_AT_END = 10_000
# A tab that was parked says so: see templates/live/parked.html.
AGAIN = re.compile(r"&again=(\d{1,6})(?:&|$)", re.ASCII)
# So long at most does a worker that stops wait for the store, beside what the store itself takes.
CLOSE_SECONDS = 5.0


class Keeper(Protocol):
    """Keeps batches, and tries again later where it cannot. May wait, never raises."""

    def keep(self, batch: Batch | None, now: float) -> None:
        """Keep a batch; None for nothing new."""

    def close(self, now: float) -> None:
        """Try a last time to keep what could not be kept."""


class Recorder(Witness, Protocol):
    """Is told of refusals, too."""

    def refuse(self, page: str, kind: str, agent: str) -> None:
        """Take note that a machine was refused, which calls itself so."""


class Recording:
    """Counts what is read, and has it kept every ten seconds.

    Make it when the presence knows how to choose the meta of a tab, and before it is started.
    `is_own_visit(environ)` tells whether a request is the author's, who is in no statistic.
    """

    def __init__(
        self,
        presence: PresenceService,
        keeper: Keeper,
        recorder: Recorder,
        reading_seconds: Callable[[str], int | None],
        zone: ZoneInfo,
        *,
        counts_readers: bool = False,
    ) -> None:
        self.is_own_visit: Callable[[WSGIEnvironment], bool] = lambda environ: False
        self._presence = presence
        self._keeper = keeper
        self._recorder = recorder
        self._reading_seconds = reading_seconds
        self._hosts = Names()
        self._at_end: set[str] = set()  # the refs of tabs that showed the end of their text
        self.meter = Meter(secrets.token_hex(6), zone, reading_seconds, now_ms())
        self._visits = Visits(presence.tracker, self.meter, recorder, counts_readers=counts_readers)
        self.meter.count = self._visits.count
        self._visits.grew = self._look_later
        self._looking: gevent.Greenlet[[], None] | None = None
        presence.readers.on_end = self._visits.end
        presence.on_refuse = self._refuse
        presence.hear = self._hear
        choose = presence.readers.choose_meta

        def choose_meta(environ: WSGIEnvironment, page: str, key: str, before: Meta) -> Meta:
            known = self._note_tab(environ)
            if choose is None:
                return known
            chosen = choose(environ, page, key, before)
            return {**chosen, **known} if known else chosen

        presence.readers.choose_meta = choose_meta
        self._is_ending = gevent.event.Event()
        self._keeping: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Begin to have it kept; call once, when the presence is started."""
        self._visits.note_state(self._presence.tracker.state)
        self._keeping = gevent.spawn(self._keep_forever)

    def close(self) -> None:
        """Have the last of it kept; a few seconds at most. Call when the streams have ended."""
        if self._keeping is None:
            return
        self._is_ending.set()
        self._keeping.join(timeout=CLOSE_SECONDS)
        self._keeping.kill(block=False)  # it waits for a store that does not answer
        self._keeping = None
        if self._looking is not None:
            self._looking.kill(block=False)
        self._visits.look()
        now = time.time()
        self._keeper.keep(self.meter.take(now_ms()), now)
        self._keeper.close(now)

    def _note_tab(self, environ: WSGIEnvironment) -> Meta:
        """Return what is to be known of a tab that opens a stream, in every worker."""
        if self.is_own_visit(environ):
            return {AUTHOR_FIELD: 1}
        again = AGAIN.search(environ.get("QUERY_STRING", ""))
        if again and "HTTP_LAST_EVENT_ID" not in environ:
            return {AGAIN_FIELD: int(again[1])}
        campaign = read_campaign(environ)
        return {} if campaign is None else {CAMPAIGN_FIELD: campaign}

    def _hear(self, metas: Sequence[Meta], form: Mapping[str, str]) -> None:
        """Count a tab that showed the end of its text: each once, as far as is known here."""
        if "end" not in form or any(AUTHOR_FIELD in meta for meta in metas):
            return
        for meta in metas:
            if meta["ref"] not in self._at_end:
                if len(self._at_end) >= MOST_AT_END:
                    self._at_end.clear()
                self._at_end.add(meta["ref"])
                self.meter.read_to_end(meta["page"], now_ms())
                return

    def count_loads(
        self, pages: WSGIApplication, find_page: Callable[[str], str | None]
    ) -> WSGIApplication:
        """Return an application that counts the pages asked for, and by which links.

        `find_page` returns the page at a path, None where is none.
        """

        def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            page = find_page(environ["PATH_INFO"]) if self._keeping is not None else None
            if page is not None and is_load(environ) and not self.is_own_visit(environ):
                self._count_load(page, environ)
            return pages(environ, start_response)

        return serve

    def _count_load(self, page: str, environ: WSGIEnvironment) -> None:
        now, meter = now_ms(), self.meter
        meter.load(page, now)
        host = read_host(environ)
        if host is not None and self._reading_seconds(page) is not None:
            meter.come_from(page, HOST, self._hosts.fold(meter.day, host), now)

    def _refuse(self, kind: str, page: str, environ: WSGIEnvironment) -> None:
        self.meter.refuse(kind, now_ms())
        self._recorder.refuse(page, kind, environ.get("HTTP_USER_AGENT", ""))

    def _look_later(self) -> None:
        if self._looking is None or self._looking.ready():
            self._looking = gevent.spawn_later(LOOK_SECONDS, self._visits.look)

    def _keep_forever(self) -> None:
        # On the full ten seconds: then a minute begins with as many as are here.
        while not self._is_ending.wait(FLUSH_SECONDS - time.time() % FLUSH_SECONDS):
            self._keeper.keep(self.meter.take(now_ms()), time.time())
