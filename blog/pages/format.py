"""How the pages write dates, times, directions and tags: the templates' filters.

A slug is any tag as one path segment, and can be read back. A letter or digit of any script, `-`,
`+` and an inner `.` stay as they are, a space becomes `_`, and everything else is written `~` and
two hex digits for each UTF-8 byte. Percent-encoding alone would not do: servers decode `%2F` before
routing, and browsers resolve `.` and `..` even encoded.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from gettext import GNUTranslations

from flask import Flask
from markupsafe import Markup

from blog.posts.direction import is_right_to_left, needs_direction
from blog.words import N_

RIGHT_TO_LEFT, LEFT_TO_RIGHT = Markup(' dir="rtl"'), Markup(' dir="ltr"')
AUTO_DIRECTION, NO_DIRECTION = Markup(' dir="auto"'), Markup("")
# As they stand in a date: Russian has another form for a month alone.
MONTHS = (
    *(N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June")),
    *(N_("July"), N_("August"), N_("September"), N_("October"), N_("November"), N_("December")),
)

_ESCAPE = re.compile(r"(?:~[0-9a-f]{2})+")


def install_filters(app: Flask, site_language: str, words: GNUTranslations) -> None:
    """Give the templates their filters, in these words."""

    def write_direction(language: str) -> Markup:
        """Return the attribute of an element in a language; none where nothing runs leftwards."""
        if not language or not needs_direction("", language, site_language):
            return NO_DIRECTION
        return RIGHT_TO_LEFT if is_right_to_left(language) else LEFT_TO_RIGHT

    def write_auto_direction(text: str, language: str = "") -> Markup:
        """Return the attribute of an element that has a text, amid others in a language."""
        needs = needs_direction(text, language, site_language)
        return AUTO_DIRECTION if needs else NO_DIRECTION

    def write_site_language(language: str) -> Markup:
        """Return the attributes of the pages' own words amid a text in a language."""
        if not language or language == site_language:
            return NO_DIRECTION
        direction = RIGHT_TO_LEFT if is_right_to_left(site_language) else LEFT_TO_RIGHT
        needs = needs_direction("", language, site_language)
        shown = direction if needs else NO_DIRECTION
        return Markup(' lang="{}"{}').format(site_language, shown)

    app.jinja_env.filters |= {
        "auto": write_auto_direction,
        "count_posts": partial(count_posts, words),
        "day": partial(write_day, words),
        "day_of_year": partial(write_day_of_year, words),
        "direction": write_direction,
        "reading_time": partial(write_reading_time, words),
        "site_language": write_site_language,
        "slug": write_slug,
    }


def write_day(words: GNUTranslations, date: datetime) -> str:
    """Write a date as "24 November 2026", in whatever locale the process runs."""
    parts = {"day": date.day, "month": words.gettext(MONTHS[date.month - 1]), "year": date.year}
    return words.gettext("%(day)s %(month)s %(year)s") % parts


def write_day_of_year(words: GNUTranslations, date: datetime) -> str:
    """Write a date as "24 November", where its year is said already."""
    parts = {"day": date.day, "month": words.gettext(MONTHS[date.month - 1])}
    return words.gettext("%(day)s %(month)s") % parts


def count_posts(words: GNUTranslations, count: int) -> str:
    """Write a number of posts: "1 post", "12 posts"."""
    return words.ngettext("%(num)s post", "%(num)s posts", count) % {"num": count}


def write_reading_time(words: GNUTranslations, minutes: int) -> str:
    """Write a reading time as "4 min read"."""
    return words.ngettext("%(num)s min read", "%(num)s min read", minutes) % {"num": minutes}


def write_slug(tag: str) -> str:
    """Return the path segment for `tag`; two different tags never share one."""
    return "".join(_write(character, first=at == 0) for at, character in enumerate(tag))


def _write(character: str, *, first: bool) -> str:
    if character == " ":
        return "_"
    if character == ".":
        return "~2e" if first else "."
    plain = character in "-+" or character.isalnum()
    if plain or (not character.isascii() and character.isprintable()):
        return character
    return "".join(f"~{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))


def read_slug(slug: str) -> str:
    """Return the tag of a path segment; text that `write_slug` never wrote gives some other tag."""
    return _ESCAPE.sub(_read, slug.replace("_", " "))


def _read(match: re.Match[str]) -> str:
    return bytes.fromhex(match[0].replace("~", "")).decode("utf-8", "replace")
