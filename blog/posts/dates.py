"""Dates as authors write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from typing import Any

_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:(?:[Tt]|,?\s+)(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?(?:\s*([AaPp])[Mm])?)?"
    r"\s*(Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
)
# With dots, a date that does not begin with the year begins with the day; with slashes nobody
# knows.
_YEAR_FIRST = re.compile(r"(\d{4})([/.])(\d{1,2})\2(\d{1,2})(?!\d)")
_DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)")
_MAX_CHARS = 100
# Python's own patterns, for the forms that people write out.
_WRITTEN = (
    "%d %B %Y",
    "%d %b %Y",
    "%B %d, %Y",
    "%b %d, %Y",
    "%B %d %Y",
    "%b %d %Y",
    "%Y%m%d",
)


def read_date(value: Any, zone: tzinfo = UTC) -> datetime | None:
    """Return an aware time, in `zone` where none is said; None for what cannot be read.

    A day is its first moment. Takes what YAML, TOML and Elixir made of it already, ISO 8601 with
    its usual liberties, RFC 2822, and days in English words. The offset is in whole minutes: local
    times of the nineteenth century also have seconds in theirs, which no date format can express.
    """
    if isinstance(value, datetime):
        return _in_range(value, zone)
    if isinstance(value, date):
        return _in_range(datetime.combine(value, time()), zone)
    if not isinstance(value, str):
        return None
    if len(value) > _MAX_CHARS:
        return None
    text = " ".join(value.split())
    moment = _read_iso(text) or _read_written(text) or _read_mail(text)
    return moment and _in_range(moment, zone)


def _in_range(moment: datetime, zone: tzinfo) -> datetime | None:
    """Make a time aware; None where UTC has no such time, since pages and feeds show it in UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        moment.astimezone(UTC)
    except OverflowError:
        return None
    offset = moment.utcoffset() or timedelta()
    if offset % timedelta(minutes=1):
        minutes = round(offset / timedelta(minutes=1))
        moment = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    return moment


def _read_iso(text: str) -> datetime | None:
    text = _DAY_FIRST.sub(r"\3-\2-\1", _YEAR_FIRST.sub(r"\1-\3-\4", text, count=1), count=1)
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, half, zone = found.groups()
    if half:
        if not 1 <= int(hour) <= 12:
            return None
        hour = str(int(hour) % 12 + (12 if half in "Pp" else 0))
    clock = f"{int(hour or 0):02}:{minute or '00'}:{second or '00'}.{(fraction or '0')[:6]:0<6}"
    if zone is None:
        offset = ""
    elif zone.upper() in ("Z", "UTC", "GMT"):
        offset = "+00:00"
    else:
        offset = f"{zone[:3]}:{zone[3:].lstrip(':') or '00'}"
    try:
        return datetime.fromisoformat(f"{year}-{int(month):02}-{int(day):02}T{clock}{offset}")
    except ValueError:
        return None


def _read_written(text: str) -> datetime | None:
    plain = re.sub(r"(?<=\d)(st|nd|rd|th)\b", "", text)
    for pattern in _WRITTEN:
        try:
            return datetime.strptime(plain, pattern)  # noqa: DTZ007 - the caller gives the zone
        except ValueError:
            continue
    return None


def _read_mail(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter for a day or year of twenty digits
        return None
