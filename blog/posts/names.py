"""What a post's file name and folder say: its id, and perhaps its date."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from pathlib import PurePosixPath

from blog.posts.dates import read_date

MAX_ID_CHARS = 200

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9._~]+")
_WHOLE_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[-_. ]+(.+))?")
_DAY_DATE = re.compile(r"(\d{1,2})-(\d{1,2})(?:[-_. ]+(.+))")
_YEAR = re.compile(r"\d{4}")


@dataclass(frozen=True, slots=True)
class Named:
    """A post's id and date by its name; `wrong_date` is a date that no calendar has."""

    id: str
    date: datetime | None = None
    wrong_date: str = ""


def slugify(text: str) -> str:
    """Return a text as part of an address; what is one already stays as it is.

    Letters with marks lose them (NFKD); everything else that an address cannot hold becomes `-`.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    kept = _NOT_IN_AN_ID.sub("-", plain)
    return kept.strip("-").lstrip("._~")


def read_place(place: PurePosixPath, zone: tzinfo = UTC) -> Named:
    """Read `2026-11-24-hello.md`, `2026/11-24-hello.md`, `hello.md` and `hello/index.md`.

    Of an `index.md` the folder is the name (Hugo's and Gatsby's bundles of a post and its images).
    `place` is the path below the posts folder. A name of which nothing is left for an address gets
    an id of its characters' numbers, so that the post still has one.
    """
    if place.name == "index.md" and place.parent.name:
        place = place.parent
    stem = place.name.removesuffix(".md")
    year = place.parent.name
    if found := _WHOLE_DATE.fullmatch(stem):
        numbers, rest = found.groups()[:3], found[4] or stem
    elif _YEAR.fullmatch(year) and (found := _DAY_DATE.fullmatch(stem)):
        numbers, rest = (year, found[1], found[2]), found[3]
    else:
        return Named(_make_id(stem))
    try:
        year_number, month, day = (int(number) for number in numbers)
        moment = read_date(date(year_number, month, day), zone)
    except ValueError:
        moment = None
    if moment is None:
        return Named(_make_id(rest), wrong_date="-".join(numbers))
    return Named(_make_id(rest), moment)


def _make_id(text: str) -> str:
    slug = slugify(text)[:MAX_ID_CHARS]
    return slug or "-".join(f"{ord(character):x}" for character in text[:20]) or "post"
