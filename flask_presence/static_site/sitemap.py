"""Which pages a site has, as its sitemap says: read within bounds, from an address or a file."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from xml.etree import ElementTree

from .paths import path_of

# The protocol allows 50 MB and 50,000 addresses in a file; of what one site has, this is enough.
MAX_BYTES = 10 * 1024 * 1024
MAX_FILES = 50
MAX_PAGES = 100_000
MAX_SECONDS = 20.0
_CHUNK_BYTES = 64 * 1024
_GZIP = b"\x1f\x8b"


class SitemapError(Exception):
    """The sitemap cannot be read; the message says what was found, where, and what was expected."""


def read_sitemap(source: str, *, clock: Callable[[], float] = time.monotonic) -> frozenset[str]:
    """Return the canonical paths of all pages of a sitemap, or of the sitemaps that an index names.

    `source` is an http(s) address, or a file. Those that an index names are read only where the
    index itself is: on its host, or in its folder. Raises `SitemapError`.
    """
    deadline = clock() + MAX_SECONDS
    try:
        return _read_all(source, deadline, clock)
    except ValueError as error:  # an address that is none
        raise SitemapError(f"{source}: {error}, expected addresses") from error


def _read_all(source: str, deadline: float, clock: Callable[[], float]) -> frozenset[str]:
    waiting, seen, pages = [source], {source}, set[str]()
    while waiting:
        current = waiting.pop()
        kind, addresses = _parse(current, _read(current, deadline, clock))
        for address in addresses:
            if kind == "urlset":
                pages.add(path_of(address))
            elif (further := _beside(source, address)) not in seen:
                seen.add(further)
                waiting.append(further)
        if len(pages) > MAX_PAGES:
            raise SitemapError(f"{current}: found more than {MAX_PAGES} pages, expected fewer")
        if len(seen) > MAX_FILES:
            raise SitemapError(f"{current}: found more than {MAX_FILES} sitemaps, expected fewer")
    return frozenset(pages)


def is_address(source: str) -> bool:
    """Tell an http(s) address from a file."""
    return source.startswith(("http://", "https://"))


def _beside(source: str, address: str) -> str:
    """Return where a sitemap is that an index names."""
    if not is_address(source):  # the file of the same name: the site may not be served yet
        return str(Path(source).parent / Path(urlsplit(address).path).name)
    if urlsplit(address)[:2] != urlsplit(source)[:2]:
        raise SitemapError(f"{source}: found {address}, expected sitemaps of the same host")
    return address


def _read(source: str, deadline: float, clock: Callable[[], float]) -> bytes:
    content = b"".join(_chunks(source, deadline, clock))
    if content.startswith(_GZIP):
        unpacker = zlib.decompressobj(wbits=31)
        try:
            content = unpacker.decompress(content, MAX_BYTES + 1)
        except zlib.error as error:
            raise SitemapError(f"{source}: {error}, expected gzip") from error
    if len(content) > MAX_BYTES:
        raise SitemapError(f"{source}: found more than {MAX_BYTES} bytes, expected fewer")
    return content


def _chunks(source: str, deadline: float, clock: Callable[[], float]) -> Iterator[bytes]:
    """Yield what a file or an answer has, as long as it is neither too long nor too late."""
    length = 0
    try:
        if is_address(source):
            request = Request(source, headers={"User-Agent": "flask-presence"})  # noqa: S310
            opened = urlopen(request, timeout=max(0.1, deadline - clock()))  # noqa: S310
        else:
            opened = Path(source).open("rb")  # noqa: SIM115
        with opened as file:
            while chunk := file.read(_CHUNK_BYTES):
                length += len(chunk)
                if clock() > deadline:
                    raise SitemapError(f"{source}: found no end of it in {MAX_SECONDS:g} s")
                yield chunk
                if length > MAX_BYTES:
                    return
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise SitemapError(f"{source}: cannot be read ({reason})") from error


def _parse(source: str, content: bytes) -> tuple[str, list[str]]:
    """Return the kind of a sitemap, urlset or sitemapindex, and the addresses in it."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise SitemapError(f"{source}: found a document type, expected a sitemap, which has none")
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - no entities, and bounded
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise SitemapError(f"{source}: found no XML ({error}), expected a sitemap") from error
    kind = root.tag.rpartition("}")[2]
    if kind not in ("urlset", "sitemapindex"):
        raise SitemapError(f"{source}: found <{kind}>, expected <urlset> or <sitemapindex>")
    found = (one.text or "" for one in root.iterfind("{*}*/{*}loc"))
    return kind, [address.strip() for address in found if address.strip()]
