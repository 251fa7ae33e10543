"""One page in the cache: as Flask answered it, filled in, tagged and compressed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from werkzeug.http import generate_etag, remove_entity_headers

from .holes import HoledPage, Texts
from .packing import BROTLI, GZIP, IDENTITY, BrotliShare, deflate_pieces, write_gzip

# What Python needs beside the bytes, for a page and for each of its bodies, as tracemalloc counts.
PAGE_OVERHEAD_BYTES = 3_400
BODY_OVERHEAD_BYTES = 1_000

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Filled:
    """A page with its numbers: the tag of its content, and the bodies made so far, by coding."""

    texts: Texts
    etag: str
    bodies: dict[str, tuple[Headers, bytes]] = field(default_factory=dict)


class KeptPage:
    """One page: as Flask answered it, and as it is answered with the newest numbers."""

    def __init__(self, page: HoledPage, headers: Headers) -> None:
        self.held_bytes = 0  # as the cache has counted it
        self._page = page
        self._headers = headers
        self._deflated: tuple[bytes, ...] = ()
        self._filled = self._fill(page.read())

    def count_bytes(self) -> int:
        """Return the memory that it takes."""
        filled = self._filled
        bodies = [body for _, body in filled.bodies.values()]
        held = sum(map(len, (*self._page.pieces, *self._deflated, *bodies, *filled.texts)))
        return PAGE_OVERHEAD_BYTES + BODY_OVERHEAD_BYTES * len(bodies) + held

    def look(self) -> Filled:
        """Return the page with the present numbers."""
        texts = self._page.read()
        filled = self._filled
        if filled.texts != texts:
            filled = self._filled = self._fill(texts)
        return filled

    def answer(
        self, filled: Filled, codings: Sequence[str], share: BrotliShare
    ) -> tuple[Headers, bytes]:
        """Return headers and body in the best coding that can be had now."""
        for coding in codings:
            answer = filled.bodies.get(coding)
            if answer is not None:
                return answer
            if coding != BROTLI or share.is_open():
                break
        else:
            coding = IDENTITY
        whole = self._page.fill(filled.texts)
        if coding == GZIP:
            self._deflated = self._deflated or deflate_pieces(self._page.pieces)
            body = write_gzip(self._deflated, filled.texts, whole)
        else:
            body = share.compress(whole) if coding == BROTLI else whole
        answer = filled.bodies[coding] = (self._write_headers(filled, coding, len(body)), body)
        return answer

    def write_not_modified(self, filled: Filled, coding: str) -> Headers:
        """Return the headers of a 304."""
        headers = self._write_headers(filled, coding, 0)
        remove_entity_headers(headers)
        return headers

    def _fill(self, texts: Texts) -> Filled:
        # As Flask tags it: over the content, so that every worker gives and knows the same.
        return Filled(texts, generate_etag(self._page.fill(texts)))

    def _write_headers(self, filled: Filled, coding: str, length: int) -> Headers:
        own = {"Content-Length": str(length), "ETag": f'"{tag_of(filled.etag, coding)}"'}
        headers = [(name, own.get(name, value)) for name, value in self._headers]
        return headers if coding == IDENTITY else [*headers, ("Content-Encoding", coding)]


def tag_of(etag: str, coding: str) -> str:
    """Return the tag of a content in a coding: other bytes need another (RFC 9110, 8.8.3.3)."""
    return etag if coding == IDENTITY else f"{etag}-{coding}"
