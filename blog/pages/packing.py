"""Content codings: which one a request wants, and how a page is compressed once for many."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from blog.short_cache import cache_short

IDENTITY, GZIP = "identity", "gzip"
# The smallest first: it is taken where a request prefers none.
CODINGS = (GZIP, IDENTITY)

# 9 takes longer and makes a post's page no smaller.
GZIP_LEVEL = 6

# RFC 1952, 2.3: deflate, no flags, no time, no level, unknown system.
_GZIP_HEAD = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF))
# RFC 1951, 3.2.6: a last block that is empty.
_DEFLATE_END = b"\x03\x00"
_MAX_STORED_BYTES = 0xFFFF


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


def deflate_pieces(pieces: Sequence[bytes]) -> tuple[bytes, ...]:
    """Compress each piece so that anything may stand between them.

    After a full flush nothing refers to what was before, and the next byte begins a block.
    """
    compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return tuple(
        compressor.compress(piece) + compressor.flush(zlib.Z_FULL_FLUSH) for piece in pieces
    )


def write_gzip(deflated: Sequence[bytes], texts: Sequence[str], whole: bytes) -> bytes:
    """Put a gzip file together: compressed pieces, texts between them that are not, a checksum.

    `whole` is the page that results. It is read once, for the checksum, and not compressed: numbers
    that change all the time cost a few microseconds.
    """
    parts = [_GZIP_HEAD, deflated[0]]
    for text, piece in zip(texts, deflated[1:], strict=True):
        parts += (*_store(text.encode()), piece)
    ending = zlib.crc32(whole).to_bytes(4, "little")
    ending += (len(whole) & 0xFFFFFFFF).to_bytes(4, "little")
    return b"".join((*parts, _DEFLATE_END, ending))


def _store(text: bytes) -> Iterator[bytes]:
    """Yield the blocks of RFC 1951, 3.2.4: not compressed."""
    for start in range(0, len(text), _MAX_STORED_BYTES):
        part = text[start : start + _MAX_STORED_BYTES]
        yield b"\0" + len(part).to_bytes(2, "little")
        yield (len(part) ^ 0xFFFF).to_bytes(2, "little") + part
