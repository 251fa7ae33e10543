"""Compress an answer, and send it: as the server does, or under gunicorn in one system call."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gunicorn.http.wsgi import Response
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from blog.short_cache import cache_short
from flask_presence.server.internals import find_missing

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

Headers = list[tuple[str, str]]

IDENTITY, GZIP = "identity", "gzip"
# What `send` uses of gunicorn's response that gunicorn does not promise.
MISSING = find_missing(
    {
        "gunicorn.http.wsgi.Response": (
            *("status", "status_code", "headers", "headers_sent", "response_length", "sent"),
            *("sock", "default_headers"),
        )
    }
)
# The smallest first: it is taken where a request prefers none.
CODINGS = (GZIP, IDENTITY)

# 9 takes longer and makes a post's page no smaller.
GZIP_LEVEL = 6
# RFC 1952, 2.3: deflate, no flags, no time, no level, unknown system.
_GZIP_HEAD = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF))
# RFC 1951, 3.2.6: a last block that is empty.
_DEFLATE_END = b"\x03\x00"


@cache_short(256)
def choose_codings(accepted: str) -> tuple[str, ...]:
    """Return the codings that an Accept-Encoding header allows, the best one first.

    RFC 9110, 12.5.3. Where it forbids both, the page is sent as it is. Brotli is not among them:
    its blocks refer to each other, so each change of a number would compress the whole page again.
    """
    asked = parse_accept_header(accepted, Accept)
    qualities = {coding.lower(): quality for coding, quality in reversed(asked)}
    others = qualities.get("*")

    def rate(coding: str) -> float:
        if coding in qualities:
            return qualities[coding]
        if others is not None:
            return others
        return 0.0001 if coding == IDENTITY else 0.0  # allowed, and less than anything named

    allowed = [coding for coding in CODINGS if rate(coding) > 0]
    return tuple(sorted(allowed, key=rate, reverse=True)) or (IDENTITY,)


def tag_of(etag: str, coding: str) -> str:
    """Return the tag of a content in a coding: other bytes need another (RFC 9110, 8.8.3.3)."""
    return etag if coding == IDENTITY else f"{etag}-{coding}"


def deflate(pieces: Iterable[bytes]) -> tuple[bytes, ...]:
    """Compress each piece so that anything deflated may stand before and after it.

    That is what a full flush is for: no piece refers to another, and each ends at a whole byte.
    """
    compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return _flush_each(compressor, pieces, zlib.Z_FULL_FLUSH)


def store(texts: Iterable[bytes]) -> tuple[bytes, ...]:
    """Make such pieces of short texts without compressing them (RFC 1951, 3.2.4).

    The compressor's memory is the least there is: to get the usual 256 KB takes 50 µs. A block that
    is not compressed ends at a whole byte without a flush.
    """
    return _flush_each(zlib.compressobj(0, zlib.DEFLATED, -9, 1), texts, zlib.Z_BLOCK)


def write_gzip(deflated: bytes, whole: bytes) -> bytes:
    """Return the gzip file of deflated pieces; `whole` is what they are of, for the checksum.

    A page's fixed pieces are deflated once, and its numbers stand between them as they are: another
    number costs 6 µs. To compress a post of 11 KB as a whole costs 87 µs (48 at level 1), as much
    as all the rest of its answer, and saves 8 % of its bytes.
    """
    checksum = zlib.crc32(whole).to_bytes(4, "little")
    length = (len(whole) & 0xFFFFFFFF).to_bytes(4, "little")
    return b"".join((_GZIP_HEAD, deflated, _DEFLATE_END, checksum, length))


def _flush_each(
    compressor: zlib._Compress, pieces: Iterable[bytes], mode: int
) -> tuple[bytes, ...]:
    return tuple([compressor.compress(piece) + compressor.flush(mode) for piece in pieces])


@dataclass(slots=True)
class Answer:
    """Status, headers and body of a finished answer."""

    status: str
    headers: Headers
    body: bytes = b""
    head: bytes = field(init=False)  # the headers as they are sent

    def __post_init__(self) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        self.head = f"{lines}\r\n".encode("latin-1")


def send(answer: Answer, start_response: StartResponse, *, is_head: bool) -> Iterable[bytes]:
    """Answer a request; what is returned is for the server, as a WSGI application's result.

    gunicorn checks each header with two patterns for each answer, and sends head and body apart: a
    quarter of what a page costs. Where `start_response` is gunicorn's for HTTP/1, its response is
    told what it would find out, and all is sent at once. It still writes the status line, `Date`,
    `Server` and `Connection`, keeps the connection or closes it, and logs.
    """
    body = b"" if is_head else answer.body
    response = getattr(start_response, "__self__", None)
    if MISSING or type(response) is not Response:
        start_response(answer.status, [*answer.headers])
        return [body] if body else []
    response.status, response.status_code = answer.status, int(answer.status[:3])
    response.headers, response.response_length = answer.headers, len(answer.body)
    lead = "".join(response.default_headers()).encode("latin-1")
    response.sock.sendall(b"".join((lead, answer.head, body)))
    response.headers_sent = True
    response.sent = len(body)
    return []
