"""What a post is, once read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from blog.posts.signs import on_one_line

State = Literal["published", "draft", "scheduled", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One post as its author wrote it; nothing here is rendered yet.

    `id` is its address below /blog/ and unique in a library. `date` and `updated` are aware (UTC
    where the author gave no zone); `date` is None where neither front matter nor file name has one.
    `body` is Markdown; `body_line` is its first line in the file, from 1. `fingerprint` changes
    with the file's bytes; with `path` it names one state of one file. `extra` has the fields that
    are none of ours, `field_lines` the line of every field by its lower-case name. `aliases` are
    paths from the root; `image` is a web address, a path from the root, or a file beside the post.
    `presence` is whether its readers are counted. `menu` is its place in the menu, if it is a page.
    `former_id` is the id that it had before ids had letters of every script, and leads to it; empty
    for most. `hints` name fields that are shown differently from how they were written.
    """

    id: str
    title: str
    description: str
    date: datetime | None
    updated: datetime | None = None
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    draft: bool = False
    expires: datetime | None = None
    series: str = ""
    aliases: tuple[str, ...] = ()
    canonical: str = ""
    image: str = ""
    image_alt: str = ""
    image_caption: str = ""
    lang: str = ""
    presence: bool = True
    menu: int | None = None
    path: Path
    body: str
    body_line: int = 1
    extra: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    titled_by_heading: bool = False
    former_id: str = ""
    hints: tuple[Fault, ...] = ()
    field_lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def words(self) -> int:
        """Count the words of the body, marks included. The count is not kept, since few posts
        are asked for it.
        """
        return len(self.body.split())

    @property
    def reading_minutes(self) -> int:
        """Estimate the reading time at 230 words a minute (Brysbaert 2019: 238), at least 1."""
        return max(1, round(self.words / 230))

    @property
    def revision(self) -> str:
        """Name this state of the file, as a class of HTML."""
        return f"rev-{self.fingerprint[:12]}"

    def line_of(self, name: str) -> int:
        """Return the line of a field in the file; 1 where it is not in the front matter."""
        return self.field_lines.get(name, 1)

    def state_at(self, now: datetime) -> State:
        """Tell who may see it: everyone from its date until it expires, unless it is a draft."""
        if self.draft:
            return "draft"
        if self.expires is not None and self.expires <= now:
            return "expired"
        if self.date is not None and self.date > now:
            return "scheduled"
        return "published"


@dataclass(frozen=True, slots=True)
class Heading:
    """One heading of a rendered post: its level (1 to 6), its anchor, its text (not HTML)."""

    level: int
    anchor: str
    text: str


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something wrong in one file: where, what was found, what was expected, how to mend it."""

    path: Path
    line: int
    found: str
    expected: str
    mend: str

    def __str__(self) -> str:
        return f"{on_one_line(str(self.path))}:{self.line}: {self.describe()}"

    def describe(self) -> str:
        """Say what is wrong, without the place."""
        return on_one_line(f"{self.found}, expected {self.expected}, {self.mend}")


@dataclass(frozen=True, slots=True)
class RenderedPost:
    """The HTML of a post's body (without its title) and its headings in order.

    With a `fault` the HTML is what could be shown all the same, at the least the body's source.
    """

    html: str
    headings: tuple[Heading, ...] = ()
    fault: Fault | None = None
