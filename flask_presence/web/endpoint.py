"""`GET /live?page=…`: the stream of an open page. A WSGI application of its own.

Every reader passes here, thousands at once after a deploy: no request object, no routing, and none
of the cookie machinery of the pages.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs

from gevent import monkey

from ..streams.event import encode_event
from ..streams.fast.detached import find_detachable, write_head
from ..streams.hub import Hub
from ..streams.portable.socket_watch import find_socket
from ..streams.stream import PATH, Ending, Stream
from .gate import Gate, Places
from .readers import (
    PARK,
    Readers,
    key_of,
    make_cookie,
    read_cookie,
    read_event_id,
    token_of,
    write_cookie,
)
from .request_signals import asks_for_privacy, is_crawler, is_own

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

# gunicorn's, where a deployer has switched it on.
_access_log = logging.getLogger("gunicorn.access")

BUSY_RETRY_MS = (5_000, 15_000)
DRAINING_RETRY_MS = (300, 1_500)
# In characters; the longest that a page of the blog has is 100.
MAX_CACHED_QUERY = 200

NO_STREAMS = (
    "streams: there are none, and the pages have no live numbers: this server has a thread for each"
    " request, as `flask run` has; `make run` starts one that counts"
)

Header = tuple[str, str]

_STREAM_HEADERS = [
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("X-Accel-Buffering", "no"),  # nginx would hold the events back
    ("X-Content-Type-Options", "nosniff"),
]


class LiveEndpoint:
    """Let a tab in, or say why not. `is_page` looks a page up in the index.

    `opening(page)` is an event for a tab whose page counts nobody any more, or b"".

    `security_headers` are for the answers that are no streams. `counts_private` is whether those
    count who ask for privacy; they see the numbers in any case. `takes_over` is whether sockets may
    be taken over from the server; see `flask_presence.streams.fast.detached`.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        gate: Gate,
        readers: Readers,
        is_page: Callable[[str], bool],
        opening: Callable[[str], bytes],
        security_headers: Mapping[str, str],
        counts_private: bool = True,
        takes_over: bool = True,
    ) -> None:
        self._observer = hub.observer
        self._hub = hub
        self._gate = gate
        self._readers = readers
        self._is_page = is_page
        self._opening = opening
        self._security_headers = [*security_headers.items(), ("Cache-Control", "no-store")]
        self._counts_private = counts_private
        self._takes_over = takes_over
        self._has_warned = False
        self._on_end = self._leave  # one bound method for all streams

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
            return self._refuse(start_response, "threads", BUSY_RETRY_MS)
        places = self._gate.find(environ.get("REMOTE_ADDR"))
        if not self._gate.has_room(places):
            if self._gate.is_draining:
                return self._refuse(start_response, "draining", DRAINING_RETRY_MS)
            return self._refuse(start_response, "full", BUSY_RETRY_MS)
        page = read_page(environ.get("QUERY_STRING", ""))
        if not self._is_page(page):
            # A tab whose post is gone: it need not ask again before somebody looks at it.
            return _send(start_response, self._opening(page) + PARK)
        if not is_own(environ):
            refusal = "Streams are for this site's own pages.\n"
            return self._say(start_response, "403 Forbidden", refusal)
        if is_crawler(environ):
            return _send(start_response, PARK)
        return self._open(environ, start_response, page, places)

    def _open(
        self, environ: WSGIEnvironment, start_response: StartResponse, page: str, places: Places
    ) -> Iterable[bytes]:
        set_cookie: list[Header] = []
        prev_ref, token = read_event_id(environ.get("HTTP_LAST_EVENT_ID"))
        if asks_for_privacy(environ):
            # A key of this tab's own, which no cookie says; or none, and nobody is counted.
            token = token or make_cookie()
            key = key_of(token) if self._counts_private else ""
        elif token:
            # Before the cookie: of two tabs that a browser opened at once, each was given one, and
            # the browser has kept one of them. Where it keeps none, the tab counts once, too.
            key = key_of(token)
        else:
            is_secure = environ.get("wsgi.url_scheme") == "https"
            cookie = read_cookie(environ.get("HTTP_COOKIE", ""), is_secure=is_secure)
            if cookie is not None:
                key = key_of(token_of(cookie))
            else:
                cookie = make_cookie()
                token = token_of(cookie)
                key = key_of(token)
                header = write_cookie(cookie, PATH, is_secure=is_secure)
                set_cookie.append(("Set-Cookie", header))
        first_came = self._readers.find_return(key, prev_ref)
        # Who was asked to come back opens nothing: a reader with four tabs does so at each link.
        if first_came is None and not self._gate.may_open(places):
            return self._refuse(start_response, "full", BUSY_RETRY_MS)
        sock = find_detachable(environ) if self._takes_over else None
        if sock is not None:
            detached = self._hub.take_over(sock, page, self._on_end, holder=(key, places))
            self._admit(detached, key, places, prev_ref, first_came, token)
            detached.begin(write_head([*_STREAM_HEADERS, *set_cookie]))
            if _access_log.handlers:  # gunicorn itself logs a request at its end
                fields = {"method": "GET", "path": PATH, "status": 200, "page": page}
                _access_log.info("request, a stream from now on", extra=fields)
            raise StopIteration  # the request is over for gunicorn, the stream goes on
        # First of all: what fails before the stream is open leaves nothing behind.
        start_response("200 OK", [*_STREAM_HEADERS, *set_cookie])
        generator = self._hub.open(page, self._on_end, holder=(key, places))
        self._admit(generator, key, places, prev_ref, first_came, token)
        watched = find_socket(environ)
        if watched is not None:
            generator.watch(watched)
        return generator

    def _admit(
        self,
        stream: Stream,
        key: str,
        places: Places,
        prev_ref: str | None,
        first_came: int | None,
        token: str,
    ) -> None:
        self._gate.enter(places, returns=first_came is not None)
        try:
            if key:
                self._readers.arrive(stream, key, prev_ref, first_came, token)
        except BaseException:
            stream.end()
            raise
        log.debug("streams: one opened", extra={"page": stream.page, "open": len(self._hub)})

    def _leave(self, stream: Stream, ending: Ending) -> None:
        key, places = cast(tuple[str, Places], stream.holder)
        self._gate.leave(places)
        if key:
            self._readers.depart(stream, key, ending)
        fields = {"page": stream.page, "ending": ending.name.lower(), "open": len(self._hub)}
        log.debug("streams: one ended", extra=fields)

    def _refuse(
        self, start_response: StartResponse, reason: str, between_ms: tuple[int, int]
    ) -> Iterable[bytes]:
        """Refuse with a stream: htmx would swap any other body in, and never ask again."""
        retry_ms = random.randint(*between_ms)
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
                *self._security_headers,
                *headers,
            ],
        )
        return [text.encode()]


def mount_live(live: LiveEndpoint, pages: WSGIApplication) -> WSGIApplication:
    """Put the endpoint before the application that answers everything else."""

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == PATH:
            return live(environ, start_response)
        return pages(environ, start_response)

    return serve


def read_page(query: str) -> str:
    """Return the name of the page in a query string; "" where there is none."""
    # A cache of long queries would be as large as a client wants it.
    return _parse_page(query) if len(query) <= MAX_CACHED_QUERY else _parse_page.__wrapped__(query)


@lru_cache(maxsize=1024)
def _parse_page(query: str) -> str:
    return parse_qs(query, keep_blank_values=True).get("page", [""])[0]


def _send(start_response: StartResponse, body: bytes) -> Iterable[bytes]:
    start_response("200 OK", [*_STREAM_HEADERS, ("Content-Length", str(len(body)))])
    return [body]
