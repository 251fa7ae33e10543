"""Spans of time that are counted in, and how long each kind is kept. Pure.

A time is a minute since the epoch or a day, an ordinal of `datetime.date`, in the site's zone.
"""

from __future__ import annotations

from datetime import date, datetime, time
from enum import IntEnum
from zoneinfo import ZoneInfo


class Grain(IntEnum):
    """How long a span is. What is counted in a minute is counted in all four at once."""

    MINUTE = 0  # named by its minute
    QUARTER_HOUR = 1  # by its first minute: every zone's midnight is at the start of one
    DAY = 2  # by its ordinal
    MONTH = 3  # by its number since the year 0


EPOCH_DAY = date(1970, 1, 1).toordinal()
# Two days, one of which may have 25 hours, and the minutes that came late.
MINUTES_KEPT = 50 * 60
QUARTER_HOURS_KEPT_DAYS = 90
# Paths, sources and refusals by day; by month as long as all else.
NAMES_KEPT_DAYS = 90
# Months of the calendar, this one among them.
MONTHS_KEPT = 25


def day_of(minute: int, zone: ZoneInfo) -> int:
    """Return the day that a minute is in."""
    return datetime.fromtimestamp(minute * 60, zone).toordinal()


def month_of(day: int) -> int:
    """Return the month that a day is in."""
    found = date.fromordinal(day)
    return found.year * 12 + found.month - 1


def first_day(month: int) -> int:
    """Return the first day of a month."""
    return date(month // 12, month % 12 + 1, 1).toordinal()


def start_of_day(day: int, zone: ZoneInfo) -> datetime:
    """Return midnight, or the first moment of a day that has none."""
    return datetime.combine(date.fromordinal(day), time(), zone)


def first_minute(day: int, zone: ZoneInfo) -> int:
    """Return the first minute of a day."""
    return int(start_of_day(day, zone).timestamp()) // 60


def spans_of(minute: int, zone: ZoneInfo) -> list[tuple[Grain, int]]:
    """Return every span that a minute is in."""
    day = day_of(minute, zone)
    return [
        (Grain.MINUTE, minute),
        (Grain.QUARTER_HOUR, minute - minute % 15),
        (Grain.DAY, day),
        (Grain.MONTH, month_of(day)),
    ]


def oldest_kept(now: float, zone: ZoneInfo) -> dict[Grain, int]:
    """Return the oldest span of each kind that is kept."""
    minute = int(now // 60)
    today = day_of(minute, zone)
    month = month_of(today) - MONTHS_KEPT + 1
    return {
        Grain.MINUTE: minute - MINUTES_KEPT,
        Grain.QUARTER_HOUR: first_minute(today - QUARTER_HOURS_KEPT_DAYS, zone),
        Grain.DAY: first_day(month),
        Grain.MONTH: month,
    }
