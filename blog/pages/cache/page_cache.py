"""The page cache: a WSGI application before Flask that answers pages it has seen.

A page is cached as Flask rendered it, with placeholders for the live numbers, and answered with the
present ones: filled in, tagged and compressed once for each time that they change. Feeds and the
sitemap are pages without placeholders.

It is never stale. All that is cached was made of the `sources` (the posts, the pages, the
static files, the copies of pictures) as they are now: each answer compares them, and when one is
another object than before, everything is dropped. If a source changes while a page is rendered, the
page is not cached. Settings and templates do not change while a process lives.
"""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Response, request
from werkzeug.datastructures import ETags
from werkzeug.http import (
    generate_etag,
    is_resource_modified,
    parse_etags,
    remove_entity_headers,
)

from blog.placeholders import PageTemplate, Texts, join
from blog.short_cache import cache_short

from .fast_send import (
    GZIP,
    IDENTITY,
    Answer,
    Headers,
    choose_codings,
    deflate,
    send,
    store,
    tag_of,
    write_gzip,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# One page may take at most this fraction (1/n) of the cache: a list of all posts of a year may be
# huge.
MAX_SHARE_OF_ONE = 8
# What Python needs beside the bytes, for a page and for each answer, as tracemalloc counts.
PAGE_OVERHEAD_BYTES = 3_400
ANSWER_OVERHEAD_BYTES = 1_000

# The cache puts None under this key of the WSGI environment; a view leaves its page there, and
# whether it may be cached.
ENVIRON_KEY = "viblog.page"
# The query makes no difference to these, and they take long to make.
WITHOUT_QUERY = ("/feed.atom", "/feed.rss", "/feed.json", "/sitemap.xml")

# Everything that pages are made of; the same object as long as nothing in it changed.
Sources = Sequence[object]
# Path, query and scheme; the host is in no page.
Key = tuple[str, str, str]


class PageCache:
    """Answer cached pages, and cache those that Flask says may be.

    `read_sources` returns all that pages are made of; `read_numbers` the version of the live
    numbers, another one as soon as one of them may be another. `max_bytes` is what all that is
    cached may take; the page that was not asked for longest goes first. `base_path` is what the
    whole blog is below.
    Where a server has threads, the count of bytes may be wrong by a page; never what is answered.
    """

    def __init__(
        self,
        pages: WSGIApplication,
        read_sources: Callable[[], Sources],
        read_numbers: Callable[[], object],
        *,
        max_bytes: int,
        base_path: str = "",
    ) -> None:
        self.held_bytes = 0
        self._pages = pages
        self._read_sources = read_sources
        self._read_numbers = read_numbers
        self._max_bytes = max_bytes
        self._base_path = base_path
        self._sources: Sources = ()
        # In the order of their last use.
        self._cached: OrderedDict[Key, CachedPage] = OrderedDict()

    def __len__(self) -> int:
        return len(self._cached)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        method = environ["REQUEST_METHOD"]
        # What is rare is left to Flask.
        if (
            method not in ("GET", "HEAD")
            or environ.get("SCRIPT_NAME", "") != self._base_path
            or "HTTP_IF_MATCH" in environ
        ):
            return self._pages(environ, start_response)
        sources = self._read_sources()
        if not _are_same(sources, self._sources):
            self._drop_all()
            self._sources = sources
        path = environ["PATH_INFO"]
        query = "" if path.endswith(WITHOUT_QUERY) else environ.get("QUERY_STRING", "")
        key = (path, query, environ["wsgi.url_scheme"])
        page = self._cached.pop(key, None)
        if page is None:
            return self._make(environ, start_response, key, sources)
        self._cached[key] = page  # the last one used
        return self._answer(key, page, environ, start_response)

    def _make(
        self, environ: WSGIEnvironment, start_response: StartResponse, key: Key, sources: Sources
    ) -> Iterable[bytes]:
        """Have Flask render the page; answer with it, and cache it if it may be."""
        heads: list[tuple[Any, ...]] = []

        def note_head(*head: Any) -> Callable[[bytes], object]:
            heads.append(head)
            return _refuse_write

        environ[ENVIRON_KEY] = None
        answer = self._pages(environ, note_head)
        handed_over: tuple[PageTemplate, bool] | None = environ.pop(ENVIRON_KEY)
        status, headers, *_ = heads[-1]
        if handed_over is None or status[:3] != "200":
            start_response(*heads[-1])
            return answer
        if hasattr(answer, "close"):
            answer.close()
        template, may_cache = handed_over
        page = CachedPage(template, headers, self._read_numbers())
        # A page that took a while may show posts that have changed since.
        is_present = _are_same(sources, self._read_sources())
        if may_cache and is_present and not self._is_huge(template):
            self._cache(key, page)
        return self._answer(key, page, environ, start_response)

    def _answer(
        self, key: Key, page: CachedPage, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        answer = page.answer(environ, self._read_numbers())
        if page.has_grown:
            self._count(key, page)
        return send(answer, start_response, is_head=environ["REQUEST_METHOD"] == "HEAD")

    def _is_huge(self, template: PageTemplate) -> bool:
        return sum(map(len, template.pieces)) > self._max_bytes // MAX_SHARE_OF_ONE

    def _cache(self, key: Key, page: CachedPage) -> None:
        replaced = self._cached.pop(key, None)  # two may have asked for it at once
        if replaced is not None:
            self.held_bytes -= replaced.held_bytes
        self._cached[key] = page
        self._count(key, page)

    def _count(self, key: Key, page: CachedPage) -> None:
        """Count what a page takes now, and drop the pages that are one too many."""
        if self._cached.get(key) is not page:  # dropped while it was answered
            return
        self.held_bytes += page.count_growth()
        while self.held_bytes > self._max_bytes and self._cached:
            self.held_bytes -= self._cached.popitem(last=False)[1].held_bytes

    def _drop_all(self) -> None:
        self._cached.clear()
        self.held_bytes = 0


@dataclass(slots=True)
class Filled:
    """A page with its numbers: the tag of its content, and the answers made so far.

    An answer is found by its coding, and by whether it is 304.
    """

    texts: Texts
    etag: str
    answers: dict[tuple[str, bool], Answer] = field(default_factory=dict)


class CachedPage:
    """One page in the cache: as Flask rendered it, and its answers with the newest numbers.

    `numbers` is the version of the numbers now.
    """

    def __init__(self, template: PageTemplate, headers: Headers, numbers: object) -> None:
        self.held_bytes = 0  # as last counted
        self.has_grown = True  # since then
        self._template = template
        self._headers = headers
        self._deflated: tuple[bytes, ...] = ()
        self._numbers = numbers
        self._filled = self._fill(template.read())
        self._last_modified = dict(headers).get("Last-Modified")

    def answer(self, environ: WSGIEnvironment, numbers: object) -> Answer:
        """Return the answer to a request, with the present numbers, or 304."""
        if numbers != self._numbers:
            self._numbers = numbers
            texts = self._template.read()
            if texts != self._filled.texts:
                self._filled = self._fill(texts)
        filled = self._filled
        codings = choose_codings(environ.get("HTTP_ACCEPT_ENCODING", ""))
        known = self._find_known(environ, filled.etag, codings)
        key = (known or codings[0], bool(known))
        answer = filled.answers.get(key)
        if answer is None:
            self.has_grown = True
            make = self._make_not_modified if known else self._make
            answer = filled.answers[key] = make(filled, key[0])
        return answer

    def count_growth(self) -> int:
        """Count the memory that it takes; return how much more that is than before."""
        filled = self._filled
        parts = [*self._template.pieces, *self._deflated, *filled.texts]
        parts += [part for answer in filled.answers.values() for part in (answer.head, answer.body)]
        overhead = PAGE_OVERHEAD_BYTES + ANSWER_OVERHEAD_BYTES * len(filled.answers)
        before, self.held_bytes = self.held_bytes, overhead + sum(map(len, parts))
        self.has_grown = False
        return self.held_bytes - before

    def _find_known(self, environ: WSGIEnvironment, etag: str, codings: Sequence[str]) -> str:
        """Return the coding in which the client has this page already, or ""."""
        tags = environ.get("HTTP_IF_NONE_MATCH")
        if tags:
            known = _read_etags(tags)
            # The weak comparison that RFC 9110, 13.1.2 demands.
            return next((each for each in codings if known.contains_weak(tag_of(etag, each))), "")
        changed = self._last_modified
        if changed and not is_resource_modified(environ, last_modified=changed):
            return codings[0]
        return ""

    def _fill(self, texts: Texts) -> Filled:
        # As Flask tags it: over the content, so that every worker gives and knows the same.
        return Filled(texts, generate_etag(self._template.fill(texts)))

    def _make(self, filled: Filled, coding: str) -> Answer:
        body = self._template.fill(filled.texts)
        if coding == GZIP:
            self._deflated = self._deflated or deflate(self._template.pieces)
            body = write_gzip(join(self._deflated, store(filled.texts)), body)
        return Answer("200 OK", self._write_headers(filled, coding, len(body)), body)

    def _make_not_modified(self, filled: Filled, coding: str) -> Answer:
        headers = self._write_headers(filled, coding, 0)
        remove_entity_headers(headers)
        return Answer("304 NOT MODIFIED", headers)

    def _write_headers(self, filled: Filled, coding: str, length: int) -> Headers:
        own = {"Content-Length": str(length)}
        headers = [(name, own.get(name, value)) for name, value in self._headers]
        headers.append(("ETag", f'"{tag_of(filled.etag, coding)}"'))
        return headers if coding == IDENTITY else [*headers, ("Content-Encoding", coding)]


def hand_over(template: PageTemplate, environ: WSGIEnvironment, *, may_cache: bool) -> bytes:
    """Return the body of a view's answer: the whole page, or b"" where the cache fills it in.

    `may_cache` is for an address that everyone gets the same page from, and that is the page's only
    one. Any other page is compressed and tagged by the cache, and dropped.
    """
    if ENVIRON_KEY not in environ:
        return template.fill(template.read())
    environ[ENVIRON_KEY] = template, may_cache
    return b""


def answer_file(body: bytes, mimetype: str, changed: datetime) -> Response:
    """Return the answer of a view that is no page: the same for everyone since it last changed."""
    body = hand_over(PageTemplate((body,)), request.environ, may_cache=True)
    response = Response(body, mimetype=mimetype)
    response.last_modified = changed
    response.vary.add("Accept-Encoding")
    return response


@cache_short(256)
def _read_etags(known: str) -> ETags:
    return parse_etags(known)


def _are_same(sources: Sources, others: Sources) -> bool:
    # Compared by identity: what changed and changed back may have been seen in between.
    return len(sources) == len(others) and all(map(operator.is_, sources, others))


def _refuse_write(part: bytes) -> None:
    raise RuntimeError("found a call of start_response's write(), expected a returned body")
