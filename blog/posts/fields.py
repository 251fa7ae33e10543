"""Front matter's values to a post's fields, with a complaint for each that does not fit."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from unicodedata import normalize

from blog.posts.addresses import is_image, is_shown_elsewhere, is_web_address, read_alias
from blog.posts.dates import read_date
from blog.posts.frontmatter import FrontMatter
from blog.posts.markup.outline import shorten
from blog.posts.names import MAX_ID_CHARS, make_former_id, slugify
from blog.posts.signs import drop_controls
from blog.setting_kinds import LANGUAGE_TAG

MAX_TAGS = 100
MAX_AUTHORS = 100
MAX_TAG_CHARS = 100
MAX_AUTHOR_CHARS = 200
MAX_CHARS = 10_000
MAX_TITLE_CHARS = 500
MAX_ALIASES = 100

_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()\s]*(?:\s[^()]*)?\)|\[[^\[\]]*\])")
_NUMBER = re.compile(r"-?[0-9]{1,6}")
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
    """The fields of a post's front matter. Each is asked for once; complaints are collected.

    Names are found in any case (`Title`), as other publishers allow. A value that is too long is
    cut, with a hint; the post is still shown.
    """

    front: FrontMatter
    zone: tzinfo = UTC
    complaints: list[Complaint] = field(default_factory=list)
    hints: list[Complaint] = field(default_factory=list)
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
        return {k: v for k, v in self.front.values.items() if k.lower() not in self._used}

    def text(self, name: str, max_chars: int = MAX_CHARS) -> str:
        """Read a text; empty where it is missing."""
        value = self._take(name)
        if value is None:
            return ""
        if not _is_text(value):
            self._complain(name, _show(value), "a text", "write it on one line, in quotes")
            return ""
        # A control character would make the feeds no XML.
        text = " ".join(drop_controls(str(value)).split())
        return self._cut(name, text, max_chars)

    def date(self, name: str) -> datetime | None:
        """Read a date; None where it is missing or cannot be read (which is a complaint)."""
        value = self._take(name)
        if value is None or value == "":
            return None
        moment = read_date(value, self.zone)
        if moment is None:
            otherwise = "the date from the file's name" if name == "date" else "none"
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

    def number(self, name: str) -> int | None:
        """Read a whole number; None where it is missing or is none."""
        text = self.text(name)
        if text and not _NUMBER.fullmatch(text):
            self._complain(name, _show(text), "a whole number such as 3", "write one, or remove it")
            return None
        return int(text) if text else None

    def names(
        self, name: str, *, limit: int, divided: bool = False, max_chars: int = MAX_TAG_CHARS
    ) -> tuple[str, ...]:
        """Read a list of short texts; a single text is divided at its commas if `divided`."""
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
            # One tag, whatever program wrote it.
            if text := normalize("NFC", " ".join(drop_controls(str(item)).split())):
                names[text] = None
        if len(names) > limit:
            self._hint(name, f"{len(names)} of them", f"at most {limit}", "keep the best")
        return tuple(self._cut(name, text, max_chars) for text in list(names)[:limit])

    def authors(self) -> tuple[str, ...]:
        """Read `authors` and `author`, the first that has any; of a Markdown link, its text."""
        chosen: tuple[str, ...] = ()
        for name in ("authors", "author"):
            found = map(drop_links, self.names(name, limit=MAX_AUTHORS, max_chars=sys.maxsize))
            chosen = chosen or tuple(self._cut(name, t, MAX_AUTHOR_CHARS) for t in found if t)
        return chosen

    def tags(self) -> tuple[str, ...]:
        """Read `tags`; where there are none, `categories` stand in for them."""
        names = [n for n in ("tags", "tag") if n in self._names]
        kept = [self.names(n, limit=MAX_TAGS, divided=True) for n in names]
        tags = tuple(dict.fromkeys(tag for some in kept for tag in some))
        if tags:
            self._used |= {"categories", "category"}
            return tags
        kept = [self.names(n, limit=MAX_TAGS, divided=True) for n in ("categories", "category")]
        return tuple(dict.fromkeys(tag for some in kept for tag in some))

    def slug(self) -> tuple[str, str]:
        """Read the id that the author chose, made safe for an address; empty without one. Also
        return the id that earlier versions made of it, in ASCII only; empty where that is the same.
        """
        text = self.text("slug")
        slug = slugify(text)
        if text and (not slug or len(slug) > MAX_ID_CHARS):
            self._complain(
                "slug",
                _show(text),
                f"letters or digits, at most {MAX_ID_CHARS} characters",
                "write a short name such as hello-world",
            )
            return "", ""
        former_id = make_former_id(text) if slug else ""
        return slug, former_id if former_id != slug else ""

    def aliases(self) -> tuple[str, ...]:
        """Read the old addresses as paths from the root."""
        paths: dict[str, None] = {}
        for name in ("aliases", "alias"):
            for text in self.names(name, limit=MAX_ALIASES, max_chars=MAX_CHARS):
                path = read_alias(text)
                if path is None:
                    mend = "write its path, without a query"
                    self._complain(name, _show(text), "an address such as /2019/old-name/", mend)
                else:
                    paths[path] = None
        return tuple(paths)

    def series(self) -> str:
        """Read the name of the one series that the post is a part of."""
        names = self.names("series", limit=MAX_TAGS)
        if len(names) > 1:
            self._complain("series", f"{len(names)} of them", "one", "keep one name")
        return names[0] if names else ""

    def canonical(self) -> str:
        """Read the address where the post was published first."""
        form = "an address such as https://example.org/first-light"
        return self._fitting("canonical", is_web_address, form, "write the whole address")

    def image(self) -> str:
        """Read the address of the post's picture, or its file's name."""
        form = "a file beside the post, a path from / or an https:// address"
        image = self._fitting("image", is_image, form, "write one of these")
        if image and not is_shown_elsewhere(image):
            mend = "choose another: other sites are given a card for it"
            self._hint("image", _show(image), "a picture as PNG, JPEG, WebP or GIF", mend)
        return image

    def lang(self) -> str:
        """Read the language of the post."""
        mend = "write the language's code, or remove it for the site's language"
        return self._fitting(
            "lang",
            lambda text: bool(LANGUAGE_TAG.fullmatch(text)),
            "a tag such as de or pt-BR",
            mend,
        )

    def expires(self, published: datetime | None) -> datetime | None:
        """Read when the post is hidden again, which is after it was `published`."""
        moment = self.date("expires")
        if moment is not None and published is not None and moment <= published:
            found = _show(self.front.values[self._names["expires"]])
            mend = "correct one of the two, or write draft: true to hide it"
            self._complain("expires", found, "a moment after its date", mend)
        return moment

    def is_draft(self) -> bool:
        """Read `draft: true`, or Jekyll's `published: false`."""
        draft, published = self.switch("draft"), self.switch("published")
        return bool(draft) or published is False

    def _fitting(self, name: str, fits: Callable[[str], bool], form: str, mend: str) -> str:
        """Read a text that must fit; empty where it is missing or does not."""
        text = self.text(name)
        if text and not fits(text):
            self._complain(name, _show(text), form, mend)
            return ""
        return text

    def _take(self, name: str) -> Any:
        key = self._names.get(name)
        if key is None:
            return None
        self._used.add(name)
        return self.front.values[key]

    def _cut(self, name: str, text: str, max_chars: int) -> str:
        """Return a text that is not too long; give a hint where it was."""
        if len(text) <= max_chars:
            return text
        shown = f"{_show(text)} of {len(text)} characters"
        self._hint(name, shown, f"at most {max_chars}", "shorten it: it was cut")
        return shorten(text, max_chars)

    def _hint(self, name: str, found: str, expected: str, mend: str) -> None:
        line = self.line(name)
        self.hints.append(Complaint(line, f"{name}: found {found}", expected, mend))

    def _complain(self, name: str, found: str, expected: str, mend: str) -> None:
        line = self.line(name)
        self.complaints.append(Complaint(line, f"{name}: found {found}", expected, mend))


def drop_links(text: str) -> str:
    """Return a text with the words of its Markdown links in their place, without the addresses."""
    return " ".join(_LINK.sub(r"\1", text).split())


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
