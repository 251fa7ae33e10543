"""Put the blog together. The only module that knows all the others."""

from __future__ import annotations

import logging
import random
from pathlib import Path

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from blog.cli import posts_cli
from blog.config import Settings
from blog.live.endpoint import create_live
from blog.live.gate import Gate
from blog.live.numbers import TOPIC, Numbers
from blog.live.readers import Readers
from blog.ops.headers import install_headers
from blog.pages import create_pages, register_errors
from blog.pages.blueprint import ABOUT_PAGE, INDEX_PAGE
from blog.posts import Library
from blog.presence import Store, Timings, Tracker, connect
from blog.streams.event import encode_event
from blog.streams.hub import Hub, Limits

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent
# Only reached by a program that never set BLOG_REDIS_URL; gunicorn.conf.py always does.
DEFAULT_REDIS_URL = "redis://127.0.0.1:6379/0"
# A draining worker asks its tabs to come back within this: a moment for few, longer for many, so
# that they do not arrive all at once.
DRAIN_RETRY_MS_PER_STREAM = 10
DRAIN_RETRY_MS = (500, 15_000)
# Its slot still counts until they have: the longest retry, htmx's own spread of 30 %, and a second.
DRAIN_LEASE_FACTOR = 1.3
DRAIN_LEASE_EXTRA_SECONDS = 1.0


class Viblog:
    """One worker's blog: everything with a lifetime. `app.extensions["viblog"]` holds it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.library = Library(settings.posts_dir)
        self.about = Library(settings.about_dir)
        self.tracker = Tracker(
            Store(connect(settings.redis_url or DEFAULT_REDIS_URL), settings.redis_prefix),
            worker=settings.worker_name or None,
            indexes=("page",),
            timings=Timings(
                lease_seconds=settings.lease_seconds,
                heartbeat_seconds=settings.heartbeat_seconds,
            ),
        )
        self.numbers = Numbers(self.tracker, counts_readers=settings.count == "readers")
        self.hub = Hub(
            self.numbers.frame,
            Limits(
                pace_seconds=settings.pace_seconds,
                ping_seconds=settings.ping_seconds,
                rotate_seconds=settings.rotate_seconds,
                stall_seconds=settings.stall_seconds,
            ),
        )
        self.gate = Gate(
            max_streams=settings.max_streams,
            max_streams_per_address=settings.max_streams_per_address,
        )
        self.readers = Readers(
            self.tracker,
            max_streams=settings.max_streams_per_reader,
            linger_seconds=settings.linger_seconds,
        )
        # Every change is a change of the total, which every page shows.
        self.tracker.subscribe(lambda diff: self.hub.touch(), topic=TOPIC)
        self.tracker.subscribe_state(lambda state: self.hub.touch())
        self._drain_lease_seconds = 0.0
        self._is_closed = False

    def is_page(self, name: str) -> bool:
        """Tell whether a page of that name can be open: the index decides, never the request."""
        if name in (INDEX_PAGE, ABOUT_PAGE):
            return True
        return name.startswith("blog/") and name.removeprefix("blog/") in self.library.index.by_id

    def start(self) -> None:
        """Begin to count, to send and to watch the posts. Call once, in the serving process."""
        self.tracker.start()
        self.hub.start()
        self.library.start()
        self.about.start()

    def drain(self) -> None:
        """Send every tab away, to come back at a moment of its own; take no new streams.

        The tabs stay in the slot, and count until its shortened lease ends: by then they are back,
        and nobody sees the total dip.
        """
        if self.gate.is_draining:
            return
        self.gate.is_draining = True
        self.readers.drain()
        least, most = DRAIN_RETRY_MS
        longest_ms = min(max(least, len(self.hub) * DRAIN_RETRY_MS_PER_STREAM), most)

        def say_goodbye() -> bytes:
            return encode_event("", event="drain", retry_ms=random.randint(least // 5, longest_ms))

        count = self.hub.end_all(say_goodbye)
        if count:
            self._drain_lease_seconds = (
                longest_ms / 1000 * DRAIN_LEASE_FACTOR + DRAIN_LEASE_EXTRA_SECONDS
            )
            log.info("streams: sent %d away to come back within %d ms", count, longest_ms)

    def close(self) -> None:
        """Stop everything; a few seconds at most. Drains first where nobody did."""
        if self._is_closed:
            return
        self._is_closed = True
        self.drain()
        self.hub.close()
        self.readers.close()
        self.library.close()
        self.about.close()
        self.tracker.close(lease_seconds=self._drain_lease_seconds)


def create_app(settings: Settings | None = None) -> Flask:
    """Make the WSGI application; posts are read, nothing is started and nothing connected.

    Raises `SettingsError` with a line for every setting that cannot be used.
    """
    settings = settings or Settings.from_process()
    viblog = Viblog(settings)
    viblog.library.load()
    viblog.about.load()

    app = Flask("blog", root_path=str(ROOT))
    app.config["TRUSTED_HOSTS"] = list(settings.trusted_hosts) or None
    # Nobody sends us anything: no form, no upload.
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.extensions["viblog"] = viblog
    app.register_blueprint(create_pages(settings, viblog.library, viblog.about, viblog.numbers))
    app.register_blueprint(
        create_live(
            hub=viblog.hub, gate=viblog.gate, readers=viblog.readers, is_page=viblog.is_page
        )
    )
    app.cli.add_command(posts_cli)
    register_errors(app, settings)
    install_headers(app, settings)
    hops = settings.proxy_hops
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app
