"""What a post's file name and folder say: its id, and perhaps its date and language."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from pathlib import PurePosixPath

from blog.posts.dates import read_date
from blog.posts.finding import drop_suffix

MAX_ID_CHARS = 200

# Kinds of characters (Unicode's general categories) that an id has, and that nobody sees in one.
_KEPT = frozenset(["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl", "No"])
_UNSEEN = frozenset(["Cf", "Me"])
_GLYPH_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# C, C++ and C# need three addresses.
_PLUS_PLUS = re.compile(r"(?<=[^\W_])\+\+")
_SHARP = re.compile(r"(?<!\w)([A-Za-z])#(?!\w)")
_WHOLE_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[-_. ]+(.+))?")
_DAY_DATE = re.compile(r"(\d{1,2})-(\d{1,2})(?:[-_. ]+(.+))")
_YEAR = re.compile(r"\d{4}")
# A language of two letters: `index.old.md` and `index.bak.md` are no translations.
_BUNDLE = re.compile(r"index(?:\.([A-Za-z]{2}(?:[-_][A-Za-z0-9]{2,8})*))?")
_NOT_IN_A_FORMER_ID = re.compile(r"[^A-Za-z0-9._~]+")


@dataclass(frozen=True, slots=True)
class Named:
    """A post's id and date by its name; `wrong_date` is a date that no calendar has.

    `lang` is the language of a bundle's translation, `former_id` what the id was before ids could
    have letters of every script; both are empty for most.
    """

    id: str
    date: datetime | None = None
    wrong_date: str = ""
    lang: str = ""
    former_id: str = ""


def is_bundle(name: str) -> bool:
    """Tell by a text's file name whether its folder is all its own: `hello/index.md`."""
    return _BUNDLE.fullmatch(drop_suffix(name)) is not None


def slugify(text: str) -> str:
    """Return a text as part of an address; one that fits already is returned unchanged.

    Letters and digits of every script stay, in the composed form of Unicode (NFC), and so do `.`,
    `_` and `~`. Everything else becomes `-`.
    """
    text = _SHARP.sub(r"\1 sharp", _PLUS_PLUS.sub(" plus plus ", text))
    kept = "".join(map(_keep, _GLYPH_SELECTORS.sub("", text)))
    # At the end, since an invisible character may have kept a letter and its mark apart.
    return unicodedata.normalize("NFC", re.sub("-+", "-", kept).strip("-").lstrip("._~"))


def _keep(character: str) -> str:
    kind = unicodedata.category(character)
    if kind in _KEPT or character in "._~":
        return character
    return "" if kind in _UNSEEN else "-"


def read_place(place: PurePosixPath, zone: tzinfo = UTC) -> Named:
    """Read `2026-11-24-hello.md`, `2026/11-24-hello.md`, `hello.md` and `hello/index.md`.

    An `index.md` is named by its folder (Hugo's and Gatsby's bundles of a post and its images); so
    is `hello/index.fr.md`, which is `hello.fr`, in French. `place` is the path below the posts
    folder. A name without a character that fits an address gets an id of its characters' numbers.
    """
    stem, lang = drop_suffix(place.name), ""
    former = stem
    if place.parent.name and (bundle := _BUNDLE.fullmatch(stem)):
        place = place.parent
        stem = drop_suffix(place.name)
        lang = (bundle[1] or "").replace("_", "-")
        former = former if lang else stem
    year = place.parent.name
    if found := _WHOLE_DATE.fullmatch(stem):
        numbers, rest = found.groups()[:3], found[4] or stem
    elif _YEAR.fullmatch(year) and (found := _DAY_DATE.fullmatch(stem)):
        numbers, rest = (year, found[1], found[2]), found[3]
    else:
        numbers, rest = (), stem
    post_id = make_id(f"{rest}.{lang}" if lang else rest)
    former_id = make_former_id(former if lang else rest)
    named = Named(post_id, lang=lang, former_id=former_id if former_id != post_id else "")
    if not numbers:
        return named
    try:
        year_number, month, day = (int(number) for number in numbers)
        moment = read_date(date(year_number, month, day), zone)
    except ValueError:
        moment = None
    wrong_date = "" if moment else "-".join(numbers)
    return replace(named, date=moment, wrong_date=wrong_date)


def make_id(text: str) -> str:
    """Make an id of any text."""
    return slugify(text)[:MAX_ID_CHARS] or _write_numbers(text)


def make_former_id(text: str) -> str:
    """Return the id that was made of a text while ids had letters of ASCII only."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    slug = _NOT_IN_A_FORMER_ID.sub("-", plain).strip("-").lstrip("._~")
    return slug[:MAX_ID_CHARS] or _write_numbers(text)


def _write_numbers(text: str) -> str:
    return "-".join(f"{ord(character):x}" for character in text[:20]) or "post"
