"""The page cache: a WSGI application before Flask that answers pages it has seen.

A page is kept as Flask made it, with holes where the live numbers are, and is answered with the
present ones: filled in, tagged and compressed once for each time that they change.

It is never stale. All that is kept was made of the `sources` (the posts, the about page, the static
files) as they are now: each answer compares them, and when one is another than before, everything
is forgotten. A page during whose making one changed is not kept. Settings and templates do not
change while a process lives.
"""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import ETags
from werkzeug.http import parse_etags

from blog.short_cache import cache_short

from .holes import ENVIRON_KEY, HoledPage
from .kept_page import KeptPage, tag_of
from .packing import choose_codings
from .sending import Answer, send

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Of the cache, one page may take one part in so many: a list of all posts of a year may be huge.
MAX_SHARE_OF_ONE = 8

# Everything that pages are made of; the same object as long as nothing in it changed.
Sources = Sequence[object]
# Path, query and scheme; the host is in no page.
Key = tuple[str, str, str]


class PageCache:
    """Answer kept pages, and keep those that Flask answers and marks as the same for everyone.

    `read_sources` returns all that pages are made of; `read_numbers` the version of the live
    numbers, another one as soon as one of them may be another. `max_bytes` is what all that is kept
    may take; the page that was not asked for longest goes first.
    Where a server has threads, the count of bytes may be wrong by a page; never what is answered.
    """

    def __init__(
        self,
        pages: WSGIApplication,
        read_sources: Callable[[], Sources],
        read_numbers: Callable[[], object],
        *,
        max_bytes: int,
    ) -> None:
        self.held_bytes = 0
        self._pages = pages
        self._read_sources = read_sources
        self._read_numbers = read_numbers
        self._max_bytes = max_bytes
        self._sources: Sources = ()
        # In the order of their last use.
        self._entries: OrderedDict[Key, KeptPage] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        method = environ["REQUEST_METHOD"]
        # What is rare is left to Flask.
        if (
            method not in ("GET", "HEAD")
            or environ.get("SCRIPT_NAME")
            or "HTTP_IF_MATCH" in environ
        ):
            return self._pages(environ, start_response)
        sources = self._read_sources()
        if not _are_same(sources, self._sources):
            self._forget()
            self._sources = sources
        query = environ.get("QUERY_STRING", "")
        key = (environ["PATH_INFO"], query, environ["wsgi.url_scheme"])
        entry = self._entries.pop(key, None)
        if entry is None:
            return self._make(environ, start_response, key, sources)
        self._entries[key] = entry  # the last one used
        return self._answer(key, entry, environ, start_response)

    def _make(
        self, environ: WSGIEnvironment, start_response: StartResponse, key: Key, sources: Sources
    ) -> Iterable[bytes]:
        """Have Flask answer; keep the page, if it is one, and answer from what is kept."""
        heads: list[tuple[Any, ...]] = []

        def note_head(*head: Any) -> Callable[[bytes], object]:
            heads.append(head)
            return _refuse_write

        answer = self._pages(environ, note_head)
        page: HoledPage | None = environ.pop(ENVIRON_KEY, None)
        status, headers, *_ = heads[-1]
        # A page that took a while may be of posts that are no more.
        is_present = _are_same(sources, self._read_sources())
        if page is None or status[:3] != "200" or not is_present or self._is_huge(page):
            start_response(*heads[-1])
            return answer
        if hasattr(answer, "close"):
            answer.close()
        entry = KeptPage(page, headers, self._read_numbers())
        self._keep(key, entry)
        return self._answer(key, entry, environ, start_response)

    def _answer(
        self, key: Key, entry: KeptPage, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        answer = self._choose(entry, environ)
        if entry.has_grown:
            self._count(key, entry)
        return send(answer, start_response, is_head=environ["REQUEST_METHOD"] == "HEAD")

    def _choose(self, entry: KeptPage, environ: WSGIEnvironment) -> Answer:
        filled = entry.look(self._read_numbers())
        codings = choose_codings(environ.get("HTTP_ACCEPT_ENCODING", ""))
        known = environ.get("HTTP_IF_NONE_MATCH")
        if known:
            etags = _read_etags(known)
            for coding in codings:
                # The weak comparison that RFC 9110, 13.1.2 demands.
                if etags.contains_weak(tag_of(filled.etag, coding)):
                    return entry.answer_not_modified(filled, coding)
        return entry.answer(filled, codings[0])

    def _is_huge(self, page: HoledPage) -> bool:
        return sum(map(len, page.pieces)) > self._max_bytes // MAX_SHARE_OF_ONE

    def _keep(self, key: Key, entry: KeptPage) -> None:
        replaced = self._entries.pop(key, None)  # two may have asked for it at once
        if replaced is not None:
            self.held_bytes -= replaced.held_bytes
        self._entries[key] = entry
        self._count(key, entry)

    def _count(self, key: Key, entry: KeptPage) -> None:
        """Count what an entry takes now, and forget the pages that are one too many."""
        if self._entries.get(key) is not entry:  # forgotten while it was answered
            return
        self.held_bytes += entry.count_growth()
        while self.held_bytes > self._max_bytes and self._entries:
            self.held_bytes -= self._entries.popitem(last=False)[1].held_bytes

    def _forget(self) -> None:
        self._entries.clear()
        self.held_bytes = 0


@cache_short(256)
def _read_etags(known: str) -> ETags:
    return parse_etags(known)


def _are_same(sources: Sources, others: Sources) -> bool:
    # Not equal but the same: what changed and changed back may have been seen in between.
    return len(sources) == len(others) and all(map(operator.is_, sources, others))


def _refuse_write(part: bytes) -> None:
    raise RuntimeError("found a call of start_response's write(), expected a returned body")
