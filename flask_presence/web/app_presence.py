"""The presence of one Flask application: its settings, its hooks, and its streams before it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Flask
from itsdangerous import BadSignature, URLSafeSerializer
from markupsafe import Markup
from werkzeug.middleware.proxy_fix import ProxyFix

from ..place import Place
from ..streams.event import encode_event
from ..streams.stream import PATH
from ..tracking import Roster
from . import htmx
from .blocks import Blocks
from .elements import TOTAL, Element, Elements, Words
from .identity import Identity, hide_key
from .lists import Fetch, Lists
from .own_meta import TOPIC, Meta

if TYPE_CHECKING:
    import gevent
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from .tab import Tab
    from .updates import Form

log = logging.getLogger(__name__)

ALONE = (
    "presence: PRESENCE_REDIS_URL is not set: this process counts for itself alone, other workers"
    " for themselves"
)
THREADS = (
    "presence: nobody is counted: this server gives each request a thread or a process, as"
    " `flask run` and gunicorn's sync and gthread workers do; start it with `gunicorn -k gevent`"
)
UNSIGNED = (
    "presence: found no SECRET_KEY in the app's config, expected one: it signs the topics; set it,"
    " or FLASK_SECRET_KEY where the app calls app.config.from_prefixed_env()"
)
_PREFIX_FORM = re.compile(r"(/[\w.~-]+)+", re.ASCII)
_SALT = "presence.page"
TAB_INPUT = Markup('<input type="hidden" class="presence-tab" name="tab" value="{}">')
_TAB_PARTIAL = Markup('<hx-partial hx-target=".presence-tab" hx-swap="outerHTML">{}</hx-partial>')


class Shown(NamedTuple):
    """What a page shows of presence: its topic, or "", and its live elements.

    `changes` is whether it may change its own meta.
    """

    topic: str
    elements: tuple[Element, ...]
    changes: bool = False

    @property
    def topics(self) -> list[str]:
        """The topics of which the page shows something."""
        return [element.topic for element in self.elements if element.topic]


@dataclass(slots=True)
class Hooks:
    """The application's callbacks, each called in a request context of its own; see `Presence`."""

    key: Callable[[], str | None] | None = None
    may_watch: Callable[[str], bool] | None = None
    meta: Callable[[str], Mapping[str, Any]] | None = None
    on_update: Callable[[str, Meta], Mapping[str, Any] | None] | None = None
    fetch: Fetch | None = None

    @property
    def are_asked(self) -> bool:
        """Whether any callback is called for each stream; callbacks may wait."""
        return any((self.key, self.may_watch, self.meta))


class AppPresence:
    """The presence of one application; as WSGI middleware it answers streams before it.

    `words` say the number of a counter, and the total.
    """

    def __init__(self, app: Flask, hooks: Hooks, words: tuple[Words, Words]) -> None:
        self._app = app
        self._hooks = hooks
        self._serializer = URLSafeSerializer(str(app.secret_key), salt=_SALT)
        self.read = lru_cache(maxsize=1024)(self._read)
        # Not above: they take as long to load as all the rest, redis first.
        from ..settings import read_settings
        from .service import PresenceService

        self.service = PresenceService(read_settings(self.read_setting))
        count = self.read_setting("COUNT", "tabs")
        if count not in ("tabs", "readers"):
            raise ValueError(f"PRESENCE_COUNT: found {count!r}, expected tabs or readers")
        self.is_distinct = count == "readers"
        self.url_prefix = self.read_setting("URL_PREFIX", "")
        if self.url_prefix and not _PREFIX_FORM.fullmatch(self.url_prefix):
            raise ValueError(
                f"PRESENCE_URL_PREFIX: found {self.url_prefix!r}, expected a path such as /notes"
            )
        self.is_alone = not self.read_setting("REDIS_URL", "")
        self.roster = Roster("page", distinct=self.is_distinct)
        self.service.tracker.subscribe(self.roster.apply, topic=TOPIC)
        self.words = words
        self._elements: Elements | None = None
        self._connect()
        self._pages = _put_before(app, self)
        self._live = self.service.wrap(self._pages)
        self.root = ""  # the path that the application is mounted under, as its pages know it
        self._greenlets: set[gevent.Greenlet[[], None]] = set()
        self._is_asked = False
        self._is_started = False
        # Whether anybody can be counted: a server of threads cannot.
        self.is_counting = True

    def _connect(self) -> None:
        """Have one worker's presence ask this application."""
        service, usual = self.service, self.service.identify
        service.is_page = lambda page: self.read(page) is not None
        service.render = self._render
        service.greeting = self._greet
        service.identify = lambda environ: self._identify(  # type: ignore[assignment]
            environ, usual(environ)
        )
        service.read_changes = self._read_changes
        service.readers.place_of = lambda page: self._known(page).topic
        service.readers.choose_meta = self._choose_meta

    @property
    def presence(self) -> Any:
        """What gunicorn's hooks drain; see `server.hooks`."""
        return self.service

    @property
    def place(self) -> Place:
        """Where `flask presence` looks."""
        return Place(
            redis_url=self.read_setting("REDIS_URL", ""),
            redis_prefix=self.service.settings.redis_prefix,
            instance_dir=Path(self.read_setting("INSTANCE_DIR", "instance")),
            stream=self.url_prefix + htmx.stream_url(self.sign(Shown("", (Element(TOTAL),)))),
            max_streams=self.service.settings.max_streams,
        )

    @property
    def elements(self) -> Elements:
        """What writes the live elements. Made when first asked for: by then the app is whole."""
        if self._elements is None:
            blocks = Blocks(self._app.jinja_env, self._url_for)
            lists = Lists(self.roster, self._make_later)
            self._elements = Elements(self.count, lists, blocks, *self.words)
        self._elements.lists.fetch = self._hooks.fetch
        return self._elements

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a stream, or have the application answer."""
        is_stream = environ["PATH_INFO"] == self.url_prefix + PATH
        if "wsgi.input" not in environ and (not is_stream or self._hooks.are_asked):
            # In the event loop, where nothing may wait: the server takes the usual way then.
            start_response("503 Service Unavailable", [])
            return []
        self.start()
        if not is_stream:
            return self._pages(environ, start_response)
        self.root = environ.get("SCRIPT_NAME", "")
        if self.url_prefix:
            root = environ.get("SCRIPT_NAME", "") + self.url_prefix
            environ = {**environ, "SCRIPT_NAME": root, "PATH_INFO": PATH}
        page = self._asked(environ)
        if page is not None and not self._allows(environ, page):
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"This topic is not for you.\n"]
        return self._live(environ, start_response)

    def start(self) -> None:
        """Begin to count, if a server of greenlets runs the application. Idempotent."""
        if self._is_asked:
            return
        self._is_asked = True
        self._say_if_hidden()
        from gevent import monkey

        if not monkey.is_module_patched("socket"):
            self._note_threads()
            return
        self._is_started = True
        if self.is_alone:
            log.warning(ALONE)
        self.service.start()

    def _say_if_hidden(self) -> None:
        """Log which of the application's own addresses its streams hide."""
        path = self.url_prefix + PATH
        for rule in self._app.url_map.iter_rules():
            if rule.rule.rstrip("/") == path:
                log.error(
                    "presence: found a route of the application at %s, where its streams are,"
                    " expected none: move it, or set PRESENCE_URL_PREFIX",
                    rule.rule,
                )

    def _note_threads(self) -> None:
        """Log that nobody is counted; the pages show a notice instead of numbers."""
        if not self._app.testing:
            self.is_counting = False
            log.warning(THREADS)

    def _make_later(self, make: Callable[[], None]) -> None:
        """Have a part of the frames made in the background, and then the frames made again."""
        import gevent

        def run() -> None:
            with self._app.app_context():
                make()
            self.service.hub.touch()

        greenlet = gevent.spawn(run)
        self._greenlets.add(greenlet)
        greenlet.link(self._greenlets.discard)

    def close(self) -> None:
        """Stop; a few seconds at most."""
        for greenlet in list(self._greenlets):
            greenlet.kill(block=False)
        if self._is_started:
            self.service.close()

    def count(self, **where: str) -> int:
        """Count, of one page's topic or of all."""
        return self.service.tracker.count(TOPIC, distinct=self.is_distinct, **where)

    def sign(self, page: Shown) -> str:
        """Return the name of a page's stream, which cannot be forged."""
        elements = [_shorten(element) for element in page.elements]
        return str(self._serializer.dumps([page.topic, elements, int(page.changes)]))

    def read_setting(self, name: str, default: str) -> str:
        """Return a setting: the application's, else the environment's."""
        variable = f"PRESENCE_{name}"
        return str(self._app.config.get(variable, os.environ.get(variable, default)))

    def _asked(self, environ: WSGIEnvironment) -> Shown | None:
        return self.read(htmx.read_page(environ.get("QUERY_STRING", "")))

    def _read(self, name: str) -> Shown | None:
        try:
            topic, elements, changes = self._serializer.loads(name)
        except (BadSignature, ValueError):
            return None
        return Shown(topic, tuple(Element(*element) for element in elements), bool(changes))

    def _known(self, name: str) -> Shown:
        page = self.read(name)
        assert page is not None, name  # noqa: S101 - only such pages have streams
        return page

    def _render(self, name: str) -> bytes:
        with self._app.app_context():
            return self.elements.write_frame(self._known(name).elements)

    def _greet(self, name: str, tab: Tab) -> bytes:
        """Tell a tab that may change its meta its own identity, and tell nobody else."""
        if not self._known(name).changes:
            return b""
        return encode_event(_TAB_PARTIAL.format(TAB_INPUT.format(tab.event_id)))

    def _identify(self, environ: WSGIEnvironment, usual: Identity) -> Identity:
        """Return the reader of a request for a stream: the application's user, else the browser."""
        if self._hooks.key is None or not usual.key:
            return usual
        with self._app.request_context(environ):
            key = self._hooks.key()
        return usual if key is None else usual._replace(key=hide_key(self._app.secret_key, key))

    def _allows(self, environ: WSGIEnvironment, page: Shown) -> bool:
        """Tell whether the application lets somebody see all topics of a page."""
        if self._hooks.may_watch is None:
            return True
        with self._app.request_context(environ):
            return all(self._hooks.may_watch(topic) for topic in page.topics)

    def _choose_meta(
        self, environ: WSGIEnvironment, topic: str, key: str, before: Meta
    ) -> Mapping[str, Any]:
        if self._hooks.meta is None:
            return {}
        with self._app.request_context(environ):
            return self._hooks.meta(topic)

    def _read_changes(
        self, environ: WSGIEnvironment, meta: Meta, form: Form
    ) -> Mapping[str, Any] | None:
        if self._hooks.on_update is None:
            return None
        with self._app.request_context(environ):
            return self._hooks.on_update(meta["page"], meta)

    def _url_for(self, endpoint: str, **values: Any) -> str:
        """Return a URL of the application, for a block that is rendered outside of any request."""
        self._app.inject_url_defaults(endpoint, values)
        adapter = self._app.url_map.bind("localhost", script_name=self.root or "/")
        return adapter.build(endpoint, values, force_external=False)


def _shorten(element: Element) -> list[Any]:
    """Return the fields of an element up to the last one that differs from its default."""
    fields: list[Any] = list(element)
    while len(fields) > 1 and Element(*fields[:-1]) == element:
        fields.pop()
    return fields


def _put_before(app: Flask, middleware: WSGIApplication) -> WSGIApplication:
    """Put middleware before an application, and return what was there.

    Behind a `ProxyFix`, whenever that was put there: a stream's address, too, is what it says.
    """
    proxy = None
    before: WSGIApplication = app.wsgi_app
    while isinstance(before, ProxyFix):
        proxy, before = before, before.app
    if proxy is None:
        app.wsgi_app = middleware  # type: ignore[assignment, method-assign]
    else:
        proxy.app = middleware
    return before
