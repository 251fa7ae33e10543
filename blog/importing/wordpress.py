"""WordPress's export (WXR): an RSS feed with everything in it, read as a stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from blog.importing.exports import Item, LeftOut, make_source, plain
from blog.importing.site import ImportSourceError
from blog.importing.source import UnreadableError

# What a post of each status other than `publish` becomes; a future date hides it by itself.
_HIDDEN = ("draft", "pending", "private")
_SHOWN = ("publish", "future")
# What becomes a tag, in this order.
_TERMS = ("post_tag", "category")


def read_wordpress(path: Path) -> Iterator[Item]:
    """Yield each post and page of an export, and what else it has.

    The file is read twice, since attachments and authors may come after the posts that name them.
    Raises `ImportSourceError` for what is no such file, or has a document type or entities in it.
    """
    files: dict[str, str] = {}
    authors: dict[str, str] = {}
    others: Counter[str] = Counter()
    for element in _stream(path):
        values = _read_values(element)
        if _name_of(element) == "author":
            authors[values.get("author_login", "")] = values.get("author_display_name", "")
        elif values.get("post_type") == "attachment":
            files[values.get("post_id", "")] = values.get("attachment_url", "")
        elif values.get("post_type") not in ("post", "page"):
            others[values.get("post_type", "nothing that has a type")] += 1
    for element in _stream(path):
        values = _read_values(element)
        if values.get("post_type") in ("post", "page"):
            try:
                yield _read_text(path, element, values, files, authors)
            except UnreadableError as error:
                yield LeftOut(values.get("post_id", "?"), (str(error),))
    if files:
        told = tuple(
            f"an attachment, copied where a post shows it: {url}" for url in files.values()
        )
        yield LeftOut("attachments", told)
    for kind, count in sorted(others.items()):
        yield LeftOut(kind, (f"{count} of this kind",))


def _stream(path: Path) -> Iterator[Element]:
    """Yield each author and each item; nothing of the earlier ones is kept in memory."""
    try:
        inside: list[Element] = []
        for event, element in iterparse(path, events=("start", "end"), forbid_dtd=True):
            if event == "start":
                inside.append(element)
                if len(inside) == 1 and element.tag != "rss":
                    raise ImportSourceError(
                        f"{path}: found <{element.tag[:60]}>, no export of WordPress"
                    )
                continue
            inside.pop()
            if _name_of(element) in ("item", "author") and len(inside) == 2:
                yield element
            if len(inside) == 2:
                inside[-1].clear()
    except DefusedXmlException as error:
        raise ImportSourceError(
            f"{path}: found a document type or an entity, which WordPress never writes"
        ) from error
    except ImportSourceError:
        raise
    except (ParseError, LookupError, ValueError) as error:  # the last two of an unknown encoding
        raise ImportSourceError(f"{path}: it is no XML ({error})") from error


def _name_of(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _read_values(element: Element) -> dict[str, str]:
    """Return the texts in an element by their names; those named alike by their namespace, too."""
    values: dict[str, str] = {}
    for child in element:
        space, _, name = child.tag.rpartition("}")
        if name == "encoded":
            name = "excerpt" if "excerpt" in space else "content"
        values.setdefault(name, child.text or "")
    return values


def _read_text(
    path: Path,
    element: Element,
    values: dict[str, str],
    files: dict[str, str],
    authors: dict[str, str],
) -> Item:
    number, status = values.get("post_id", ""), values.get("status", "")
    if status not in (*_HIDDEN, *_SHOWN):
        return LeftOut(number, (f"its status is {status or 'not said'}",))
    meta = _read_meta(element)
    link = values.get("link", "")
    base = _find_base(link or values.get("guid", ""))
    date = _read_moment(values, "post_date")
    updated = _read_moment(values, "post_modified")
    is_locked = bool(values.get("post_password"))
    fields: dict[str, Any] = {
        # First: a field of an author's own makes no draft public.
        **{name: value for name, value in meta.items() if not name.startswith("_")},
        "title": values.get("title", ""),
        "description": plain(values.get("excerpt", "")),
        "date": date,
        "updated": updated if date and updated and updated.date() > date.date() else None,
        "draft": status not in _SHOWN or is_locked,
        "author": authors.get(values.get("creator", "")) or values.get("creator", ""),
        "tags": _read_terms(element),
        "image": files.get(meta.get("_thumbnail_id", ""), ""),
        "permalink": link if base and "?" not in link else "",
    }
    notes = []
    if status in ("pending", "private"):
        notes.append(f"status: {status} became draft: true")
    if is_locked:
        notes.append("it had a password, and became draft: true")
    if comments := sum(_name_of(child) == "comment" for child in element):
        notes.append(f"left out: {comments} comment{'' if comments == 1 else 's'}")
    body = values.get("content", "")
    if base:
        body = body.replace(f"{base}/wp-content/", "/wp-content/")
        fields["image"] = fields["image"].replace(f"{base}/wp-content/", "/wp-content/")
    return make_source(
        path,
        number,
        values.get("post_name", ""),
        fields,
        body,
        is_page=values["post_type"] == "page",
        notes=tuple(notes),
    )


def _read_meta(element: Element) -> dict[str, str]:
    pairs = (_read_values(child) for child in element if _name_of(child) == "postmeta")
    return {pair.get("meta_key", ""): pair.get("meta_value", "") for pair in pairs}


def _read_terms(element: Element) -> list[str]:
    terms = [child for child in element if _name_of(child) == "category"]
    by_domain = {domain: [one for one in terms if one.get("domain") == domain] for domain in _TERMS}
    names = [one.text or "" for domain in _TERMS for one in by_domain[domain]]
    return [name for name in dict.fromkeys(names) if name != "Uncategorized"]


def _read_moment(values: dict[str, str], name: str) -> datetime | None:
    """Read a moment in Greenwich; `0000-00-00 00:00:00`, as drafts have it, is none."""
    try:
        return datetime.fromisoformat(values.get(f"{name}_gmt", "")).replace(tzinfo=UTC)
    except ValueError:
        return None


def _find_base(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
