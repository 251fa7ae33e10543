"""Which pages a site has, as its sitemap says: read within bounds, from an address or a file."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener
from xml.etree import ElementTree

import gevent

from .paths import path_of

# The protocol allows 50 MB and 50,000 addresses in a file; this is enough for one site.
MAX_BYTES = 10 * 1024 * 1024
MAX_FILES = 50
MAX_PAGES = 100_000
MAX_SECONDS = 20.0
# A page's `loc` is the third; of other vocabularies, as of pictures, the fourth.
MAX_DEPTH = 10
_CHUNK_BYTES = 64 * 1024
_GZIP = b"\x1f\x8b"


class SitemapError(Exception):
    """The sitemap cannot be read; the message says what was found, where, and what was expected."""


def read_sitemap(source: str) -> frozenset[str]:
    """Return the canonical paths of all pages of a sitemap, or of the sitemaps that an index names.

    `source` is an http(s) address, or a file. Sitemaps named by an index are read only from the
    place of the index itself: its host, or its folder. Raises `SitemapError`.
    """
    late = SitemapError(f"{source}: found no end of it in {MAX_SECONDS:g} s")
    try:
        with gevent.Timeout(MAX_SECONDS, late):
            return _read_all(source)
    except ValueError as error:  # an address that is none
        raise SitemapError(f"{source}: {error}, expected addresses") from error


def _read_all(source: str) -> frozenset[str]:
    waiting, seen, pages = [source], {source}, set[str]()
    while waiting:
        current = waiting.pop()
        kind, addresses = _parse(current, _read(current))
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


def _read(source: str) -> bytes:
    content = b"".join(_chunks(source))
    if content.startswith(_GZIP):
        unpacker = zlib.decompressobj(wbits=31)
        try:
            content = unpacker.decompress(content, MAX_BYTES + 1)
        except zlib.error as error:
            raise SitemapError(f"{source}: {error}, expected gzip") from error
    if len(content) > MAX_BYTES:
        raise SitemapError(f"{source}: found more than {MAX_BYTES} bytes, expected fewer")
    return content


class _SameHost(HTTPRedirectHandler):
    """Follows no redirect to another host, which only this machine may reach."""

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        source = req.full_url
        if not is_address(newurl) or urlsplit(newurl).hostname != urlsplit(source).hostname:
            raise SitemapError(f"{source}: found a redirect to {newurl}, expected none elsewhere")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _chunks(source: str) -> Iterator[bytes]:
    """Yield what a file or an answer has, as long as it is not too long."""
    length = 0
    try:
        if is_address(source):
            request = Request(source, headers={"User-Agent": "flask-presence"})  # noqa: S310
            opened = build_opener(_SameHost).open(request, timeout=MAX_SECONDS)
        else:
            opened = Path(source).open("rb")  # noqa: SIM115
        with opened as file:
            while chunk := file.read(_CHUNK_BYTES):
                length += len(chunk)
                yield chunk
                if length > MAX_BYTES:
                    return
    except (OSError, ValueError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else " ".join(str(error).split())
        raise SitemapError(f"{source}: cannot be read ({reason})") from error


def _parse(source: str, content: bytes) -> tuple[str, list[str]]:
    """Return the kind of a sitemap, urlset or sitemapindex, and the addresses in it."""
    kind, addresses = "", []
    try:
        text = content.decode("utf-8-sig")  # in no other encoding, which could hide entities
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            found = f"{source}: found a document type, expected a sitemap, which has none"
            raise SitemapError(found)
        for path in _walk(source, text):
            kind, *names = (element.tag.rpartition("}")[2] for element in path)
            if kind not in ("urlset", "sitemapindex"):
                raise SitemapError(f"{source}: found <{kind}>, expected <urlset> or <sitemapindex>")
            if len(names) == 2 and names[1] == "loc" and (address := (path[2].text or "").strip()):
                addresses.append(address)
    except (ElementTree.ParseError, ValueError) as error:
        raise SitemapError(f"{source}: found no XML ({error}), expected a sitemap") from error
    return kind, addresses


def _walk(source: str, text: str) -> Iterator[list[ElementTree.Element]]:
    """Yield the way to each element, at its end. Nothing is kept, and others have their turn."""
    parser: Any = ElementTree.XMLPullParser(("start", "end"))
    path: list[ElementTree.Element] = []
    for at in range(0, len(text) + _CHUNK_BYTES, _CHUNK_BYTES):
        if at < len(text):
            parser.feed(text[at : at + _CHUNK_BYTES])
        else:
            parser.close()
        for event, element in parser.read_events():
            if event == "start":
                path.append(element)
                if len(path) > MAX_DEPTH:
                    raise SitemapError(f"{source}: found elements in {MAX_DEPTH} others")
                continue
            yield path
            path.pop()
            if path:
                path[-1].clear()
        gevent.sleep(0)
