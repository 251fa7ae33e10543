"""The address that a post had at its old publisher, by the pattern of the site."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import quote

from blog.posts.importing.site import Site
from blog.posts.importing.source import Source, read_words
from blog.posts.names import read_place, slugify

_MONTHS = "January February March April May June July August September October November December"
# `:year` as Jekyll and Hugo have it, `{slug}` as Pelican does; a longer name before its beginning.
_TOKEN = re.compile(
    r"[:{](slugorcontentbasename|slugorfilename|contentbasename|short_month|long_month|output_ext"
    r"|short_year|categories|monthname|filename|category|sections|yearday|i_month|section|minute"
    r"|second|i_day|month|title|y_day|hour|lang|name|path|slug|year|day)\}?"
)
_ANY_TOKEN = re.compile(r"(?<![\w:]):[a-z_]+|\{[^}]*\}")
# Python's `{date:%Y}` in Pelican's patterns.
_DATE_FORMAT = re.compile(r"\{date:([^}]*)\}")
_DATE_CODES = {
    "%Y": ":year",
    "%m": ":month",
    "%d": ":day",
    "%b": ":short_month",
    "%B": ":long_month",
    "%y": ":short_year",
    "%H": ":hour",
    "%M": ":minute",
    "%S": ":second",
    "%j": ":y_day",
}


def write_address(site: Site, source: Source) -> str | None:
    """Return the address the post had: "" where nobody knows, None if a part cannot be told."""
    pattern = site.pattern(source.folders[0] if source.folders else "")
    if not pattern:
        return ""

    def write_date(found: re.Match[str]) -> str:
        return re.sub(r"%-?[A-Za-z]", lambda code: _DATE_CODES.get(code[0], "{?}"), found[1])

    pattern = _DATE_FORMAT.sub(write_date, pattern)
    words = _list_words(site, source)
    used = set(_TOKEN.findall(pattern))
    if used - words.keys() or _ANY_TOKEN.search(_TOKEN.sub("", pattern)):
        return None
    path = _TOKEN.sub(lambda found: words[found[1]], pattern)
    return re.sub(r"/{2,}", "/", f"/{site.prefix}/{path}")


def _list_words(site: Site, source: Source) -> dict[str, str]:
    slug = str(source.fields.get("slug") or "")
    name = read_place(source.place.with_suffix(".md")).id
    if site.kind != "jekyll" and not source.is_bundle:
        name = source.stem
    chosen = slug or (source.id if site.kind == "pelican" else name)
    title = str(source.fields.get("title") or "")
    folders = [part for part in source.folders if part not in ("_posts", "_drafts")]
    groups = read_words(source.fields.get("categories") or source.fields.get("category"))
    if site.kind == "jekyll":
        groups = [*folders, *groups]
    words = {
        "title": slug or (name if site.kind == "jekyll" else slugify(title).lower()),
        "slug": slug or (slugify(title).lower() if site.kind == "hugo" else chosen),
        "slugorfilename": chosen,
        "slugorcontentbasename": chosen,
        "contentbasename": source.stem,
        "filename": source.stem,
        "name": source.stem,
        "path": "/".join((*folders, source.stem)),
        "section": folders[0] if folders else "",
        "sections": "/".join(folders),
        "categories": "/".join(map(_write_segment, groups)),
        "category": _write_segment(groups[0]) if groups else "",
        "output_ext": ".html",
        "lang": str(source.fields.get("lang") or ""),
    }
    if site.kind == "hugo":
        words = {token: word.lower().replace(" ", "-") for token, word in words.items()}
    if source.date is not None:
        words |= _list_date_words(source.date.astimezone(site.zone or source.date.tzinfo or UTC))
    return {token: quote(word, safe="/~.-_") for token, word in words.items()}


def _list_date_words(date: datetime) -> dict[str, str]:
    month = _MONTHS.split()[date.month - 1]
    numbers = {
        "year": "%Y",
        "short_year": "%y",
        "month": "%m",
        "day": "%d",
        "hour": "%H",
        "minute": "%M",
        "second": "%S",
        "y_day": "%j",
        "yearday": "%j",
    }
    return {
        **{token: date.strftime(form) for token, form in numbers.items()},
        "year": f"{date.year:04}",
        "i_month": str(date.month),
        "i_day": str(date.day),
        "long_month": month,
        "monthname": month.lower(),
        "short_month": month[:3],
    }


def _write_segment(word: str) -> str:
    return re.sub(r"\s+", "-", word.strip().lower())
