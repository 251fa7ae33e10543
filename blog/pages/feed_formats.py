"""A feed's entries as Atom (RFC 4287), RSS 2.0 and JSON Feed 1.1."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from feedgenerator import Atom1Feed, Rss201rev2Feed
from feedgenerator.django.utils.xmlutils import SimplerXMLGenerator

# What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
CONTENT_MODULE = "http://purl.org/rss/1.0/modules/content/"
# A feed must say when it changed; one without entries never did.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What a feed says of itself. Every address is absolute."""

    title: str
    description: str
    language: str
    home_url: str
    feed_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One post in a feed: `html` is all of it, `url` its address and its id for good."""

    url: str
    title: str
    summary: str
    html: str
    published: datetime
    updated: datetime
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    language: str = ""
    image: str = ""


def write_atom(channel: Channel, entries: Sequence[Entry]) -> bytes:
    """Write an Atom feed."""
    return _write_xml(_Atom, channel, entries)


def write_rss(channel: Channel, entries: Sequence[Entry]) -> bytes:
    """Write an RSS 2.0 feed; the posts' text is in `content:encoded`."""
    return _write_xml(_Rss, channel, entries)


def write_json_feed(channel: Channel, entries: Sequence[Entry]) -> bytes:
    """Write a JSON Feed."""
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": channel.title,
        "home_page_url": channel.home_url,
        "feed_url": channel.feed_url,
        "description": channel.description,
        "language": channel.language,
        "items": [_write_item(entry) for entry in entries],
    }
    # A lone surrogate has no UTF-8; JSON's own escape stands for it.
    return json.dumps(feed, indent=1).encode("ascii")


def _write_item(entry: Entry) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": entry.url,
        "url": entry.url,
        "title": entry.title,
        "summary": entry.summary,
        "content_html": entry.html,
        "date_published": entry.published.isoformat(),
        "date_modified": entry.updated.isoformat(),
        "authors": [{"name": author} for author in entry.authors],
        "tags": list(entry.tags),
        "language": entry.language,
        "image": entry.image,
    }
    return {name: value for name, value in item.items() if value}


class _Atom(Atom1Feed):  # type: ignore[misc]  # the library has no types
    def latest_post_date(self) -> datetime:
        return super().latest_post_date() if self.items else NEVER

    def item_attributes(self, item: dict[str, Any]) -> dict[str, str]:
        return {"xml:lang": item["language"]} if item["language"] else {}

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        for author in item["authors"]:
            handler.startElement("author", {})
            handler.addQuickElement("name", author)
            handler.endElement("author")


class _Rss(Rss201rev2Feed):  # type: ignore[misc]  # the library has no types
    def latest_post_date(self) -> datetime:
        return super().latest_post_date() if self.items else NEVER

    def rss_attributes(self) -> dict[str, str]:
        modules = {"xmlns:content": CONTENT_MODULE, "xmlns:dc": DUBLIN_CORE}
        return {**super().rss_attributes(), **modules}

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        for author in item["authors"]:
            handler.addQuickElement("dc:creator", author)
        handler.addQuickElement("content:encoded", item["content"])


def _write_xml(kind: type[_Atom | _Rss], channel: Channel, entries: Sequence[Entry]) -> bytes:
    feed = kind(
        title=_clean(channel.title),
        link=channel.home_url,
        description=_clean(channel.description),
        language=channel.language,
        # Atom wants an author for every entry; a post that names none is the site's.
        author_name=_clean(channel.title),
        feed_url=channel.feed_url,
    )
    for entry in entries:
        feed.add_item(
            title=_clean(entry.title),
            link=entry.url,
            # Readers take it for HTML, as both formats have it.
            description=html.escape(_clean(entry.summary), quote=False),
            content=_clean(entry.html),
            pubdate=entry.published,
            updateddate=entry.updated,
            unique_id=entry.url,
            unique_id_is_permalink=True,
            categories=[_clean(tag) for tag in entry.tags],
            authors=[_clean(author) for author in entry.authors],
            language=entry.language,
        )
    written = StringIO()
    feed.write(written, "utf-8")
    return written.getvalue().encode("utf-8")


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)
