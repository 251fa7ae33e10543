"""One worker's blog: what it is made of, and its life from the first read to the last goodbye."""

from __future__ import annotations

import gc
import logging
from collections.abc import Mapping
from gettext import GNUTranslations
from typing import TYPE_CHECKING, Any

from blog.cards import CardFontError, Cards
from blog.cli.settings_check import examine_language
from blog.config import Settings, SettingsError
from blog.desk.desk import Desk
from blog.desk.events import Events
from blog.desk.pass_registry import PassRegistry
from blog.dev import follow
from blog.history.keeper import Keeper
from blog.history.recording import Recording
from blog.history.texts import Texts
from blog.history.visits import now_ms, seconds_open
from blog.live.faces import Faces, section_class
from blog.live.numbers import LiveCounts, PostLink
from blog.live.recent import Recent
from blog.live.templates import LiveTemplates
from blog.live.updates import Updates
from blog.pages.cache import fast_send
from blog.pages.theme import make_loader
from blog.pictures import Originals, Pictures
from blog.pictures.shelf import Shelf
from blog.posts import Library
from blog.posts.addresses import post_path
from blog.posts.direction import needs_direction
from blog.posts.markup.markdown import Style
from blog.posts.page_names import COUNTING_PAGE, INDEX_PAGE, NOW_PAGE, POST_PREFIX
from blog.posts.pages import PageLibrary
from blog.presence_settings import presence_settings
from blog.search import Search
from blog.site_folder import engine_folder, find_site, overridden
from blog.store.database import Database
from blog.words import load_words
from flask_presence.cli.limits import examine_limits
from flask_presence.file_limits import raise_file_limit
from flask_presence.place import Place
from flask_presence.streams.event import encode_event, join_events
from flask_presence.web.readers import TOPIC
from flask_presence.web.service import PresenceService

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from blog.ops.metrics import Metrics, Seen

log = logging.getLogger(__name__)


class Viblog:
    """One worker's blog: everything with a lifetime. `app.extensions["viblog"]` holds it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.is_started = False
        self._is_closed = False
        self._is_loaded = False
        words = load_words(settings.language, settings.words)
        self.database = Database(settings.database_url, settings.instance_dir)
        self._find_texts(words)
        self.metrics = self._begin_metrics() if settings.is_measured else None
        self.presence = PresenceService(
            presence_settings(settings),
            observer=self.metrics.presence if self.metrics else None,
            stream_observer=self.metrics.streams if self.metrics else None,
        )
        self.desk = Desk(settings, PassRegistry(self.database), self.presence)
        loader = make_loader(find_site(), settings.theme)
        templates = LiveTemplates(loader, words, reloads=settings.dev)
        self._show_numbers(templates)
        self.texts = Texts(self.library, self.pages)
        self.events = Events()
        self.recording = self._record() if settings.history else None
        self._tell_presence(templates)

    def _find_texts(self, words: GNUTranslations) -> None:
        """Make what has the posts and the pages, and what is made of them."""
        settings = self.settings
        zone, instance = settings.time_zone, settings.instance_dir
        style = Style(
            language=settings.language,
            words=words,
            smart_quotes=settings.smart_quotes,
            posts_dir=settings.posts_dir,
            static_dir=overridden(find_site(), "static")[0],
            frame_hosts=settings.frame_hosts,
            base_path=settings.base_path,
        )
        self.library = Library(settings.posts_dir, zone=zone, style=style)
        self.pages = PageLibrary(settings.pages_dir, settings.about_dir, zone=zone, style=style)
        self.search = Search(self.library, instance, self.pages)
        try:
            serif = engine_folder() / "static" / "fonts" if settings.font == "serif" else None
            self.cards = Cards(instance / "cards", settings.card_font, serif)
        except CardFontError as error:
            raise SettingsError([f"BLOG_CARD_FONT: {error}"]) from error
        shelf = Shelf(instance / "pictures")
        self.originals = Originals(shelf)
        self.pictures = Pictures((self.library, self.pages), style.static_dir, shelf)

    def _show_numbers(self, templates: LiveTemplates) -> None:
        """Make what open pages are shown."""
        settings = self.settings
        self.updates = Updates(self.library, templates, settings.base_path)
        self.following = follow(settings, self.library, self.pages) if settings.dev else None
        self.numbers = LiveCounts(
            self.presence.tracker,
            templates,
            counts_readers=settings.count == "readers",
            find_post=self.find_post,
            beside=(self.following or self.updates).change,
            is_counting=lambda: self.is_started,
        )
        if settings.title_count:
            self.numbers.title_of = self.name_tab
        self.recent = self._follow_openings() if settings.activity != "off" else None
        if settings.faces:
            self._show_faces()

    def _tell_presence(self, templates: LiveTemplates) -> None:
        """Say which pages there are, and what their streams send."""
        self.presence.is_page = self.is_page
        self.presence.render = self.numbers.frame
        self.presence.opening = (self.following or self.updates).opening
        self._ping = self.presence.hub.ping = encode_event(templates.ping())
        self.presence.readers.place_of = lambda page: None if page == NOW_PAGE else page
        self.presence.readers.parting = lambda meta: encode_event(
            templates.parked(seconds_open(meta, now_ms()))
        )
        if self.metrics:
            self.presence.tracker.subscribe_state(self.metrics.presence.note_state)

    @property
    def place(self) -> Place:
        """Where `flask presence` looks."""
        return self.settings.place

    def _begin_metrics(self) -> Metrics:
        # With prometheus-client, half a megabyte that most blogs have no use for.
        from blog.ops.metrics import Metrics

        return Metrics(self._what_is_seen())

    def _what_is_seen(self) -> Seen:
        """Say what the worker that is asked for the metrics answers for all."""

        def count(*, distinct: bool) -> int:
            return self.presence.tracker.count(TOPIC, distinct=distinct)

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
        told = {
            "posts": len(self.library.index.posts),
            "presence": self.presence.tracker.state.value,
        }
        if self.presence.is_draining:
            return False, {**told, "reason": "it is draining"}
        if not self._is_loaded:
            return False, {**told, "reason": "its posts are not read yet"}
        if not self.library.has_folder:
            return False, {**told, "reason": "its posts folder cannot be listed"}
        return True, told

    def load(self) -> None:
        """Read the posts and the pages."""
        self.library.load()
        self.pages.load()
        self._is_loaded = True

    def is_page(self, name: str) -> bool:
        """Tell whether a page of that name can be open: the index decides, never the request."""
        if name in (INDEX_PAGE, NOW_PAGE) or (
            name == COUNTING_PAGE and name not in self.pages.index.by_id
        ):
            return True
        library = self.library if name.startswith(POST_PREFIX) else self.pages
        if self.settings.dev and library is self.library:
            return True  # a draft, and a post that cannot be read yet, have pages that follow
        text_id = name.removeprefix(POST_PREFIX)
        text = library.index.by_id.get(text_id)
        if text is None and self.settings.dev:
            text = library.index.hidden.get(text_id)
        return text is not None and (text.presence or self.settings.dev)

    def find_post(self, page: str) -> PostLink | None:
        """Name the post of a page; None for one that is hidden, or has no number any more."""
        post = self.library.index.by_id.get(page.removeprefix(POST_PREFIX))
        if post is None or not post.presence:
            return None
        leftwards = needs_direction(post.title, post.lang, self.settings.language)
        return PostLink(post.title, self.settings.base_path + post_path(post.id), leftwards)

    def name_tab(self, page: str) -> str:
        """Return the title of a post's page, as `templates/base.html` writes it; "" for no post."""
        post = self.find_post(page)
        return f"{post.title} · {self.settings.title}" if post else ""

    def start(self) -> None:
        """Begin to count, to send and to watch the posts. Call once, in the serving process."""
        self.is_started = True
        raise_file_limit()
        limits = examine_limits(self.place, workers=self.settings.workers)
        for finding in (*limits, *examine_language(self.settings)):
            if finding.level != "ok":
                log.warning("%s", finding)
        if fast_send.MISSING:
            log.warning(
                "pages: found no %s, so they are sent the usual way, a quarter slower; install the"
                " version of gunicorn that viblog asks for",
                ", ".join(fast_send.MISSING),
            )
        # Objects made so far stay for good: frozen, they do not cost the garbage collector 12 ms
        # each time.
        gc.collect()
        gc.freeze()
        if self.metrics:
            self.metrics.start(self.presence.max_streams)
        self.presence.start()
        if self.recording is not None:
            self.recording.start()
        if self.recent is not None:
            self.recent.start(self._note_minute)
        self.library.subscribe(self.updates.notice)
        self.library.subscribe(lambda before, after: self.presence.park_gone())
        for library in (self.library, self.pages):
            library.subscribe(lambda before, after: self._note_news())
        if self.following is not None:
            self.following.start(self._note_news)
            self._note_news()
        self.library.start()
        self.pages.start()
        self.search.start()
        self.pictures.start()

    def _note_news(self) -> None:
        """Send the change to all open pages; in development, repeat it with every ping.

        A page that reloads itself twice in quick succession may drop the second response.
        """
        following = self.following.change("") if self.following is not None else b""
        self.presence.hub.ping = join_events(self._ping, following)
        self.presence.hub.touch()

    def _show_faces(self) -> None:
        has_sections = self.settings.sections
        faces = Faces(
            self.presence.tracker,
            counts_readers=self.settings.count == "readers",
            counts_sections=has_sections,
            base_path=self.settings.base_path,
        )
        self.numbers.faces = faces
        self.presence.readers.choose_meta = faces.choose
        self.presence.greeting = lambda page, tab: (
            self.numbers.greet(tab.meta, tab.event_id if has_sections else "")
            if page.startswith(POST_PREFIX)
            else b""  # no other page has faces
        )
        if has_sections:
            self.presence.read_changes = self._read_section

    def _read_section(
        self, environ: WSGIEnvironment, meta: Mapping[str, Any], form: Mapping[str, str]
    ) -> Mapping[str, Any] | None:
        """Return what changes in the meta of a page that tells its section; None for nothing."""
        page, section = meta["page"], form.get("section", "")
        post = self.library.index.by_id.get(page.removeprefix(POST_PREFIX))
        if post is None or self.numbers.is_crowd(page) or meta.get("section") == section:
            return None
        anchors = (heading.anchor for heading in self.library.render(post).headings)
        return {"section": section} if section in map(section_class, anchors) else None

    def _record(self) -> Recording:
        recording = Recording(
            self.presence,
            Keeper(self.database, self.settings.time_zone),
            self.events,
            self.texts.reading_seconds,
            self.settings.time_zone,
            counts_readers=self.settings.count == "readers",
        )
        recording.is_own_visit = self.desk.own_visits.has
        return recording

    def _follow_openings(self) -> Recent:
        recent = Recent(
            self.presence.tracker,
            self.settings.time_zone,
            counts_readers=self.settings.count == "readers",
            tells_events=self.settings.activity == "events",
        )
        self.numbers.read_activity = lambda: recent.activity
        return recent

    def _note_minute(self) -> None:
        self.numbers.note_minute()
        self.presence.hub.touch([INDEX_PAGE, NOW_PAGE])

    def close(self) -> None:
        """Stop everything; a few seconds at most. Drains first where nobody did. Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        if self.following is not None:
            self.following.close()
        if self.recent is not None:
            self.recent.close()
        self.desk.close()
        self.presence.close()
        if self.recording is not None:
            self.recording.close()
        self.search.close()
        self.pictures.close()
        self.originals.close()
        self.library.close()
        self.pages.close()
        self.database.close()
