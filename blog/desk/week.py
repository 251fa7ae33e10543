"""The last seven whole days as a text for a mail: what was read, and how it was the week before."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from flask import Flask

from blog.desk.shown import NamePage
from blog.history.counts import Counts
from blog.history.report import Report

DAYS = 7
MOST_PAGES = 10
COLUMNS = 72


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days, each with what was counted, and the pages by how often they were opened."""

    days: tuple[tuple[datetime, Counts], ...]
    total: Counts
    before: Counts
    pages: tuple[tuple[str, int], ...]  # titles

    @property
    def most_opens(self) -> int:
        """Of one day."""
        return max(counts.opens for _, counts in self.days)


def sum_up(month: Report, name: NamePage) -> Week:
    """Return the seven days before today, of the report of thirty days by the day."""
    zone, today = month.start.tzinfo, month.end.date()
    counted = {point.at.date(): point.counts for point in month.points}
    last, before = (_list_days(today, weeks) for weeks in (0, 1))
    # A line has the opens of each day, today's last.
    opens = ((sum(row.line[-DAYS - 1 : -1]), row.page) for row in month.pages)
    most = sorted((-times, page) for times, page in opens if times)[:MOST_PAGES]
    return Week(
        tuple((datetime.combine(day, time(), zone), counted.get(day, Counts())) for day in last),
        _add(counted, last),
        _add(counted, before),
        tuple((name(page).title, -times) for times, page in most),
    )


def write_week(app: Flask, week: Week) -> str:
    """Return the text, in the blog's language, in lines of 72 columns at most."""
    template = app.jinja_env.get_template("desk/week.txt")
    # Escaped, as all words of templates are; a mail of plain text has nothing of that.
    text = template.render(week=week, fit=fit, pad=pad, settings=app.extensions["viblog"].settings)
    lines = html.unescape(text).strip().split("\n")
    return "\n".join(part for line in lines for part in wrap(line.rstrip())) + "\n"


def _list_days(today: date, weeks: int) -> list[date]:
    return [today - timedelta(days=at + DAYS * weeks) for at in range(DAYS, 0, -1)]


def _add(counted: Mapping[date, Counts], days: list[date]) -> Counts:
    total = Counts()
    for day in days:
        total.add(counted.get(day, Counts()))
    return total


def measure(text: str) -> int:
    """Return how many columns a text takes: characters of East Asia take two, marks none."""
    return sum(
        0 if unicodedata.combining(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF")
        for sign in text
    )


def fit(text: str, columns: int) -> str:
    """Return a text on one line, cut where it takes more columns."""
    text = " ".join(str(text).split())
    if measure(text) <= columns:
        return text
    while measure(text) > columns - 1:
        text = text[:-1]
    return f"{text}…"


def pad(text: str, columns: int) -> str:
    """Return a text with spaces after it, so that it takes so many columns."""
    text = fit(text, columns)
    return text + " " * (columns - measure(text))


def wrap(line: str) -> Iterator[str]:
    """Yield a line in parts that fit; what has no space to break at is cut."""
    while measure(line) > COLUMNS:
        end = len(line)
        while measure(line[:end]) > COLUMNS:
            end -= 1
        end = line.rfind(" ", 1, end + 1) if " " in line[:end].strip() else end
        yield line[:end].rstrip()
        line = line[end:].lstrip()
    yield line
