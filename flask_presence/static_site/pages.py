"""Which pages there are: those of a pattern, or of a sitemap that is read again and again."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import gevent
import gevent.event

from .paths import compile_pattern, path_of
from .sitemap import SitemapError, is_address, read_sitemap

log = logging.getLogger(__name__)

FIRST_READ_SECONDS = 5.0
# Until there is a list at all.
RETRY_SECONDS = 5.0
MAX_CHARACTERS = 2000


class Pages:
    """The pages of a site, by their paths."""

    def find(self, address: str) -> str | None:
        """Return the canonical path of a page, by its address; None where there is none."""
        if not 0 < len(address) <= MAX_CHARACTERS:
            return None
        try:
            page = path_of(address)
        except ValueError:
            return None
        return page if self._has(page) else None

    def start(self) -> None:
        """Begin to keep them up to date."""

    def close(self) -> None:
        """Stop. Idempotent."""

    def _has(self, page: str) -> bool:
        raise NotImplementedError


class PatternPages(Pages):
    """All pages whose paths match."""

    def __init__(self, pattern: str) -> None:
        self._form: re.Pattern[str] = compile_pattern(pattern)

    def _has(self, page: str) -> bool:
        return self._form.fullmatch(page) is not None


class SitemapPages(Pages):
    """The pages of a sitemap. While it cannot be read, those that it had are kept."""

    def __init__(
        self,
        source: str,
        *,
        refresh_seconds: float,
        read: Callable[[str], frozenset[str]] = read_sitemap,
    ) -> None:
        self._source = source
        self._refresh_seconds = refresh_seconds
        self._read = read
        self._pages: frozenset[str] | None = None
        self._is_out = False
        self._was_read = gevent.event.Event()
        self._refreshing: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Read the sitemap, now and then; return when it is read, or takes too long."""
        self._refreshing = gevent.spawn(self._go_on)
        self._was_read.wait(FIRST_READ_SECONDS)

    def close(self) -> None:
        """Stop reading."""
        if self._refreshing is not None:
            self._refreshing.kill()

    def refresh(self) -> None:
        """Read the sitemap. An outage is said when it begins and when it ends."""
        try:
            self._pages = self._read(self._source)
        except SitemapError as error:
            if not self._is_out:
                kept = f"the {len(self._pages)} pages that it had" if self._pages else "no pages"
                log.warning("presence: the sitemap cannot be used: %s; %s count", error, kept)
            self._is_out = True
        else:
            if self._is_out:
                log.info("presence: the sitemap is back, %d pages", len(self._pages))
            self._is_out = False

    def _go_on(self) -> None:
        while True:
            self.refresh()
            self._was_read.set()
            gevent.sleep(RETRY_SECONDS if self._pages is None else self._refresh_seconds)

    def _has(self, page: str) -> bool:
        return self._pages is not None and page in self._pages


def find_pages(source: str, *, refresh_seconds: float) -> Pages:
    """Return the pages of a source: an address or a file of a sitemap, or a pattern.

    Raises `ValueError` for what is neither.
    """
    if is_address(source) or Path(source).is_file():
        return SitemapPages(source, refresh_seconds=refresh_seconds)
    if source.startswith("/") and not source.endswith(".xml"):
        return PatternPages(source)
    raise ValueError(
        f"found {source!r}, expected the address of a sitemap, a file, or a pattern such as /blog/*"
    )
