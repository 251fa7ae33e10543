"""`POST /live`: an open page changes its own meta, or tells something. A WSGI application.

To change its meta, a page names its tab by the event id that its stream began with, which nobody
else knows. Whichever worker gets the request, the worker with the stream makes the change. A
request that names no tab is taken as from any of the reader's open tabs.
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import gevent
from gevent import monkey

from .bounded import put_last
from .htmx import read_page
from .identity import Identity
from .own_meta import Meta, MetaError, check_added
from .readers import Readers
from .request_signals import is_own

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)

# The field with the tab's own event id.
TAB_FIELD = "tab"
MAX_BODY_BYTES = 4096
MAX_LENGTH_DIGITS = 20  # Python refuses to read thousands
MAX_FIELDS = 50
BODY_SECONDS = 2.0
# A tab that another worker opened just now is heard of within a tenth of a second; on a busy
# machine, later. So many requests at a time may wait for that: anybody can name a tab.
HEARD_SECONDS = 2.0
LOOK_SECONDS = 0.02
MOST_WAITING = 100
# Each reader may send so many at once, and so many more a second: each goes to all workers.
MOST_AT_ONCE = 20
PER_SECOND = 2.0

NO_CONTENT = "204 No Content"

Form = Mapping[str, str]
# Given the request, the present meta and what the page sent, returns the changes, or None.
ReadChanges = Callable[["WSGIEnvironment", Meta, Form], "Mapping[str, Any] | None"]
# Given the metas that a reader has on a page, and what the page sent; must not wait.
Hear = Callable[[Sequence[Meta], Form], None]


class Updates:
    """Changes the meta of open pages at their request, as `read` decides.

    A request that names no tab goes to `hear`.
    """

    def __init__(
        self,
        readers: Readers,
        identify: Callable[[WSGIEnvironment], Identity],
        read: ReadChanges | None,
        hear: Hear | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._readers = readers
        self._identify = identify
        self._read = read
        self._hear = hear
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}  # by key: how many, and since when
        self._waiting = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer, always without a body."""
        headers = [("Content-Length", "0"), ("Cache-Control", "no-store")]
        status = self.answer(environ)
        start_response(status, headers[1:] if status == NO_CONTENT else headers)
        return []

    def answer(self, environ: WSGIEnvironment) -> str:
        """Do what a request asks for; return the status: 204 also if nothing changed."""
        if not is_own(environ):
            return "403 Forbidden"
        if not monkey.is_module_patched("socket"):
            return NO_CONTENT  # a server of threads has no streams
        length = environ.get("CONTENT_LENGTH") or ""
        if not (length.isascii() and length.isdigit()):
            return "411 Length Required"
        if len(length) > MAX_LENGTH_DIGITS or int(length) > MAX_BODY_BYTES:
            return "413 Content Too Large"
        read = environ["wsgi.input"].read
        try:
            body = gevent.with_timeout(BODY_SECONDS, read, int(length), timeout_value=b"")
            pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except (ValueError, OSError):  # it was cut off
            return "400 Bad Request"
        return self._change(environ, body, dict(pairs))

    def _change(self, environ: WSGIEnvironment, body: bytes, form: dict[str, str]) -> str:
        event_id = form.pop(TAB_FIELD, "")
        environ["HTTP_LAST_EVENT_ID"] = event_id
        environ["wsgi.input"] = io.BytesIO(body)
        key, _, ref, _ = self._identify(environ)
        if not ref:
            return self._tell(key, read_page(environ.get("QUERY_STRING", "")), form)
        if not key or self._read is None:
            return NO_CONTENT
        if not self._takes_one(key):
            return "429 Too Many Requests"
        meta = self._find_open(key, ref)
        if meta is None:
            return NO_CONTENT
        environ["wsgi.input"] = io.BytesIO(body)  # `identify` may have read it
        try:
            changes = self._read(environ, meta, form)
            if changes:
                self._readers.ask_change(key, meta, check_added(changes))
        except MetaError as error:
            log.error("%s; it stays as it was", error)
        except Exception:  # the application's own
            log.exception("presence: found no change of a meta, as its function failed")
        return NO_CONTENT

    def _find_open(self, key: str, ref: str) -> Meta | None:
        """Return the meta of an open tab as soon as this worker has heard of it; else None."""
        meta = self._readers.find_open(key, ref)
        if meta is not None or self._waiting >= MOST_WAITING:
            return meta
        last_look = self._clock() + HEARD_SECONDS
        self._waiting += 1
        try:
            while meta is None and self._clock() < last_look:
                gevent.sleep(LOOK_SECONDS)
                meta = self._readers.find_open(key, ref)
        finally:
            self._waiting -= 1
        return meta

    def _tell(self, key: str, page: str, form: Form) -> str:
        metas = self._readers.find_on(key, page) if key and self._hear is not None else []
        if not metas or self._hear is None:
            return NO_CONTENT
        if not self._takes_one(key):
            return "429 Too Many Requests"
        try:
            self._hear(metas, form)
        except Exception:  # the application's own
            log.exception("presence: what a page told was not heard, as a function failed")
        return NO_CONTENT

    def _takes_one(self, key: str) -> bool:
        """Take one of the changes that a reader is allowed; False if none is left."""
        now = self._clock()
        left, since = self._left.get(key, (MOST_AT_ONCE, now))
        left = min(MOST_AT_ONCE, left + (now - since) * PER_SECOND)
        put_last(self._left, key, (max(0.0, left - 1), now))
        return left >= 1
