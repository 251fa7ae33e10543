"""A picture without what its camera wrote beside it: where and when it was taken, and with what.

Nothing visible is changed, and nothing is decoded: only the parts of a file that say how it looks
are copied. The orientation is written anew. Own code: libraries that do this are without a
maintainer, leave parts of a file out of sight, or have a licence that the blog would have to take
over.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from itertools import repeat
from mmap import mmap
from zlib import crc32

# What is read: bytes, or memory that is given back at once.
Content = bytes | mmap
# What is kept: the bytes from one place to another, or new ones.
Part = tuple[int, int] | bytes

ORIENTATION = 0x0112
EXIF_BEGIN = b"Exif\0\0"

JPEG_BEGIN, JPEG_END = b"\xff\xd8", b"\xff\xd9"
# The colours' transform (Adobe), the profile. APP0 is JFIF's; APP1 has EXIF and XMP, APP13 IPTC.
KEPT_APPS = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
COMMENT, START_OF_SCAN = 0xFE, 0xDA
# In the pixels of a JPEG, FF is followed by 0 or by the number of a restart.
_NEXT_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")
# Python runs nothing else while it searches, so a large file is searched in windows of this size.
SEARCHED_BYTES = 256 * 1024
# Ten times what the largest photograph has, in pieces of 8 KiB: each takes memory and time.
MAX_PARTS = 100_000

PNG_BEGIN = b"\x89PNG\r\n\x1a\n"
KEPT_CHUNKS = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP cICP mDCV cLLI sBIT bKGD pHYs hIST sPLT acTL"
    b" fcTL fdAT".split()
)

WEBP_KEPT = frozenset([b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"ICCP"])
WEBP_EXIF_BIT, WEBP_XMP_BIT = 0x08, 0x04


class CannotCleanError(ValueError):
    """A file may say where it was taken, and nothing here can tell."""


def find_parts(content: Content) -> list[Part]:
    """Return what is to be sent of a picture: one part where that is all of it.

    What is no JPEG, PNG or WebP is sent as it is. Raises `CannotCleanError` for another kind of a
    camera's files (HEIC, TIFF), whatever its name says.
    """
    begin = content[:12]
    if begin.startswith(JPEG_BEGIN):
        return _join(_clean_jpeg(content))
    if begin.startswith(PNG_BEGIN):
        return _join(_clean_png(content))
    if begin.startswith(b"RIFF") and begin.endswith(b"WEBP"):
        return _clean_webp(content)
    is_heic = begin[4:8] == b"ftyp" and begin[8:12] not in (b"avif", b"avis")
    if is_heic or begin[:4] in (b"II*\0", b"MM\0*"):
        raise CannotCleanError("found HEIC or TIFF, expected JPEG, PNG or WebP")
    return [(0, len(content))]


def read_parts(content: Content, parts: Iterable[Part]) -> Iterator[bytes]:
    """Yield the bytes of parts, in pieces that take little memory."""
    for part in parts:
        if isinstance(part, bytes):
            yield part
            continue
        for at in range(*part, SEARCHED_BYTES):
            yield content[at : min(at + SEARCHED_BYTES, part[1])]


def _number_parts() -> Iterator[None]:
    """Yield for each part that a picture may have; then raises `CannotCleanError`."""
    yield from repeat(None, MAX_PARTS)
    raise CannotCleanError(f"found more than {MAX_PARTS} parts, expected a picture")


def _join(parts: Iterable[Part]) -> list[Part]:
    """Make one part of those that stood side by side."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else b""
        if isinstance(part, tuple) and isinstance(last, tuple) and last[1] == part[0]:
            joined[-1] = (last[0], part[1])
        else:
            joined.append(part)
    return joined


def _clean_jpeg(content: Content) -> Iterator[Part]:
    """Yield what is kept; nothing after the picture's end, where phones store further data."""
    yield 0, len(JPEG_BEGIN)
    orientation = 1
    at = len(JPEG_BEGIN)
    for _ in _number_parts():
        if at >= len(content):
            return
        marker = _NEXT_MARKER.match(content, at)
        if marker is None:  # broken: no program reads on
            return
        kind, body_at = marker[1][0], marker.end() + 2
        if kind == JPEG_END[1]:
            yield at, marker.end()
            return
        end = marker.end() + int.from_bytes(content[marker.end() : body_at], "big")
        if not body_at <= end <= len(content):
            return
        begin = content[body_at : body_at + 16]
        is_seen = not (0xE0 <= kind <= 0xEF or kind == COMMENT)
        if kind == 0xE1 and begin.startswith(EXIF_BEGIN):
            orientation = _read_orientation(content[body_at:end])
        if is_seen and orientation != 1:
            exif = EXIF_BEGIN + _write_orientation(orientation)
            yield b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
            orientation = 1
        if is_seen or (kind in KEPT_APPS and begin.startswith(KEPT_APPS[kind])):
            yield at, end
        at = end
        if kind == START_OF_SCAN:
            at = _find_marker(content, end)
            yield end, at


def _find_marker(content: Content, start: int) -> int:
    """Return where the pixels that begin at `start` end."""
    for window in range(start, len(content), SEARCHED_BYTES):
        # One byte of the next window, too: a marker has two.
        for found in _NEXT_MARKER.finditer(content, window, window + SEARCHED_BYTES + 1):
            if found[1] == JPEG_END[1:] or _is_followed(content, found.end()):
                return found.start()
    return len(content)


def _is_followed(content: Content, at: int) -> bool:
    """Tell whether a part that begins here ends before another: damaged pixels look like a part."""
    end = at + int.from_bytes(content[at : at + 2], "big")
    return content[end : end + 1] == b"\xff"


def _clean_png(content: Content) -> Iterator[Part]:
    at = len(PNG_BEGIN)
    kept: list[Part] = [(0, at)]
    orientation = 1
    for _ in _number_parts():
        if at + 12 > len(content):
            break
        length, kind = struct.unpack_from(">I4s", content, at)
        end = min(at + 12 + length, len(content))
        if kind == b"eXIf":
            orientation = _read_orientation(content[at + 8 : end - 4])
        elif kind in KEPT_CHUNKS:
            kept.append((at, end))
        at = end
        if kind == b"IEND":
            break
    yield from kept[:2]
    if orientation != 1:
        yield _write_chunk(b"eXIf", _write_orientation(orientation))
    yield from kept[2:]


def _write_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc32(kind + body))


def _clean_webp(content: Content) -> list[Part]:
    kept: list[Part] = []
    orientation, flags = 1, 0
    at = 12
    for _ in _number_parts():
        if at + 8 > len(content):
            break
        kind, length = struct.unpack_from("<4sI", content, at)
        end = min(at + 8 + length + length % 2, len(content))
        if kind == b"EXIF":
            orientation = _read_orientation(content[at + 8 : at + 8 + length])
        elif kind == b"VP8X" and end > at + 8:
            flags = content[at + 8]
            kept += [(at, at + 8), b"", (at + 9, end)]
        elif kind in WEBP_KEPT:
            kept.append((at, end))
        at = end
    if orientation != 1:
        exif = _write_orientation(orientation)
        kept.append(struct.pack("<4sI", b"EXIF", len(exif)) + exif)
    says = WEBP_EXIF_BIT if orientation != 1 else 0
    written = bytes([flags & ~(WEBP_EXIF_BIT | WEBP_XMP_BIT) | says])
    kept = [written if part == b"" else part for part in kept]
    size = sum(len(part) if isinstance(part, bytes) else part[1] - part[0] for part in kept)
    if 12 + size == len(content) and not flags & (WEBP_EXIF_BIT | WEBP_XMP_BIT):
        return [(0, len(content))]
    return _join([b"RIFF" + struct.pack("<I", size + 4) + b"WEBP", *kept])


def _read_orientation(exif: bytes) -> int:
    """Return how the camera was held, by TIFF's first directory; 1, upright, where it is not said.

    Pillow would read all of it, and warn of what a camera got wrong.
    """
    tiff = exif.removeprefix(EXIF_BEGIN)
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, at)
        for number in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, at + 2 + 12 * number)
            if tag == ORIENTATION:
                return value if value in range(2, 9) else 1
    except struct.error:  # it ends before
        return 1
    return 1


def _write_orientation(orientation: int) -> bytes:
    """Return a TIFF directory of one entry, without what begins it in a JPEG."""
    entry = struct.pack(">HHIHH", ORIENTATION, 3, 1, orientation, 0)
    return b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
