"""One page in the cache: as Flask answered it, filled in, tagged and compressed."""

from __future__ import annotations

from dataclasses import dataclass, field

from werkzeug.http import generate_etag, remove_entity_headers

from .holes import HoledPage, Texts
from .packing import GZIP, IDENTITY, deflate_pieces, write_gzip
from .sending import Answer, Headers

# What Python needs beside the bytes, for a page and for each answer, as tracemalloc counts.
PAGE_OVERHEAD_BYTES = 3_400
ANSWER_OVERHEAD_BYTES = 1_000


@dataclass(slots=True)
class Filled:
    """A page with its numbers: the tag of its content, and the answers made so far, by coding."""

    texts: Texts
    etag: str
    answers: dict[str, Answer] = field(default_factory=dict)
    not_modified: dict[str, Answer] = field(default_factory=dict)


class KeptPage:
    """One page: as Flask answered it, and as it is answered with the newest numbers.

    `numbers` is the version of the numbers now.
    """

    def __init__(self, page: HoledPage, headers: Headers, numbers: object) -> None:
        self.held_bytes = 0  # as last counted
        self.has_grown = True  # since then
        self._page = page
        self._headers = headers
        self._deflated: tuple[bytes, ...] = ()
        self._numbers = numbers
        self._filled = self._fill(page.read())

    def count_growth(self) -> int:
        """Count the memory that it takes; return how much more that is than before."""
        filled = self._filled
        answers = [*filled.answers.values(), *filled.not_modified.values()]
        parts = [*self._page.pieces, *self._deflated, *filled.texts]
        parts += [part for answer in answers for part in (answer.head, answer.body)]
        overhead = PAGE_OVERHEAD_BYTES + ANSWER_OVERHEAD_BYTES * len(answers)
        before, self.held_bytes = self.held_bytes, overhead + sum(map(len, parts))
        self.has_grown = False
        return self.held_bytes - before

    def look(self, numbers: object) -> Filled:
        """Return the page with the present numbers; `numbers` is their version."""
        if numbers != self._numbers:
            self._numbers = numbers
            texts = self._page.read()
            if texts != self._filled.texts:
                self._filled = self._fill(texts)
        return self._filled

    def answer(self, filled: Filled, coding: str) -> Answer:
        """Return the answer in a coding."""
        answer = filled.answers.get(coding)
        if answer is not None:
            return answer
        body = self._page.fill(filled.texts)
        if coding == GZIP:
            self._deflated = self._deflated or deflate_pieces(self._page.pieces)
            body = write_gzip(self._deflated, filled.texts, body)
        self.has_grown = True
        headers = self._write_headers(filled, coding, len(body))
        answer = filled.answers[coding] = Answer("200 OK", headers, body)
        return answer

    def answer_not_modified(self, filled: Filled, coding: str) -> Answer:
        """Return the answer for who has the page already."""
        answer = filled.not_modified.get(coding)
        if answer is None:
            headers = self._write_headers(filled, coding, 0)
            remove_entity_headers(headers)
            self.has_grown = True
            answer = filled.not_modified[coding] = Answer("304 NOT MODIFIED", headers)
        return answer

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
