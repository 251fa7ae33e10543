"""The Flask extension: how many have a page open, shown live, in any template.

presence = Presence()
presence.init_app(app)

{{ presence.counter("page:42") }}  {{ presence.total() }}  {{ presence.script() }}
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Flask, current_app, g, request, send_from_directory, url_for
from gevent import monkey
from itsdangerous import BadSignature, URLSafeSerializer
from markupsafe import Markup
from werkzeug.middleware.proxy_fix import ProxyFix

from ..place import Place
from ..settings import read_settings
from ..streams.event import encode_event
from ..streams.stream import PATH
from ..tracking import Diff
from . import htmx
from .endpoint import read_page
from .identity import Identity, hide_key
from .readers import TOPIC

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from .service import PresenceService

log = logging.getLogger(__name__)

ALONE = (
    "presence: PRESENCE_REDIS_URL is not set: this process counts for itself alone, other workers"
    " for themselves"
)
UNSIGNED = "presence: found no SECRET_KEY in the app's config, expected one: it signs the topics"
_PREFIX_FORM = re.compile(r"(/[\w.~-]+)+", re.ASCII)
_SALT = "presence.page"
_PARTIAL = Markup(
    '<hx-partial hx-target=".{name} > :not(.n{count})" hx-swap="outerHTML">{number}</hx-partial>'
)
_NUMBER = Markup('<span class="n{count}">{words}</span>')


class Shown(NamedTuple):
    """What a page has of presence: the topic that it is of, or "", and the topics that it shows."""

    topic: str
    topics: tuple[str, ...]
    has_total: bool


class Presence:
    """Presence for a Flask application: who has which page open.

    `counter_words(count)` and `total_words(count)` say a number; "2 reading now" and "5 online" by
    default. Settings are `PRESENCE_…` in the application's config, else in the environment.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        counter_words: Callable[[int], str] = lambda count: f"{count} reading now",
        total_words: Callable[[int], str] = lambda count: f"{count} online",
    ) -> None:
        self._counter_words = counter_words
        self._total_words = total_words
        self._key: Callable[[], str | None] | None = None
        self._may_watch: Callable[[str], bool] | None = None
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Give an application's templates `presence`, and answer its pages' streams.

        Raises `RuntimeError` without a `SECRET_KEY`, and for an application that has one already.
        """
        if "presence" in app.extensions:
            raise RuntimeError("presence: found it on this app already, expected one init_app")
        if not app.secret_key:
            raise RuntimeError(UNSIGNED)
        state = app.extensions["presence"] = _AppPresence(self, app)
        app.jinja_env.globals["presence"] = self
        rule = f"{state.url_prefix}{PATH}/htmx/<path:name>"
        app.add_url_rule(rule, "presence.htmx", _send_htmx)

    # -- What an application says ----------------------------------------------------------------

    def key(self, function: Callable[[], str | None]) -> Callable[[], str | None]:
        """Decorate a function that returns the user's id in a request; None counts the browser."""
        self._key = function
        return function

    def may_watch(self, function: Callable[[str], bool]) -> Callable[[str], bool]:
        """Decorate a function that decides in a request whether the client may see a topic."""
        self._may_watch = function
        return function

    def on_diff(self, topic: str) -> Callable[[Callable[[Diff], None]], Callable[[Diff], None]]:
        """Decorate a function that is told of the joins and leaves of a topic; it must not wait."""

        def decorate(listener: Callable[[Diff], None]) -> Callable[[Diff], None]:
            def tell(diff: Diff) -> None:
                joins, leaves = (
                    tuple(one for one in part if one.meta.get("page") == topic)
                    for part in (diff.joins, diff.leaves)
                )
                if joins or leaves:
                    listener(Diff(joins=joins, leaves=leaves))

            self._service.tracker.subscribe(tell, topic=TOPIC)
            return listener

        return decorate

    # -- Numbers ---------------------------------------------------------------------------------

    def count(self, topic: str) -> int:
        """Return how many have a page of a topic open. O(1)."""
        return self._state.count(page=topic)

    def count_all(self) -> int:
        """Return how many have any page open. O(1)."""
        return self._state.count()

    # -- Templates -------------------------------------------------------------------------------

    def counter(self, topic: str, *, watch: bool = False) -> Markup:
        """Return the live number of tabs on a topic. Whoever opens this page counts on that topic.

        With `watch` the page shows the number and does not count. A page counts on one topic only:
        the first that it shows without `watch`. Raises `TypeError` for a topic that is no text.
        """
        if not isinstance(topic, str):
            raise TypeError(f"presence: found the topic {topic!r}, expected a str")
        shown = _shown()
        shown["topics"][topic] = None
        if not watch and not shown["topic"]:
            shown["topic"] = topic
        number = self.write_number(self.count(topic), self._counter_words)
        return Markup('<span class="{}">{}</span>').format(class_of(topic), number)

    def total(self) -> Markup:
        """Return the live number of tabs on all pages."""
        _shown()["total"] = True
        number = self.write_number(self.count_all(), self._total_words)
        return Markup('<span class="presence-total">{}</span>').format(number)

    def script(self) -> Markup:
        """Return what opens the stream of the page, and loads htmx: for the end of the body.

        Empty for a page without numbers; without htmx where PRESENCE_HTMX is "0".
        """
        shown = _shown()
        page = Shown(shown["topic"], tuple(shown["topics"]), shown["total"])
        if not (page.topics or page.has_total):
            return Markup("")
        state = self._state
        url = request.script_root + state.url_prefix + htmx.stream_url(state.sign(page))
        stream = Markup(
            '<div hx-sse:connect="{}" hx-sse:close="park" hx-swap="none" hx-sync="drop"'
            ' hx-trigger="intersect once, focus from:window, htmx:error delay:5s,'
            ' htmx:after:request delay:10s"></div>'
        ).format(url)
        if state.read_setting("HTMX", "1") == "0":
            return stream
        scripts = Markup("").join(
            Markup('<script src="{}" integrity="{}"></script>').format(
                url_for("presence.htmx", name=name), htmx.integrity_of(name)
            )
            for name in htmx.FILES
        )
        meta = Markup('<meta name="htmx-config" content="{}">').format(
            json.dumps(htmx.make_config())
        )
        return stream + meta + scripts

    def write_number(self, count: int, words: Callable[[int], str]) -> Markup:
        """Return a number and its words, as the element that the next frame replaces."""
        return _NUMBER.format(count=count, words=words(count))

    def write_frame(self, page: Shown) -> bytes:
        """Return the frame of a page: every number that it shows."""
        state = self._state
        counts = [(class_of(topic), state.count(page=topic)) for topic in page.topics]
        numbers = [(name, count, self._counter_words) for name, count in counts]
        if page.has_total:
            numbers.append(("presence-total", state.count(), self._total_words))
        parts = [
            _PARTIAL.format(name=name, count=count, number=self.write_number(count, words))
            for name, count, words in numbers
        ]
        return encode_event("\n".join(parts))

    def identify(self, environ: WSGIEnvironment, app: Flask, usual: Identity) -> Identity:
        """Return the reader who asks for a stream: the application's user, else the browser."""
        if self._key is None or not usual.key:
            return usual
        with app.request_context(environ):
            key = self._key()
        return usual if key is None else usual._replace(key=hide_key(app.secret_key, key))

    def allows(self, environ: WSGIEnvironment, app: Flask, page: Shown) -> bool:
        """Tell whether the application lets somebody see all topics of a page."""
        if self._may_watch is None:
            return True
        with app.request_context(environ):
            return all(self._may_watch(topic) for topic in page.topics)

    @property
    def asks_application(self) -> bool:
        """Whether functions of the application are called for each stream; they may wait."""
        return self._key is not None or self._may_watch is not None

    @property
    def _state(self) -> _AppPresence:
        state: _AppPresence = current_app.extensions["presence"]
        return state

    @property
    def _service(self) -> PresenceService:
        return self._state.service


class _AppPresence:
    """The presence of one application; as WSGI middleware it answers streams before it."""

    def __init__(self, presence: Presence, app: Flask) -> None:
        self._presence = presence
        self._app = app
        self._serializer = URLSafeSerializer(str(app.secret_key), salt=_SALT)
        self.read = lru_cache(maxsize=1024)(self._read)
        from .service import PresenceService  # not above: it loads redis, which takes long

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
        usual = self.service.identify
        self.service.is_page = lambda page: self.read(page) is not None
        self.service.render = self._render
        self.service.identify = lambda environ: presence.identify(  # type: ignore[assignment]
            environ, app, usual(environ)
        )
        self.service.readers.place_of = lambda page: self._known(page).topic
        self._pages = _put_before(app, self)
        self._live = self.service.wrap(self._pages)
        self._is_started = False

    @property
    def presence(self) -> PresenceService:
        """What gunicorn's hooks drain; see `server.hooks`."""
        return self.service

    @property
    def place(self) -> Place:
        """Where `flask presence` looks."""
        return Place(
            redis_url=self.read_setting("REDIS_URL", ""),
            redis_prefix=self.service.settings.redis_prefix,
            instance_dir=Path(self.read_setting("INSTANCE_DIR", "instance")),
            stream=self.url_prefix + htmx.stream_url(self.sign(Shown("", (), True))),
            max_streams=self.service.settings.max_streams,
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a stream, or have the application answer."""
        is_stream = environ["PATH_INFO"] == self.url_prefix + PATH
        if "wsgi.input" not in environ and (not is_stream or self._presence.asks_application):
            # In the event loop, where nothing may wait: the server takes the usual way then.
            start_response("503 Service Unavailable", [])
            return []
        self.start()
        if not is_stream:
            return self._pages(environ, start_response)
        if self.url_prefix:
            root = environ.get("SCRIPT_NAME", "") + self.url_prefix
            environ = {**environ, "SCRIPT_NAME": root, "PATH_INFO": PATH}
        page = self._asked(environ)
        if page is not None and not self._presence.allows(environ, self._app, page):
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"This topic is not for you.\n"]
        return self._live(environ, start_response)

    def start(self) -> None:
        """Begin to count, where a server of greenlets runs it. Idempotent."""
        if self._is_started or not monkey.is_module_patched("socket"):
            return
        self._is_started = True
        if self.is_alone:
            log.warning(ALONE)
            self.service.hub.start()
        else:
            self.service.start()

    def close(self) -> None:
        """Stop; a few seconds at most."""
        if self._is_started:
            self.service.close()

    def count(self, **where: str) -> int:
        """Count, of one page's topic or of all."""
        return self.service.tracker.count(TOPIC, distinct=self.is_distinct, **where)

    def sign(self, page: Shown) -> str:
        """Return the name of a page's stream, which nobody can make up."""
        return str(self._serializer.dumps(page))

    def read_setting(self, name: str, default: str) -> str:
        """Return a setting: the application's, else the environment's."""
        variable = f"PRESENCE_{name}"
        return str(self._app.config.get(variable, os.environ.get(variable, default)))

    def _asked(self, environ: WSGIEnvironment) -> Shown | None:
        return self.read(read_page(environ.get("QUERY_STRING", "")))

    def _read(self, name: str) -> Shown | None:
        try:
            topic, topics, has_total = self._serializer.loads(name)
        except (BadSignature, ValueError):
            return None
        return Shown(topic, tuple(topics), has_total)

    def _known(self, name: str) -> Shown:
        page = self.read(name)
        assert page is not None, name  # noqa: S101 - only such pages have streams
        return page

    def _render(self, name: str) -> bytes:
        with self._app.app_context():
            return self._presence.write_frame(self._known(name))


def class_of(topic: str) -> str:
    """Return the class of the elements that show a topic: no text needs an escape in CSS."""
    return f"presence-{hashlib.blake2b(topic.encode(), digest_size=6).hexdigest()}"


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


def _shown() -> dict[str, Any]:
    """Return what the page of this request has shown so far."""
    if "presence" not in g:
        g.presence = {"topic": "", "topics": {}, "total": False}
    found: dict[str, Any] = g.presence
    return found


def _send_htmx(name: str) -> Any:
    if name not in htmx.FILES:
        return "", 404
    return send_from_directory(htmx.find_folder(), name, max_age=31_536_000)
