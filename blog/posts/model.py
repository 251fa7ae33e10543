"""What a post is, once read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One post as its author wrote it; nothing here is rendered yet.

    `id` is its address below /blog/ and unique in a library. `date` and `updated` are aware (UTC
    where the author gave no zone); `date` is None where neither front matter nor file name has
    one. `body` is Markdown; `body_line` is its first line in the file, from 1. `fingerprint`
    changes with the file's bytes; with `path` it names one state of one file.
    `id_line` is the line that gave the id, 1 where it is the file's name.
    """

    id: str
    title: str
    description: str
    date: datetime | None
    updated: datetime | None = None
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    draft: bool = False
    path: Path
    body: str
    body_line: int = 1
    words: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    titled_by_heading: bool = False
    id_line: int = 1

    @property
    def reading_minutes(self) -> int:
        """Estimate the reading time at 230 words a minute (Brysbaert 2019: 238), at least 1."""
        return max(1, round(self.words / 230))


@dataclass(frozen=True, slots=True)
class Heading:
    """One heading of a rendered post: its level (1 to 6), its anchor, its text (not HTML)."""

    level: int
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class RenderedPost:
    """The HTML of a post's body (without its title) and its headings in order."""

    html: str
    headings: tuple[Heading, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something wrong in one file: where, what was found, what was expected, how to mend it."""

    path: Path
    line: int
    found: str
    expected: str
    mend: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.found}, expected {self.expected}, {self.mend}"
