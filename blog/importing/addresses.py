"""The address that a post had at its old publisher, by the pattern of the site."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from urllib.parse import quote

from blog.importing.site import Site, join_address
from blog.importing.source import Source, read_words
from blog.posts.names import slugify

_MONTHS = "January February March April May June July August September October November December"
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
# `:year` as Jekyll and Hugo have it, `{slug}` as Pelican does; a longer name before its beginning.
_TOKEN = re.compile(
    r"[:{](slugified_categories|slugorcontentbasename|slugorfilename|contentbasename|short_month"
    r"|weekdayname|long_month|output_ext|short_year|post_title|categories|collection|monthname"
    r"|short_day|long_day|filename|category|sections|yearday|weekday|i_month|section|w_year|minute"
    r"|second|author|i_day|month|title|y_day|w_day|hour|lang|name|path|slug|year|week|day)\}?"
)
_ANY_TOKEN = re.compile(r"(?<![\w:]):[a-z_]+|\{[^}]*\}")
# Hugo's `:sections[1:]`, and Go's form of a date, `:2006`.
_SLICE = re.compile(r":sections\[(\d+|last)?(:)?(\d+|last)?\]")
_GO_DATES = {":2006": ":year", ":01": ":month", ":02": ":day", ":1": ":i_month", ":2": ":i_day"}
_GO_DATE = re.compile(r":(?:2006|01|02|1|2)(?!\w)")
# Python's `{date:%Y}` in Pelican's patterns.
_DATE_FORMAT = re.compile(r"\{date:([^}]*)\}")
_DATE_CODES = {
    "%Y": ":year",
    "%m": ":month",
    "%-m": ":i_month",
    "%d": ":day",
    "%-d": ":i_day",
    "%b": ":short_month",
    "%B": ":long_month",
    "%y": ":short_year",
    "%H": ":hour",
    "%M": ":minute",
    "%S": ":second",
    "%j": ":y_day",
}
# What Jekyll's and Hugo's addresses have beside letters, marks and digits.
_PRETTY = frozenset("._~!$&'()+,;=@")
_OF_HUGO = frozenset("._/\\#+~-@")
_DATED = re.compile(r"\d{2,4}-\d{1,2}-\d{1,2}-(.+)")


def write_address(site: Site, source: Source, pattern: str = "") -> str | None:
    """Return the address that the post had: "" where it is unknown, None if a part of it cannot be
    derived.

    `pattern` is the post's own, if it has one.
    """
    lang = str(source.fields.get("lang") or "").lower()
    if site.translated and lang not in ("", site.language):
        pattern = pattern or site.translated
    pattern = pattern or site.pattern(source.folders[0] if source.folders else "")
    if not pattern:
        return ""

    def write_date(found: re.Match[str]) -> str:
        return re.sub(r"%-?[A-Za-z]", lambda code: _DATE_CODES.get(code[0], "{?}"), found[1])

    pattern = _DATE_FORMAT.sub(write_date, pattern)
    if site.kind == "hugo":
        pattern = _SLICE.sub(lambda found: _cut_sections(source.folders, found), pattern)
        pattern = _GO_DATE.sub(lambda found: _GO_DATES[found[0]], pattern)
    words = _list_words(site, source)
    used = set(_TOKEN.findall(pattern))
    if used - words.keys() or _ANY_TOKEN.search(_TOKEN.sub("", pattern)):
        return None
    path = _TOKEN.sub(lambda found: words[found[1]], pattern)
    return join_address(site.prefix, find_language_folder(site, source), path)


def find_language_folder(site: Site, source: Source) -> str:
    """Return the folder of a post's language at Hugo and Zola; nothing for that of the site."""
    is_apart = source.lang and (source.lang != site.language or site.in_subdir)
    return source.lang if site.kind in ("hugo", "zola") and is_apart else ""


def _cut_sections(folders: tuple[str, ...], found: re.Match[str]) -> str:
    first, colon, last = found.groups()
    numbers = [len(folders) - 1 if part == "last" else int(part or 0) for part in (first, last)]
    chosen = (
        folders[numbers[0] : numbers[1] if last else None] if colon else folders[numbers[0] :][:1]
    )
    return "/".join(chosen)


def _list_words(site: Site, source: Source) -> dict[str, str]:
    is_jekyll = site.kind == "jekyll"
    said = _list_jekyll_words(source) if is_jekyll else _list_other_words(site, source)
    words = {token: word for token, word in said.items() if word is not None}
    if site.kind == "hugo":
        words = {token: _write_hugo_path(word, site) for token, word in words.items()}
    if source.date is not None:
        words |= _list_date_words(source.date.astimezone(site.zone or source.date.tzinfo or UTC))
    return {token: quote(word, safe="/~.-_!$'()+,;=@") for token, word in words.items()}


def _list_jekyll_words(source: Source) -> dict[str, str | None]:
    slug = str(source.fields.get("slug") or "")
    dated = _DATED.fullmatch(source.stem)
    name = slug or (dated[1] if dated else source.stem)
    group = source.fields.get("category")
    groups = [*source.folders, *read_words(source.fields.get("categories"))]
    groups += [group] if isinstance(group, str) else read_words(group)
    groups = list(dict.fromkeys(str(group).strip().lower() for group in groups))
    return {
        "title": _write_jekyll_slug(name, _PRETTY),
        "slug": _write_jekyll_slug(name).lower(),
        "name": _write_jekyll_slug(source.stem).lower(),
        "path": "/".join((*source.folders, source.stem)),
        "filename": source.stem,
        "categories": "/".join(groups),
        "slugified_categories": "/".join(map(_write_jekyll_slug, groups)),
        "category": groups[0] if groups else "",
        "collection": "posts",
        "output_ext": ".html",
        "lang": str(source.fields.get("lang") or ""),
        "post_title": str(source.fields.get("title") or ""),
    }


def _list_other_words(site: Site, source: Source) -> dict[str, str | None]:
    slug = str(source.fields.get("slug") or "")
    title = str(source.fields.get("title") or "")
    groups = read_words(source.fields.get("categories") or source.fields.get("category"))
    author = read_words(source.fields.get("authors") or source.fields.get("author"), spaced=True)
    chosen: str | None = slug or source.stem
    if site.kind == "pelican":
        chosen = slug or _write_pelican_slug(title or source.stem, site)
        groups = groups or [*source.folders[-1:], "misc"][:1]
    if site.kind == "zola":
        dated = _DATED.fullmatch(source.stem)
        chosen = slug or slugify(dated[1] if dated else source.stem).lower()
    return {
        "title": title if site.kind == "hugo" else slug or slugify(title).lower(),
        "slug": slug or (title or source.stem) if site.kind == "hugo" else chosen,
        "slugorfilename": chosen,
        "slugorcontentbasename": chosen,
        "contentbasename": source.stem,
        "filename": source.stem,
        "name": source.stem,
        "path": "/".join((*source.folders, source.stem)),
        "section": source.folders[0] if source.folders else "",
        "sections": "/".join(source.folders),
        "categories": "/".join(map(_write_segment, groups)),
        "category": _write_segment(groups[0]) if groups else "",
        "author": _write_pelican_slug(author[0], site) if author else None,
        "output_ext": ".html",
        "lang": str(source.fields.get("lang") or source.lang),
    }


def _write_hugo_path(text: str, site: Site) -> str:
    """Write a path as Hugo does: spaces become `-`, and most other signs go."""
    kept = "".join(c for c in text if c.isspace() or _is_kept(c, _OF_HUGO))
    path = re.sub(r"-?\s+-?", "-", kept.strip())
    return path if site.keeps_case else path.lower()


def _write_jekyll_slug(text: str, others: frozenset[str] = frozenset()) -> str:
    """Write a name as Jekyll does (`Utils.slugify`, with others in its mode "pretty")."""
    kept = "".join(c if _is_kept(c, others) else "-" for c in text)
    return re.sub("-+", "-", kept).strip("-")


def _is_kept(character: str, others: frozenset[str]) -> bool:
    return character in others or unicodedata.category(character)[0] in "LMN"


def _write_pelican_slug(text: str, site: Site) -> str | None:
    """Write a slug as Pelican does; None where it would write other letters than we know."""
    if not site.is_unicode:
        text = unicodedata.normalize("NFKD", text.translate(_LATIN))
        text = "".join(c for c in text if not unicodedata.combining(c))
        if not re.sub(r"[^\w\s]", "", text).isascii():
            return None
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower())


# Letters of Latin scripts that are no letter with a mark.
_LATIN = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "œ": "oe", "đ": "d"}
)


def _list_date_words(date: datetime) -> dict[str, str]:
    month, day = _MONTHS.split()[date.month - 1], _DAYS.split()[date.weekday()]
    numbers = {
        "short_year": "%y",
        "month": "%m",
        "day": "%d",
        "hour": "%H",
        "minute": "%M",
        "second": "%S",
        "y_day": "%j",
        "yearday": "%j",
        "week": "%V",
        "w_year": "%G",
        "w_day": "%u",
        "weekday": "%w",
    }
    return {
        **{token: date.strftime(form) for token, form in numbers.items()},
        "year": f"{date.year:04}",
        "i_month": str(date.month),
        "i_day": str(date.day),
        "long_month": month,
        "monthname": month.lower(),
        "short_month": month[:3],
        "weekdayname": day.lower(),
        "short_day": day[:3],
        "long_day": day,
    }


def _write_segment(word: str) -> str:
    return re.sub(r"\s+", "-", word.strip().lower())
