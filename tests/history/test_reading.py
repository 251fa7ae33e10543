"""What is read of a period: by the clock of the site's zone, whole site and one page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from blog.history.ages import drop_old
from blog.history.counts import SITE, Batch, Counts
from blog.history.reading import read
from blog.history.report import PageRow, Period, Report
from blog.history.spans import Grain
from blog.history.tables import merge
from blog.store.database import Database
from blog.store.schema import counts, names, paths
from tests.history.synthetic import fill
from tests.history.times import BERLIN, at, minute

# 15:30 on a Friday.
NOW = "2026-11-20 15:30"


def opened(*openings: tuple[str, str, int], number: int = 1, **others: Any) -> Batch:
    """Return a batch of openings, each of a page, at a time, so many; the site's with them."""
    seen: dict[tuple[str, int], Counts] = {}
    for page, when, opens in openings:
        for whole in (page, SITE):
            seen.setdefault((whole, minute(when)), Counts()).add(Counts(opens=opens))
    nothing: dict[str, Any] = {"paths": {}, "sources": {}, "refused": {}}
    return Batch("w", number, seen, **nothing | others)


def report(database: Database, period: Period, now: str = NOW, page: str | None = None) -> Report:
    return database.read(read, period, at(now), BERLIN, page)


def test_today_is_since_midnight_by_the_minute_and_before_is_yesterday_until_now(
    database: Database,
):
    database.write(
        merge,
        opened(
            ("blog/a", "2026-11-20 00:00", 1),
            ("blog/a", "2026-11-20 15:30", 2),
            ("blog/a", "2026-11-19 23:59", 4),
            ("blog/a", "2026-11-19 15:30", 8),
            ("blog/a", "2026-11-19 15:31", 16),
            ("blog/a", "2026-11-18 23:59", 32),
        ),
        BERLIN,
    )
    today = report(database, Period.TODAY)
    assert today.start == datetime(2026, 11, 20, tzinfo=BERLIN)
    assert [(point.at.strftime("%H:%M"), point.counts.opens) for point in today.points] == [
        ("00:00", 1),
        ("15:30", 2),
    ]
    assert today.total.opens == 3
    assert today.before is not None
    assert today.before.opens == 8
    line = [0] * 24
    line[0], line[15] = 1, 2
    assert today.pages == (PageRow("blog/a", Counts(opens=3), tuple(line)),)


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)]
)
def test_a_day_has_as_many_hours_as_the_clock_shows(database: Database, day: str, hours: int):
    database.write(
        merge, opened(("index", f"{day} 00:01", 1), ("index", f"{day} 23:59", 2)), BERLIN
    )
    found = report(database, Period.TODAY, f"{day} 23:59")
    assert found.total.opens == 3
    assert len(found.pages[0].line) == hours
    assert found.pages[0].line[0] == 1
    assert found.pages[0].line[-1] == 2
    month = report(database, Period.MONTH, f"{day} 23:59")
    assert [point.counts.opens for point in month.points] == [3]


def test_thirty_and_ninety_days_end_today_and_have_as_many_before(database: Database):
    database.write(
        merge,
        opened(
            ("blog/a", "2026-11-20 00:00", 1),
            ("blog/a", "2026-10-22 00:00", 2),  # thirty days with today
            ("blog/b", "2026-10-21 23:59", 4),
            ("blog/b", "2026-09-22 00:00", 8),
            ("blog/b", "2026-08-23 00:00", 16),  # ninety
            ("blog/b", "2026-08-22 23:59", 32),
        ),
        BERLIN,
    )
    month, quarter = report(database, Period.MONTH), report(database, Period.QUARTER)
    assert month.start == datetime(2026, 10, 22, tzinfo=BERLIN)
    assert (month.total.opens, month.before and month.before.opens) == (3, 12)
    assert (quarter.total.opens, quarter.before and quarter.before.opens) == (31, 32)
    assert [page.page for page in quarter.pages] == ["blog/b", "blog/a"]
    assert [len(page.line) for page in (*month.pages, *quarter.pages)] == [30, 45, 45]
    assert sum(quarter.pages[0].line) == quarter.pages[0].counts.opens == 28


def test_two_years_begin_with_a_month_and_have_nothing_before(database: Database):
    database.write(
        merge,
        opened(("blog/a", "2024-11-01 00:00", 1), ("blog/a", "2024-10-31 23:59", 2)),
        BERLIN,
    )
    found = report(database, Period.TWO_YEARS)
    assert found.start == datetime(2024, 11, 1, tzinfo=BERLIN)
    assert (found.total.opens, found.before) == (1, None)
    assert [page.line for page in found.pages] == [(1, *[0] * 24)]


def test_a_page_has_its_own_points_and_what_is_about_it(database: Database):
    day = date(2026, 11, 20).toordinal()
    database.write(
        merge,
        opened(
            ("blog/a", "2026-11-20 09:00", 1),
            ("blog/b", "2026-11-20 09:00", 2),
            paths={(day, "blog/a", "blog/b"): 3, (day, "index", "blog/b"): 5, (day, "x", "y"): 9},
            sources={(day, "blog/b", "host", "b.example"): 2, (day, "x", "host", "b.example"): 1},
            refused={(day, "crawler"): 7},
        ),
        BERLIN,
    )
    page = report(database, Period.TODAY, page="blog/b")
    assert page.total.opens == 2
    assert page.went == (("index", "blog/b", 5), ("blog/a", "blog/b", 3))
    assert page.sources == (("host", "b.example", 2),)
    assert (page.pages, page.refused) == ((), ())
    site = report(database, Period.TWO_YEARS)
    assert site.went == (("x", "y", 9), ("index", "blog/b", 5), ("blog/a", "blog/b", 3))
    assert site.sources == (("host", "b.example", 3),)
    assert site.refused == (("crawler", 7),)
    assert report(database, Period.TODAY, page="blog/none").total == Counts()


def test_of_a_pages_peaks_the_highest_is_told_and_of_equal_ones_the_first(database: Database):
    first = minute("2026-11-18 10:00")
    seen = {
        ("index", first + late): Counts(peak=peak, peak_minute=first + late)
        for late, peak in ((0, 2), (1440, 5), (1441, 5), (2000, 1))
    }
    database.write(merge, Batch("w", 1, seen, {}, {}, {}), BERLIN)
    found = report(database, Period.MONTH).pages[0].counts
    assert (found.peak, found.peak_minute) == (5, first + 1440)


def grains(database: Database, page: str = SITE) -> dict[int, int]:
    asked = select(counts.c.grain, func.sum(counts.c.opens)).join(
        names, names.c.number == counts.c.page
    )
    asked = asked.where(names.c.name == page).group_by(counts.c.grain)
    return database.read(lambda connection: dict(connection.execute(asked).all()))


def test_what_is_too_old_goes_by_its_age_and_longer_spans_keep_their_sums(database: Database):
    """Minutes after 48 hours, quarter hours after 90 days, the rest after 25 months."""
    whole = [(f"blog/{n}", f"2026-11-{n:02} 12:00", n) for n in range(1, 21)]
    old = ("blog/old", "2024-10-31 23:59", 100)
    database.write(merge, opened(*whole, ("index", "2026-08-21 23:00", 50), old), BERLIN)
    before = dict.fromkeys(Grain, 50 + 210 + 100)
    assert grains(database) == before
    assert database.write(drop_old, at(NOW), BERLIN)
    kept = {Grain.MINUTE: 19 + 20, Grain.QUARTER_HOUR: 210, Grain.DAY: 260, Grain.MONTH: 260}
    assert grains(database) == kept
    assert report(database, Period.MONTH).total.opens == 210
    assert "blog/old" not in database.read(lambda c: c.scalars(select(names.c.name)).all())


def test_old_counts_are_dropped_by_one_worker_in_a_quarter_of_an_hour(database: Database):
    assert database.write(drop_old, at(NOW), BERLIN)
    assert not database.write(drop_old, at(NOW) + 899, BERLIN)
    assert database.write(drop_old, at(NOW) + 900, BERLIN)
    assert database.write(drop_old, at(NOW), BERLIN)  # a clock that was put right


def test_a_batch_without_a_minute_is_known_again_when_old_counts_are_dropped(database: Database):
    batch = opened(paths={(date.fromisoformat(NOW[:10]).toordinal(), "index", "blog/a"): 1})
    assert database.write(merge, batch, BERLIN)
    assert database.write(drop_old, at(NOW), BERLIN)
    assert not database.write(merge, batch, BERLIN)


def test_a_path_that_few_took_is_forgotten_with_its_days(database: Database):
    day = date(2026, 7, 31).toordinal()
    went = {(day, "index", "blog/a"): 3, (day, "index", "blog/b"): 2}
    database.write(merge, opened(paths=went), BERLIN)
    database.write(drop_old, at("2026-10-29 12:00"), BERLIN)
    assert database.read(lambda c: c.scalar(select(func.sum(paths.c.times)))) == 10
    database.write(drop_old, at("2026-10-30 12:00"), BERLIN)
    assert database.read(lambda c: c.execute(select(paths.c.grain, paths.c.times)).all()) == [
        (Grain.MONTH, 3)
    ]


def test_sums_are_equal_before_and_after_whenever_the_old_is_dropped(database: Database):
    """Batches of two weeks, with what is old dropped between them or not."""
    random = Random(2)
    days = [
        f"2026-10-{day:02} {random.randrange(24):02}:{random.randrange(60):02}"
        for day in range(18, 32)
    ]
    for number, when in enumerate(days, 1):
        database.write(merge, opened(("blog/a", when, number), number=number), BERLIN)
        if random.random() < 0.5:
            database.write(drop_old, at(when), BERLIN)
    found = grains(database, "blog/a")
    assert found[Grain.DAY] == found[Grain.MONTH] == found[Grain.QUARTER_HOUR] == 105


@pytest.fixture(scope="module")
def two_years(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database("", tmp_path_factory.mktemp("years"))
    database.write(fill, at(NOW))
    yield database
    database.close()


@pytest.mark.full
def test_two_years_of_5000_posts_take_less_than_100_mb(two_years: Database):
    """They take 55: 1.1 million rows of counts, 0.3 of paths and sources."""
    path = Path(two_years.url.removeprefix("sqlite:///"))
    assert path.stat().st_size < 100e6


@pytest.mark.full
@pytest.mark.alone
@pytest.mark.parametrize("page", [None, "blog/a-post-about-something-3"])
@pytest.mark.parametrize("period", Period)
def test_a_report_on_two_years_of_5000_posts_takes_200_ms_at_most(
    two_years: Database, period: Period, page: str | None
):
    """Of the processor: 127 ms for 90 days, 113 for two years, 30 for today, 27 for a page."""
    taken = []
    for _ in range(3):
        before = time.process_time()
        found = two_years.read(read, period, at(NOW), BERLIN, page)
        taken.append(time.process_time() - before)
        assert found.total.opens > 0
    assert min(taken) <= 0.2
