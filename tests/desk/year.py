"""A known synthetic year, of which charts, tables and exports are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from blog.history.counts import SITE, STAY_BINS, Batch, Counts
from blog.history.report import PageRow, Period, Point, Report

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 3, 14, 30, tzinfo=BERLIN)
NOTHING_FROM, NOTHING_TO = date(2026, 10, 12), date(2026, 10, 14)  # days without a row
IN_DOUBT = date(2026, 10, 20)


@dataclass(frozen=True)
class Year:
    """The same numbers whenever they are asked for: no random ones, only remainders."""

    zone: ZoneInfo = BERLIN

    def day(self, day: date, scale: int = 1) -> Counts:
        """What was counted on a day: fewer at the weekend, more in each seventh week."""
        n = day.toordinal()
        opens = (40 + n * 7919 % 23 + (n // 7 % 7 == 0) * 60 - (day.weekday() > 4) * 25) * scale
        stays = [opens // (2 + bin_) for bin_ in range(STAY_BINS)]
        noon = datetime.combine(day, time(20, n % 60), self.zone)
        return Counts(
            opens=opens,
            entries=opens * 2 // 3,
            open_ms=opens * 95_000,
            stays=stays,
            long_enough=sum(stays[4:]),
            read_to_end=sum(stays[5:]),
            peak=3 + n * 31 % 17 * scale,
            peak_minute=int(noon.timestamp() // 60),
            loads=opens * 3,
            doubt=day == IN_DOUBT,
        )

    def days(self, length: int) -> tuple[Point, ...]:
        """The days until now, without the three of which nothing is known."""
        first = NOW.date() - timedelta(days=length - 1)
        days = [first + timedelta(days=at) for at in range(length)]
        return tuple(
            Point(datetime.combine(day, time(), self.zone), self.day(day))
            for day in days
            if not NOTHING_FROM <= day <= NOTHING_TO
        )

    def minutes(self, midnight: datetime, until: datetime) -> tuple[Point, ...]:
        """Minutes of a day: from seven o'clock on, two of three."""
        begin = int(midnight.timestamp() // 60)
        return tuple(
            Point(
                datetime.fromtimestamp(minute * 60, self.zone),
                Counts(1, 1, 45_000, peak=1 + minute * 7 % 5, peak_minute=minute),
            )
            for minute in range(begin + 420, int(until.timestamp() // 60))
            if minute % 3
        )

    def report(self, period: Period, pages: int = 12) -> Report:
        """The report of a period that ends now."""
        midnight = NOW.replace(hour=0, minute=0)
        length = {Period.MONTH: 30, Period.QUARTER: 90, Period.TWO_YEARS: 730}.get(period, 1)
        is_today = period is Period.TODAY
        points = self.minutes(midnight, NOW) if is_today else self.days(length)
        total, before = Counts(), Counts()
        for point in points:
            total.add(point.counts)
        for day in range(length, 2 * length):
            before.add(self.day(NOW.date() - timedelta(days=day)))
        return Report(
            period=period,
            start=midnight - timedelta(days=length - 1),
            end=NOW,
            points=points,
            total=total,
            before=None if period is Period.TWO_YEARS else before,
            pages=tuple(self.page(at, length) for at in range(pages)),
            went=(("index", "blog/post-0", 31), ("blog/post-0", "blog/post-1", 12), ("a", "b", 1)),
            sources=(
                ("host", "news.example", 40),
                ("campaign", "letter <b>", 7),
                ("host", "x.example", 2),
            ),
            refused=(("crawler", 120), ("no stream", 1)),
        )

    def page(self, at: int, length: int) -> PageRow:
        """What was counted of the page of that place: the first has most."""
        counts = self.day(date(2026, 11, 1) - timedelta(days=at), 1)
        counts.opens = max(1, counts.opens * length // (2 * at + 2))
        line = tuple((at * 13 + part * part) % 11 for part in range(min(60, max(length, 24))))
        return PageRow("index" if at == 3 else f"blog/post-{at}", counts, line)


def count_days(now: datetime, days: int) -> Iterator[Batch]:
    """Yield what a worker counted of four pages and the site: a batch for each day, until now."""
    year, today = Year(), now.toordinal()
    for ago in range(days):
        day = now.date() - timedelta(days=ago)
        noon = datetime.combine(day, time(12), now.tzinfo)
        at = int(min(noon, now).timestamp() // 60)
        whole = year.day(day)
        third = Counts(whole.opens // 3, 1, whole.open_ms // 2, list(whole.stays), 2, 1, 4, at)
        minutes = {(SITE, at): whole, ("blog/owls", at): third, ("index", at): Counts(opens=7)}
        paths = {(day.toordinal(), "index", "blog/owls"): 9}
        sources: dict[tuple[int, str, str, str], int] = {}
        if ago == 0:
            minutes["blog/night", at] = Counts(opens=2, peak=2, peak_minute=at)
            minutes["blog/gone", at] = Counts(opens=5, stays=[0, 0, 5, 0, 0, 0, 0, 0])
            paths[today, "blog/owls", "blog/night"] = 2
            sources = {
                (today, "blog/owls", "host", "news.example"): 4,
                (today, "blog/owls", "campaign", "<b>letter"): 1,
                (today, "blog/owls", "campaign", "=cmd()"): 1,
            }
        yield Batch("w", ago + 1, minutes, paths, sources, {(today, "crawler"): 1})
