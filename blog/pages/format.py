"""How the pages write dates and times in words."""

from __future__ import annotations

from datetime import datetime

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def write_day(date: datetime) -> str:
    """Write a date as "24 November 2026", in whatever locale the process runs."""
    return f"{date.day} {MONTHS[date.month - 1]} {date.year}"


def write_day_of_year(date: datetime) -> str:
    """Write a date as "24 November", where its year is said already."""
    return f"{date.day} {MONTHS[date.month - 1]}"


def count_posts(count: int) -> str:
    """Write a number of posts: "1 post", "12 posts"."""
    return "1 post" if count == 1 else f"{count} posts"


def write_reading_time(minutes: int) -> str:
    """Write a reading time as "4 min read"."""
    return f"{minutes} min read"
