"""Front matter's values to a post's fields, with a complaint for each that does not fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from blog.posts.dates import read_date
from blog.posts.frontmatter import FrontMatter
from blog.posts.names import MAX_ID_CHARS, slugify

MAX_TAGS = 100
MAX_AUTHORS = 100
MAX_TAG_CHARS = 100
MAX_TITLE_CHARS = 500

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
_DATE_FORM = "a date such as 2026-11-24 or 2026-11-24T10:00:00Z"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with one field; `line` counts from 1 in the front matter."""

    line: int
    found: str
    expected: str
    mend: str


@dataclass(slots=True)
class Fields:
    """A post's fields as far as its front matter has them. Asked once each; keeps the complaints.

    A name is found in any case (`Title`), because other publishers do so.
    """

    front: FrontMatter
    complaints: list[Complaint] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name in self.front.values:
            self._names.setdefault(name.lower(), name)

    def line(self, name: str) -> int:
        """Return the line of a field, 1 where it is missing."""
        return self.front.lines.get(self._names.get(name, name), 1)

    def rest(self) -> Mapping[str, Any]:
        """Return the fields that nothing has asked for."""
        return {k: v for k, v in self.front.values.items() if k not in self._used}

    def text(self, name: str, max_chars: int = 10_000) -> str:
        """Read a text; empty where it is missing."""
        value = self._take(name)
        if value is None:
            return ""
        if not _is_text(value):
            self._complain(name, _show(value), "a text", "write it on one line, in quotes")
            return ""
        # A control character would make the feeds no XML.
        text = " ".join(_CONTROL.sub("", str(value)).split())
        if len(text) > max_chars:
            self._complain(name, f"{len(text)} characters", f"at most {max_chars}", "shorten it")
        return text[:max_chars]

    def date(self, name: str) -> datetime | None:
        """Read a date; None where it is missing or cannot be read (which is a complaint)."""
        value = self._take(name)
        if value is None or value == "":
            return None
        moment = read_date(value)
        if moment is None:
            otherwise = "the date from the file's name" if name == "date" else f"no {name} date"
            self._complain(
                name,
                _show(value),
                _DATE_FORM,
                f"write it in that form or remove the line to take {otherwise}",
            )
        return moment

    def switch(self, name: str) -> bool | None:
        """Read true or false; None where it is missing."""
        value = self._take(name)
        words = {"true": True, "yes": True, "false": False, "no": False}
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in words:
            return words[value.lower()]
        self._complain(name, _show(value), "true or false", f"write {name}: true or remove it")
        return None

    def names(self, name: str, *, limit: int, divided: bool) -> tuple[str, ...]:
        """Read a list of short texts; a single text is cut at its commas if `divided`."""
        value = self._take(name)
        if value is None:
            return ()
        if _is_text(value):
            value = str(value).split(",") if divided else [value]
        if isinstance(value, Mapping) and not divided:
            value = [value]
        if not isinstance(value, list | tuple):
            self._complain(name, _show(value), "a text or a list of texts", f"{name}: [one, two]")
            return ()
        names: dict[str, None] = {}
        for item in value:
            if isinstance(item, Mapping) and _is_text(item.get("name")):
                item = item["name"]
            if item is None:
                continue
            if not _is_text(item):
                self._complain(name, _show(item), "a list of texts", f"{name}: [one, two]")
                return ()
            if text := " ".join(_CONTROL.sub("", str(item)).split()):
                names[text] = None
        if len(names) > limit:
            self._complain(name, f"{len(names)} of them", f"at most {limit}", "keep the best")
            return ()
        if long := [text for text in names if len(text) > MAX_TAG_CHARS]:
            shown = f"{_show(long[0])} of {len(long[0])} characters"
            self._complain(name, shown, f"at most {MAX_TAG_CHARS}", "shorten it")
            return ()
        return tuple(names)

    def authors(self) -> tuple[str, ...]:
        """Read `authors` and `author`, the first that has any."""
        found = [self.names(n, limit=MAX_AUTHORS, divided=False) for n in ("authors", "author")]
        return found[0] or found[1]

    def tags(self) -> tuple[str, ...]:
        """Read `tags`; where there are none, `categories` stand in for them."""
        names = [n for n in ("tags", "tag") if n in self._names]
        kept = [self.names(n, limit=MAX_TAGS, divided=True) for n in names]
        tags = tuple(dict.fromkeys(tag for some in kept for tag in some))
        if tags:
            return tags
        kept = [self.names(n, limit=MAX_TAGS, divided=True) for n in ("categories", "category")]
        return tuple(dict.fromkeys(tag for some in kept for tag in some))

    def slug(self) -> str:
        """Read the id that the author chose, made safe for an address; empty without one."""
        text = self.text("slug")
        slug = slugify(text)
        if text and (not slug or len(slug) > MAX_ID_CHARS):
            self._complain(
                "slug",
                _show(text),
                f"letters a to z or digits, at most {MAX_ID_CHARS} characters",
                "write a short name such as hello-world",
            )
            return ""
        return slug

    def is_draft(self) -> bool:
        """Read `draft: true`, or Jekyll's `published: false`."""
        draft, published = self.switch("draft"), self.switch("published")
        return bool(draft) or published is False

    def _take(self, name: str) -> Any:
        key = self._names.get(name, name)
        self._used.add(key)
        return self.front.values.get(key)

    def _complain(self, name: str, found: str, expected: str, mend: str) -> None:
        line = self.line(name)
        self.complaints.append(Complaint(line, f"{name}: found {found}", expected, mend))


def _is_text(value: Any) -> bool:
    return isinstance(value, str | int | float | date) and not isinstance(value, bool)


def _show(value: Any) -> str:
    """Show a value in a message, short and on one line."""
    if isinstance(value, str):
        text = " ".join(value.split())
        return f'"{text if len(text) <= 60 else text[:59] + "…"}"'
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, int) and abs(value) >= 10**60:
        return "a huge number"  # Python refuses to write out more than 4,300 digits
    return str(value)[:60]
