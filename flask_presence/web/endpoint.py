"""`GET /live?page=…`: the stream of an open page. A WSGI application of its own.

Every reader passes here, thousands at once after a deploy: no request object, no routing, and none
of the cookie machinery of the pages.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from gevent import monkey

from ..streams import returns
from ..streams.event import encode_event
from ..streams.hub import Hub
from ..streams.stream import PATH, Request
from .gate import Gate, Places
from .htmx import read_page
from .identity import Identity
from .readers import PARK, Readers
from .request_signals import is_crawler, is_own
from .tab import Tab

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

# gunicorn's, where a deployer has switched it on.
_access_log = logging.getLogger("gunicorn.access")


NO_STREAMS = (
    "streams: there are none, and the pages have no live numbers: this server has a thread for each"
    " request, as `flask run` has; gunicorn with gevent workers is one that counts"
)

Header = tuple[str, str]
OnRefuse = Callable[[str, str, "WSGIEnvironment"], None]

_STREAM_HEADERS = [
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("X-Accel-Buffering", "no"),  # nginx would hold the events back
    ("X-Content-Type-Options", "nosniff"),
]


class LiveEndpoint:
    """Let a tab in, or say why not. `refuse_page` returns what to tell a page that does not exist.

    It returns None for a page that exists. `headers` are put on answers other than streams;
    `identify` returns the identity of the tab that asks for a stream.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        gate: Gate,
        readers: Readers,
        refuse_page: Callable[[str], bytes | None],
        headers: Mapping[str, str],
        identify: Callable[[WSGIEnvironment], Identity],
    ) -> None:
        self._observer = hub.observer
        self._hub = hub
        self._gate = gate
        self._readers = readers
        self._refuse_page = refuse_page
        self._headers = [*headers.items(), ("Cache-Control", "no-store")]
        self._identify = identify
        self._has_warned = False
        # Called for each client that is refused for what it is, with the reason, the page and the
        # request. Called once: after the answer, as flask_presence.server.worker requires.
        self.on_refuse: OnRefuse = lambda kind, page, environ: None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a WSGI application; raise `StopIteration` where the socket was taken over."""
        method = environ["REQUEST_METHOD"]
        if method == "HEAD":
            start_response("200 OK", _STREAM_HEADERS)
            return []
        if method != "GET":
            allowed = ("Allow", "GET, HEAD")
            return self._say(start_response, "405 Method Not Allowed", "Only GET.\n", allowed)
        if not monkey.is_module_patched("socket"):
            # A server of threads: each open page would hold one of them for ever.
            if not self._has_warned:
                self._has_warned = True
                log.warning(NO_STREAMS)
            return self._refuse(start_response, "threads", returns.BUSY_RETRY_MS)
        places = self._gate.find(environ.get("REMOTE_ADDR"))
        if not self._gate.has_room(places):
            if self._gate.is_draining:
                return self._refuse(start_response, "draining", returns.DRAINING_RETRY_MS)
            return self._refuse(start_response, "full", returns.BUSY_RETRY_MS)
        page = read_page(environ.get("QUERY_STRING", ""))
        goodbye = self._refuse_page(page)
        if goodbye is not None:
            # The tab of a deleted post: it need not ask again before somebody looks at it.
            return _send(start_response, goodbye)
        if not is_own(environ):
            refusal = "Streams are for this site's own pages.\n"
            answer = self._say(start_response, "403 Forbidden", refusal)
            self.on_refuse("foreign", page, environ)
            return answer
        if is_crawler(environ):
            answer = _send(start_response, PARK)
            self.on_refuse("crawler", page, environ)
            return answer
        return self._open(environ, start_response, page, places)

    def _open(
        self, environ: WSGIEnvironment, start_response: StartResponse, page: str, places: Places
    ) -> Iterable[bytes]:
        identity = self._identify(environ)
        tab = Tab(self._gate, places, self._readers, identity)
        if not tab.may_open():
            answer = self._refuse(start_response, "full", returns.BUSY_RETRY_MS)
            self.on_refuse("greedy", page, environ)
            return answer
        tab.choose_meta(environ, page)
        headers = list(_STREAM_HEADERS)
        if identity.set_cookie is not None:
            headers.append(("Set-Cookie", identity.set_cookie))
        try:
            return self._hub.open(page, tab, Request(environ, start_response, headers))
        except StopIteration:  # the request is over for gunicorn, which logs one at its end
            if _access_log.handlers:
                fields = {"method": "GET", "path": PATH, "status": 200, "page": page}
                _access_log.info("request, a stream from now on", extra=fields)
            raise

    def _refuse(
        self, start_response: StartResponse, reason: str, between_ms: tuple[int, int]
    ) -> Iterable[bytes]:
        """Refuse with a stream: htmx would swap in any other body, and never ask again."""
        retry_ms = returns.choose(between_ms)
        busy = _send(start_response, encode_event("", event="busy", retry_ms=retry_ms))
        self._observer.refused(reason)  # not before: see flask_presence.server.worker
        return busy

    def _say(
        self, start_response: StartResponse, status: str, text: str, *headers: Header
    ) -> Iterable[bytes]:
        start_response(
            status,
            [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", str(len(text))),
                *self._headers,
                *headers,
            ],
        )
        return [text.encode()]


def mount_live(
    live: LiveEndpoint, pages: WSGIApplication, updates: WSGIApplication | None = None
) -> WSGIApplication:
    """Put the endpoint before the application that answers everything else.

    `updates`, if given, answers POST requests.
    """

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == PATH:
            if updates is not None and environ["REQUEST_METHOD"] == "POST":
                return updates(environ, start_response)
            return live(environ, start_response)
        return pages(environ, start_response)

    return serve


def _send(start_response: StartResponse, body: bytes) -> Iterable[bytes]:
    start_response("200 OK", [*_STREAM_HEADERS, ("Content-Length", str(len(body)))])
    return [body]
