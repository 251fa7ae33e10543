"""Texts out of one exported file: what WordPress's and Ghost's exports have in common."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from blog.importing.html_text import write_body
from blog.importing.source import Source, UnreadableError
from blog.posts.names import make_id, slugify
from blog.posts.reader import MAX_FILE_BYTES

# JSON may have one, as `\ud800`.
_SURROGATE = re.compile("[\ud800-\udfff]")
_TAG = re.compile(r"<[^<>]{0,1000}>")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something in an export that does not become a text here: its name in the file, and why."""

    name: str
    reasons: tuple[str, ...]


Item = Source | LeftOut


def name_item(export: Path, name: str) -> Path:
    """Return the path by which an outcome says which part of an export it is of."""
    printable = "".join(c if c.isprintable() and c != "/" else "_" for c in name[:100])
    return export.with_name(f"{export.name}#{printable}")


def make_source(
    export: Path,
    number: str,
    slug: str,
    fields: Mapping[str, Any],
    body: str,
    *,
    is_page: bool,
    notes: Iterable[str] = (),
) -> Source:
    """Make a text of what an export has of it. Raises `UnreadableError` for one that is too long.

    `fields` are as in front matter; `date` is a moment, or None. `slug` may be empty, or escaped.
    """
    if len(body) > MAX_FILE_BYTES:
        raise UnreadableError(f"it is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB")
    if _SURROGATE.search(body):
        raise UnreadableError("it has half of a character, which no file can hold")
    title = plain(str(fields.get("title") or ""))
    name = slugify(unquote(slug)) or slugify(title).lower()
    date: datetime | None = fields.get("date")
    text, codes = write_body(body)
    said = [*notes]
    if codes:
        said.append(f"left in the text: the short codes {', '.join(codes)}")
    known = {name: value for name, value in fields.items() if value not in (None, "", [])}
    known = {**known, "title": title or number, "slug": name}
    return Source(
        path=name_item(export, number),
        place=PurePosixPath(f"{name or number}.md"),
        fields=known,
        body=text,
        body_line=1,
        id=make_id(name or number),
        date=date,
        own_fields=frozenset(known),
        is_page=is_page,
        notes=tuple(said),
    )


def plain(text: str) -> str:
    """Return a line of HTML as text."""
    return " ".join(html.unescape(_TAG.sub("", text)).split())
