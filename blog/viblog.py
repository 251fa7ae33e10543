"""One worker's blog: what it is made of, and its life from the first read to the last goodbye."""

from __future__ import annotations

import gc
import logging
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent

from blog.cards import CardFontError, Cards
from blog.config import Settings, SettingsError
from blog.live.following import Following
from blog.live.numbers import NamedPost, Numbers
from blog.live.updates import Updates
from blog.ops.check_redis import examine_redis
from blog.ops.check_settings import examine_settings
from blog.ops.check_stream import examine_stream
from blog.ops.findings import Finding, Level
from blog.ops.limits import examine_limits
from blog.ops.metrics import Metrics, Seen
from blog.ops.timed_store import TimedStore
from blog.pages.assets import Assets
from blog.posts import Library
from blog.posts.addresses import post_path
from blog.posts.direction import needs_direction
from blog.posts.markup.markdown import Style
from blog.posts.page_names import ABOUT_PAGE, INDEX_PAGE, POST_PREFIX
from blog.search import Search
from flask_presence.server.file_limits import most_streams, raise_file_limit, read_file_limits
from flask_presence.streams.event import encode_event
from flask_presence.streams.fast.sockets import can_take_over
from flask_presence.streams.hub import Hub, Limits
from flask_presence.streams.observer import StreamObserver
from flask_presence.tracking import Observer, Store, Timings, Tracker, connect
from flask_presence.web.gate import Gate
from flask_presence.web.readers import PARK, PAUSE_SECONDS, TOPIC, Readers

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent
# Only reached by a program that never set BLOG_REDIS_URL; gunicorn.conf.py always does.
DEFAULT_REDIS_URL = "redis://127.0.0.1:6379/0"
# A draining worker asks each tab to come back at a random moment within this: for few tabs, and for
# so many or more; in between, in proportion. htmx varies it by 30 %. Never before the worker has
# stopped accepting, which takes gunicorn a second; all are back in 15 s.
DRAIN_RETRY_MS_FEW = (1_500, 2_000)
DRAIN_RETRY_MS_MANY = (2_000, 10_000)
DRAIN_MANY = 1_000
HTMX_RETRY_SPREAD = 1.3
# Its slot counts that much longer, for slow connections; and where no worker that follows it serves
# yet, until one does.
DRAIN_EXTRA_SECONDS = 1.5
DRAIN_UNFOLLOWED_SECONDS = 4.0
# A worker that is followed stays so long for its tabs: while it does, it hears which of them are
# back, or were left by a link.
MAX_RETURN_SECONDS = 5.0
# A worker takes its first request when it knows the other workers' tabs: after milliseconds; where
# Redis is frozen, when the first call gives up.
MAX_FIRST_READ_SECONDS = 2.0
# Far beyond what it takes; what is not sent away by then finds its connection closed.
MAX_DRAIN_SECONDS = 5.0


class Viblog:
    """One worker's blog: everything with a lifetime. `app.extensions["viblog"]` holds it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        style = Style(
            smart_quotes=settings.smart_quotes,
            posts_dir=settings.posts_dir,
            static_dir=ROOT / "static",
        )
        self.library = Library(settings.posts_dir, zone=settings.time_zone, style=style)
        about_style = replace(style, posts_dir=settings.about_dir, page="/about")
        self.about = Library(settings.about_dir, zone=settings.time_zone, style=about_style)
        self.search = Search(self.library, settings.instance_dir)
        try:
            self.cards = Cards(settings.instance_dir / "cards", settings.card_font)
        except CardFontError as error:
            raise SettingsError([f"BLOG_CARD_FONT: {error}"]) from error
        self.metrics = Metrics(self._what_is_seen()) if settings.is_measured else None
        self.tracker = Tracker(
            self._make_store(),
            worker=settings.worker_name or None,
            indexes=("page",),
            timings=Timings(
                lease_seconds=settings.lease_seconds,
                heartbeat_seconds=settings.heartbeat_seconds,
            ),
            observer=self.metrics.presence if self.metrics else Observer(),
        )
        self.updates = Updates(self.library)
        self.following = follow(self.library, self.about) if settings.dev else None
        news = self.following or self.updates
        self.opening = news.opening
        self.numbers = Numbers(
            self.tracker,
            counts_readers=settings.count == "readers",
            find_post=self.find_post,
            beside=news.change,
            is_counting=lambda: self.is_started,
        )
        self.hub = Hub(
            self.numbers.frame,
            Limits(
                pace_seconds=settings.pace_seconds,
                ping_seconds=settings.ping_seconds,
                rotate_seconds=settings.rotate_seconds,
                stall_seconds=settings.stall_seconds,
            ),
            render_opening=self.opening,
            observer=self.metrics.streams if self.metrics else StreamObserver(),
        )
        self.max_streams = settings.max_streams or most_streams(read_file_limits()[1])
        self.gate = Gate(
            max_streams=self.max_streams,
            max_streams_per_address=settings.max_streams_per_address,
            max_opens_per_address=settings.max_opens_per_address,
        )
        self.readers = Readers(
            self.tracker,
            max_streams=settings.max_streams_per_reader,
            linger_seconds=max(
                settings.linger_seconds, PAUSE_SECONDS if settings.pause_hidden_tabs else 0
            ),
        )
        # Every change is a change of the total, which every page shows.
        self.tracker.subscribe(lambda diff: self.hub.touch(), topic=TOPIC)
        self.tracker.subscribe_state(lambda state: self.hub.touch())
        if self.metrics:
            self.tracker.subscribe_state(self.metrics.presence.note_state)
        self.is_followed = False  # whether the workers that follow this one serve by now
        self._draining: gevent.Greenlet[[], None] | None = None
        self._counts_until = 0.0
        self.is_started = False
        self._is_closed = False
        self._is_loaded = False

    def _make_store(self) -> Store:
        link = connect(self.settings.redis_url or DEFAULT_REDIS_URL)
        prefix = self.settings.redis_prefix
        return TimedStore(link, prefix, self.metrics.redis) if self.metrics else Store(link, prefix)

    def _what_is_seen(self) -> Seen:
        """Say what the worker that is asked for the metrics answers for all."""

        def count(*, distinct: bool) -> float:
            return self.tracker.count(TOPIC, distinct=distinct)

        return {
            "viblog_tabs": (
                "Tabs that count, of all workers, as the worker that answers knows it.",
                lambda: count(distinct=False),
            ),
            "viblog_readers": ("Distinct browsers, likewise.", lambda: count(distinct=True)),
            "viblog_posts": ("Posts that are shown.", lambda: len(self.library.index.posts)),
        }

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Say whether this worker should get requests: its posts are read, and it does not stop.

        Presence is told, and no reason: without Redis the blog serves as well.
        """
        told = {"posts": len(self.library.index.posts), "presence": self.tracker.state.value}
        if self.gate.is_draining:
            return False, {**told, "reason": "it is draining"}
        if not self._is_loaded:
            return False, {**told, "reason": "its posts are not read yet"}
        if not self.library.has_folder:
            return False, {**told, "reason": "its posts folder cannot be listed"}
        return True, told

    def load(self) -> None:
        """Read the posts."""
        self.library.load()
        self.about.load()
        self._is_loaded = True

    def is_page(self, name: str) -> bool:
        """Tell whether a page of that name can be open: the index decides, never the request."""
        if name in (INDEX_PAGE, ABOUT_PAGE):
            return True
        if not name.startswith(POST_PREFIX):
            return False
        if self.settings.dev:
            return True  # a draft, and a post that cannot be read yet, have pages that follow
        post = self.library.index.by_id.get(name.removeprefix(POST_PREFIX))
        return post is not None and post.presence

    def find_post(self, page: str) -> NamedPost | None:
        """Name the post of a page; None for one that is hidden, or has no number any more."""
        post = self.library.index.by_id.get(page.removeprefix(POST_PREFIX))
        if post is None or not post.presence:
            return None
        leftwards = needs_direction(post.title, post.lang, self.settings.language)
        return NamedPost(post.title, post_path(post.id), leftwards)

    def checks(self) -> Iterator[tuple[str, Iterator[Finding]]]:
        """Return what can be looked at, with a title for what takes a while."""
        settings = self.settings
        yield "", self.examine_limits()
        yield "", examine_settings(settings)
        yield "Asking Redis", examine_redis(settings)
        yield (
            f"Opening a stream at {settings.site_url or 'no address'}",
            examine_stream(settings.site_url),
        )

    def examine_limits(self) -> Iterator[Finding]:
        """Say what the limits are, and what they allow."""
        takes_over = self.settings.transport == "auto" and can_take_over()
        return examine_limits(self.settings, takes_over=takes_over)

    def start(self) -> None:
        """Begin to count, to send and to watch the posts. Call once, in the serving process."""
        self.is_started = True
        raise_file_limit()
        for finding in self.examine_limits():
            if finding.level is not Level.OK:
                log.warning("%s", finding)
        # What is there now stays: the collector need not look at it again, for 12 ms each time.
        gc.collect()
        gc.freeze()
        if self.metrics:
            self.metrics.start(self.max_streams)
        self.tracker.start(wait_seconds=MAX_FIRST_READ_SECONDS)
        self.hub.start()
        self.library.subscribe(self.updates.notice)
        self.library.subscribe(lambda before, after: self._park_gone())
        for library in (self.library, self.about):
            library.subscribe(lambda before, after: self.hub.touch())
        if self.following is not None:
            self.following.start(self.hub.touch)
        self.library.start()
        self.about.start()
        self.search.start()

    def _park_gone(self) -> None:
        """Tell the tabs of posts that count nobody any more, and end their streams."""
        for page in self.hub.pages():
            if not self.is_page(page):
                self.hub.end_page(page, self.opening(page) + PARK)

    def drain(self) -> None:
        """Send every tab away, to come back at a moment of its own; take no new streams.

        Returns when it is done, and may be called again. The tabs stay in the slot, and count until
        its lease ends: by then they are back, and nobody sees the total dip.
        """
        if self._draining is None:
            self._draining = gevent.spawn(self._send_away)
        self._draining.join(MAX_DRAIN_SECONDS)

    def _send_away(self) -> None:
        self.gate.is_draining = True
        self.readers.drain()
        count = len(self.hub)
        least_ms, most_ms = drain_retry_ms(count)
        self._counts_until = (
            time.monotonic()
            + most_ms / 1000 * HTMX_RETRY_SPREAD
            + (DRAIN_EXTRA_SECONDS if self.is_followed else DRAIN_UNFOLLOWED_SECONDS)
        )

        def say_goodbye() -> bytes:
            return encode_event("", event="drain", retry_ms=random.randint(least_ms, most_ms))

        self.hub.end_all(say_goodbye)
        if count:
            log.info("streams: sent %d away to come back within %d ms", count, most_ms)

    def close(self) -> None:
        """Stop everything; a few seconds at most. Drains first where nobody did."""
        if self._is_closed:
            return
        self._is_closed = True
        self.drain()
        if self.following is not None:
            self.following.close()
        self.hub.close()
        if self.is_followed:
            self.readers.wait_for_returns(
                min(MAX_RETURN_SECONDS, self._counts_until - DRAIN_EXTRA_SECONDS - time.monotonic())
            )
        self.readers.close()
        self.search.close()
        self.library.close()
        self.about.close()
        self.tracker.close(lease_seconds=max(0.0, self._counts_until - time.monotonic()))


def follow(*libraries: Library) -> Following:
    """Make what has open pages follow these libraries and the pages' own files."""
    assets = Assets(ROOT / "static")
    return Following(ROOT, libraries, lambda: f"/static/style.css?v={assets.version('style.css')}")


def drain_retry_ms(count: int) -> tuple[int, int]:
    """Return between which times so many tabs are asked to come back."""
    share = min(count / DRAIN_MANY, 1.0)
    least, most = (
        round(few + share * (many - few))
        for few, many in zip(DRAIN_RETRY_MS_FEW, DRAIN_RETRY_MS_MANY, strict=True)
    )
    return least, most
