"""Reading the tags of a piece of HTML, and writing their addresses anew."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import accumulate

Attributes = list[tuple[str, str | None]]

_ADDRESSES = frozenset(["href", "src", "poster", "cite"])
# HTML, 4.8.4.2.1: an address, what it is for, a comma. An address may have commas inside.
_CANDIDATE = re.compile(r"(\S+)((?:\s+[^\s,]+)*)\s*(?:,|$)")


# How often a tag's end is searched for up to the end of the text. A thousand times `<a "` is not
# meant as tags, and each search would read all that follows.
_MAX_UNENDED = 100


class BoundedTags:
    """Keeps a parser's time linear in the length of the text, however many tags are never
    closed.
    """

    _unended = 0

    def check_for_whole_start_tag(self, i: int) -> int:
        """Return the place after a tag, -1 for one without an end."""
        if self._unended == _MAX_UNENDED:
            return -1
        end: int = super().check_for_whole_start_tag(i)  # type: ignore[misc] # the stubs lack it
        self._unended += end < 0
        return end


class TagReader(BoundedTags, HTMLParser):
    """Python's parser, except that an unknown declaration is a comment and never an error."""

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """Read `<![x[…>` as HTML has it (13.2.5.42); Python 3.11 raises `AssertionError`."""
        return self.parse_bogus_comment(i, report)


def rewrite_addresses(body: str, rewrite: Callable[[str], str]) -> str:
    """Return the HTML with each address replaced by `rewrite(address)`; all else stays to the
    letter.
    """

    def change(tag: str, attrs: Attributes) -> Attributes:
        return [(name, _rewrite(name, value, rewrite)) for name, value in attrs]

    return rewrite_tags(body, change)


def rewrite_tags(body: str, change: Callable[[str, Attributes], Attributes]) -> str:
    """Return the HTML with the attributes of each start tag as `change` has them, given its name.

    All else stays to the letter, and so does a tag of which nothing changes.
    """
    finder = _Finder(change)
    finder.feed(body)
    finder.close()
    if not finder.changes:
        return body
    starts = [0, *accumulate(len(line) + 1 for line in body.split("\n"))]
    parts: list[str] = []
    end = 0
    for line, column, old, new in finder.changes:
        start = starts[line - 1] + column
        parts += [body[end:start], new]
        end = start + len(old)
    return "".join([*parts, body[end:]])


def write_tag(
    as_written: str, tag: str, attrs: Attributes, rewrite: Callable[[str], str], end: str = ">"
) -> str:
    """Return a start tag with its addresses rewritten; as it was written where none changes."""
    changed = [(name, _rewrite(name, value, rewrite)) for name, value in attrs]
    return as_written if changed == attrs else join_tag(tag, changed, end)


def join_tag(tag: str, attrs: Attributes, end: str = ">") -> str:
    """Return a start tag of these attributes."""
    written = "".join(
        f" {name}" if value is None else f' {name}="{html.escape(value)}"' for name, value in attrs
    )
    return f"<{tag}{written}{end}"


class _Finder(TagReader):
    """Collects the tags that change: line and column, old and new."""

    def __init__(self, change: Callable[[str, Attributes], Attributes]) -> None:
        super().__init__(convert_charrefs=False)
        self.changes: list[tuple[int, int, str, str]] = []
        self._change = change

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        old = self.get_starttag_text() or ""
        # In an SVG inside the text only the slash ends an element.
        end = " />" if old.endswith("/>") else ">"
        changed = self._change(tag, attrs)
        if changed != attrs:
            self.changes.append((*self.getpos(), old, join_tag(tag, changed, end)))


def _rewrite(name: str, value: str | None, rewrite: Callable[[str], str]) -> str | None:
    if value is None:
        return None
    if name == "srcset":
        found = _CANDIDATE.findall(value)
        return ", ".join(rewrite(address) + size for address, size in found)
    return rewrite(value.strip()) if name in _ADDRESSES else value
