"""Searching while the site serves: one thread keeps the index up to date, requests only read."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from blog.native import STOP_SECONDS, NativeThread, NativeWork
from blog.posts import Index as PostIndex
from blog.posts import Library
from blog.posts.model import Post
from blog.search.query import Query
from blog.search.store import Found, Hit, Index, is_usable

log = logging.getLogger(__name__)

FILE_NAME = "search.sqlite3"
# How soon a changed post is looked for. A look is one comparison.
LOOK_SECONDS = 0.5
# After an error (a full disk), before it is tried again.
AGAIN_SECONDS = 30.0
# Posts in one transaction: other workers wait so long for their turn to write, readers never.
BATCH = 20
# After each post the thread rests so many times as long as it worked: it needs Python's global
# lock, and so do the streams.
REST = 1.0
# Searches that run at a time, and those that wait meanwhile; more are asked to come back. A search
# takes up to 50 ms of a core (3,000 posts, twelve common words).
AT_ONCE = 2
MAX_WAITING = 20
NO_PAGES = PostIndex()


class CannotSearchError(Exception):
    """The index is there and cannot be read: the disk is full, or broken."""


class Search:
    """The search index of a library, and of one of pages, as a file that a site's workers share.

    A page is found by its address, `/about`, where a post is found by its id.

    Any greenlet may search at any time; it waits for its own answer only. Before the first `start`
    or `bring_up_to_date` nothing is found.
    """

    def __init__(self, library: Library, folder: Path, own_pages: Library | None = None) -> None:
        self._library = library
        self._own_pages = own_pages
        self._folder = folder
        self._own_folder: TemporaryDirectory[str] | None = None
        self._path: Path | None = None
        self._is_complete = False
        self._work: NativeWork[tuple[int, list[Hit]]] = NativeWork(
            at_once=AT_ONCE, max_waiting=MAX_WAITING
        )
        self._cannot_search = False
        self._idle: list[Index] = []  # connections for the next searches
        self._thread = NativeThread(self._run)

    def start(self) -> None:
        """Begin to keep the index up to date, in a native thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop the thread and close the file. Idempotent."""
        if not self._thread.close():
            log.warning("search: the index was not left within %d s", STOP_SECONDS)
            return
        self._work.close()
        while self._idle:
            self._idle.pop().close()
        self._path = None
        if self._own_folder is not None:
            self._own_folder.cleanup()
            self._own_folder = None

    def find(
        self, query: Query, *, tag: str = "", year: int | None = None, offset: int, limit: int
    ) -> Found:
        """Return the posts that have every term (and the tag, and are of the year), best first.

        Raises `BusyError` where too many searches wait, and `CannotSearchError` where the index
        cannot be read.
        """
        path = self._path
        if path is None or not query.terms:
            return Found(is_complete=self._is_complete)

        def look() -> tuple[int, list[Hit]]:
            try:
                index = self._idle.pop()
            except IndexError:
                index = Index(path)
            try:
                found = index.find(query, tag=tag, year=year, offset=offset, limit=limit)
            except BaseException:
                index.close()
                raise
            self._keep(index)
            return found

        try:
            total, hits = self._work.run(look)
        except sqlite3.Error as error:
            if not self._cannot_search:
                log.warning("search: %s cannot be read (%s)", path, error)
            self._cannot_search = True
            raise CannotSearchError from error
        self._cannot_search = False
        return Found(total, tuple(hits), self._is_complete)

    def bring_up_to_date(self) -> None:
        """Have the index agree with the library. For programs; a site's thread does it."""
        self._prepare()
        self._update(_list_texts(*self._indexes()), rest=0.0)

    def _indexes(self) -> tuple[PostIndex, PostIndex]:
        own_pages = self._own_pages
        return self._library.index, own_pages.index if own_pages is not None else NO_PAGES

    def _keep(self, index: Index) -> None:
        if len(self._idle) < AT_ONCE and not self._thread.stop.is_set():
            self._idle.append(index)
        else:
            index.close()

    def _run(self) -> None:
        seen: tuple[PostIndex | None, PostIndex | None] = (None, None)
        while not self._thread.stop.is_set():
            now = self._indexes()
            if any(one is not other for one, other in zip(now, seen, strict=True)):
                try:
                    self._prepare()
                    self._update(_list_texts(*now), rest=REST)
                    seen = now
                except Exception as error:  # noqa: BLE001 - a search less must not end more
                    self._report(f"search: the index could not be made ({error}); again soon")
                    self._thread.stop.wait(AGAIN_SECONDS)
            self._thread.stop.wait(LOOK_SECONDS)

    def _prepare(self) -> None:
        """Find a place for the index: the folder, or one of our own where that is read-only."""
        if self._path is not None:
            return
        path = self._folder / FILE_NAME
        if not is_usable(path):
            self._report(f"search: {path} cannot be written; this worker has an index of its own")
            self._own_folder = TemporaryDirectory(prefix="viblog-search-")
            path = Path(self._own_folder.name) / FILE_NAME
            is_usable(path)
        self._path = path

    def _update(self, posts: Sequence[Post], *, rest: float) -> None:
        if self._path is None:
            return
        with closing(Index(self._path)) as index:
            changed, gone = index.list_changes(posts)
            self._is_complete = self._is_complete and len(changed) < BATCH
            index.change((), gone)
            for at in range(0, len(changed), BATCH):
                if self._thread.stop.is_set():
                    return
                started = time.monotonic()
                index.change(changed[at : at + BATCH])
                self._thread.stop.wait(rest * (time.monotonic() - started))
        self._is_complete = True

    def _report(self, line: str) -> None:
        self._thread.call(log.warning, "%s", line)


def _list_texts(posts: PostIndex, own_pages: PostIndex) -> list[Post]:
    pages = (replace(page, id=page_name(page)) for page in own_pages.posts)
    return [*posts.posts, *pages]


def page_name(page: Post) -> str:
    """Return the name of a page among posts: no id of one begins so."""
    return f"/{page.id}"
