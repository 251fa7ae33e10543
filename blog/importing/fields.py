"""Fields of other publishers to fields of ours, and what is left out."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from typing import Any

from blog.importing.addresses import find_language_folder, write_address
from blog.importing.names import divide_names
from blog.importing.site import JEKYLL_STYLES, Site, join_address
from blog.importing.source import Source, read_words
from blog.posts.addresses import post_path, read_alias, write_alias_key
from blog.posts.dates import read_date
from blog.posts.fields import drop_links
from blog.posts.markup.outline import find_heading
from blog.setting_kinds import LANGUAGE_TAG

# Our field, and the names that others have for it: the first with a value is taken.
TEXTS = {
    "title": ("title",),
    "description": ("description", "summary", "excerpt", "subtitle"),
    "series": ("series",),
    "canonical": ("canonical", "canonical_url", "canonicalurl"),
    "image": ("image", "cover", "featured_image", "thumbnail", "images", "cover_image", "header"),
    "lang": ("lang", "language", "locale"),
}
DATES = {
    "updated": ("updated", "lastmod", "last_modified_at", "modified"),
    "expires": ("expires", "expirydate", "expiry_date", "unpublishdate"),
}
# Fields that give a post's address, where it does not follow the site's pattern.
OWN_ADDRESS = ("permalink", "url", "save_as")
OLD_ADDRESSES = ("aliases", "alias", "redirect_from")
# Where pages are, unless they say otherwise.
PAGE_PATTERNS = {"jekyll": "/:path.html", "pelican": "/pages/:slug.html"}
# In a mapping (`cover: {image: x.png}`), what holds the address.
_INNER = ("image", "src", "path", "url", "teaser", "feature", "relative", "name", "title")
_DATE = re.compile(r"\d{2,4}-\d{1,2}-\d{1,2}[-_ ]+(?=.)")
# `https://a.example//b`, as WordPress at times writes.
_MANY_SLASHES = re.compile(r"(?<!:)/{2,}")
_USED = {"date", "publishdate", "published_at", "pubdate", "slug", "draft", "published", "status"}


@dataclass(frozen=True, slots=True)
class Converted:
    """Our fields in their order, and a line for each thing that was changed or lost."""

    fields: dict[str, Any]
    notes: tuple[str, ...]


def convert_fields(site: Site, source: Source, zone: tzinfo) -> Converted:
    """Convert the fields of a post; times without a zone are the old site's, ours else."""
    reader = _Reader(site, source, zone)
    fields = {
        "title": reader.title(),
        "description": reader.text("description"),
        "date": reader.published(),
        **{name: reader.moment(name) for name in DATES},
        "draft": reader.is_draft(),
        "authors": reader.authors(),
        "tags": reader.tags(),
        "series": reader.text("series"),
        "aliases": reader.aliases(),
        "canonical": reader.text("canonical"),
        "image": reader.text("image"),
        "lang": reader.language(),
        "menu": reader.menu(),
        "presence": False if reader.take("presence") is False else None,
    }
    rest = sorted((source.own_fields or set(source.fields)) - reader.used - _USED)
    said = [name for name in rest if source.fields[name] not in (None, "", [], {})]
    if said:
        reader.notes.append(f"left out: {', '.join(said)}")
    kept = {name: value for name, value in fields.items() if value not in (None, "", [], False)}
    if fields["presence"] is False:
        kept["presence"] = False
    return Converted(kept, tuple(reader.notes))


class _Reader:
    def __init__(self, site: Site, source: Source, zone: tzinfo) -> None:
        self.site = site
        self.source = source
        self.zone = zone
        self.used: set[str] = set()
        self.notes: list[str] = []

    def take(self, name: str) -> Any:
        self.used.add(name)
        return self.source.fields.get(name)

    def text(self, name: str) -> str:
        for other in TEXTS[name]:
            text = _read_text(self.source.fields.get(other))
            if text:
                self.used.add(other)
                return text
        return ""

    def title(self) -> str:
        """Read the title; of a text that has none, and no heading, it is made of its name."""
        said = self.text("title")
        if said or not self.source.body.strip() or find_heading(self.source.body):
            return said
        name = _DATE.sub("", self.source.stem)
        words = " ".join(re.split(r"[-_\s]+", name.strip("-_ ")))
        self.notes.append(f"title: made of the name of the file, “{words}”")
        return words.title() if self.site.kind == "jekyll" else words[:1].upper() + words[1:]

    def published(self) -> date | None:
        if self.source.date is None and (found := self.source.fields.get("date")):
            self.notes.append(f'left out: date, which is "{found}"')
        said = self.source.fields.get("date") or self.source.fields.get("publishdate")
        return self._simplify(self.source.date, said)

    def moment(self, name: str) -> date | None:
        for other in DATES[name]:
            value = self.take(other)
            moment = read_date(value, self.site.zone or self.zone)
            if moment is not None:
                return self._simplify(moment, value)
            if value:
                self.notes.append(f'left out: {other}, which is "{value}"')
        return None

    def _simplify(self, moment: datetime | None, said: Any) -> date | None:
        """Write a midnight as a day without a time; else keep time and zone."""
        if moment is None:
            return None
        ours = moment.astimezone(self.zone)
        only_day = said is None or not isinstance(said, datetime | str) or len(str(said)) <= 12
        return ours.date() if only_day and ours.time() == time() else moment

    def is_draft(self) -> bool:
        fields = self.source.fields
        status = str(fields.get("status") or "published").lower()
        if status not in ("published", "draft"):
            self.notes.append(f"status: {status} became draft: true")
        draft = str(fields.get("draft")).lower() in ("true", "yes")
        hidden = str(fields.get("published")).lower() in ("false", "no")
        return draft or hidden or self.source.is_draft or status != "published"

    def authors(self) -> list[str]:
        found: dict[str, None] = {}
        for name in ("authors", "author"):
            value = self.take(name)
            if isinstance(value, str) and self.site.kind == "pelican":
                value = value.split(";" if ";" in value else ",")
            elif isinstance(value, str):
                value = divide_names(drop_links(value))
            for item in value if isinstance(value, list | tuple) else [value]:
                if text := drop_links(_read_text(item)):
                    found[text] = None
        return list(found)

    def language(self) -> str:
        """Read the language; one given by file name or folder counts only if it is not the
        site's.
        """
        said = self.source.lang if self.source.lang != self.site.language else ""
        text = self.text("lang").replace("_", "-") or said
        # "Russian" and "chinese" are no codes.
        if LANGUAGE_TAG.fullmatch(text) and len(text.partition("-")[0]) > 3:
            self.notes.append(f'left out: the language, which is "{text}"')
            return ""
        return text

    def tags(self) -> list[str]:
        """Read tags and categories; a text without commas is many words to Jekyll, one to others.

        Hugo's and Jekyll's `category` is a single one.
        """
        found: dict[str, None] = {}
        for name in ("tags", "tag", "categories", "category"):
            value = self.take(name)
            is_many = name in ("tags", "categories") and self.site.kind == "jekyll"
            if isinstance(value, str) and not (is_many or "," in value):
                value = [value]
            found |= dict.fromkeys(word.strip() for word in read_words(value) if word.strip())
        return list(found)

    def menu(self) -> int | None:
        """Read a page's place in Hugo's menu, which has other forms besides."""
        if not self.source.is_page or not self.source.fields.keys() & {"menu", "menus"}:
            return None
        self.used |= {"menu", "menus"}
        weight = str(self.take("weight") or 1)
        return int(weight) if weight.isdecimal() and len(weight) <= 6 else 1

    def aliases(self) -> list[str]:
        own, pattern = "", ""
        for name in (*OWN_ADDRESS, *(["path"] if self.site.kind == "zola" else [])):
            own = own or _read_text(self.take(name))
        if self.site.kind == "jekyll" and own in JEKYLL_STYLES:
            pattern = JEKYLL_STYLES[own]
        elif ":" in own.partition("://")[2 if "://" in own else 0]:
            pattern = own  # of one post, or of many by the site's defaults
        if self.source.is_page and not own:
            pattern = PAGE_PATTERNS.get(self.site.kind, "")
        if own and "://" not in own:  # what a post says is below the site's address
            is_beside = self.site.kind == "hugo" and own[0] != "/"
            lang = find_language_folder(self.site, self.source) if is_beside else ""
            own = join_address(self.site.prefix, lang, own)
        address = own if own and not pattern else write_address(self.site, self.source, pattern)
        if address is None:
            self.notes.append("left out: its old address, which the site's pattern does not tell")
        wanted = [address or ""]
        for name in OLD_ADDRESSES:
            value = self.take(name)
            for text in value if isinstance(value, list | tuple) else [value]:
                path = _read_text(text)
                if path and "://" not in path:
                    # Hugo's stand beside the post; for the others the site is all there is.
                    is_beside = self.site.kind == "hugo" and path[0] != "/"
                    beside = posixpath.dirname((address or "").rstrip("/")) if is_beside else ""
                    path = join_address(beside or self.site.prefix, path)
                wanted.append(path)
        found: dict[str, str] = {}
        for text in filter(None, wanted):
            path = read_alias(_MANY_SLASHES.sub("/", text)) or ""
            if not path:
                self.notes.append(f"left out: the old address {text}")
            else:
                found.setdefault(write_alias_key(path), path)
        found.pop(write_alias_key(post_path(self.source.id, self.source.root)), None)
        return list(found.values())


def _read_text(value: Any) -> str:
    """Read a text, the first text of a list, or the one value of a mapping."""
    if isinstance(value, list | tuple):
        return _read_text(value[0]) if value else ""
    if isinstance(value, Mapping):
        inner = [value[name] for name in _INNER if name in value]
        return _read_text(inner[0]) if inner else ""
    return "" if value is None or isinstance(value, bool) else " ".join(str(value).split())
