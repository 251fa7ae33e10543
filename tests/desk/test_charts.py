"""Charts: where columns stand, what is drawn of a known year, and how a day of 23 hours is cut."""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest

from blog.desk.charts import Mark, cut_days, cut_minutes, draw
from blog.desk.export import write_times
from blog.desk.shown import write_time
from blog.history.counts import Counts
from blog.history.report import Period, Point
from blog.posts.addresses import post_path
from blog.words import load_words
from tests.desk.year import BERLIN, NOW, Year
from tests.pages.site import open_site

WRITE = partial(write_time, load_words("en"))
GOLDEN = Path(__file__).parent / "golden"
MONTH = NOW.replace(hour=0, minute=0) - timedelta(days=29)
MARKS = (
    Mark(datetime(2026, 10, 9, 12, tzinfo=BERLIN), "published", "Owls & <mice>", "owls"),
    Mark(datetime(2026, 10, 20, 23, 30, tzinfo=BERLIN), "updated", "Night", "night"),
)


def compare(name: str, text: str) -> None:
    """Compare with what is kept; WRITE_GOLDEN=1 keeps it, and is to be looked at."""
    path = GOLDEN / name
    if os.environ.get("WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def write_figure(kind: str, period: Period) -> str:
    report = Year().report(period)
    if period is Period.TODAY:
        axis = cut_minutes(report.start, report.points, (), WRITE)
    else:
        axis = cut_days(report.start, report.end.date(), report.points, MARKS, WRITE)
    app = open_site()
    with app.test_request_context("/desk/readers"):
        template = app.jinja_env.from_string(
            '{% from "desk/charts.html" import figure with context %}{{ figure(chart, "Title") }}\n'
        )
        return template.render(chart=draw(kind, axis), post_address=post_path)


@pytest.mark.parametrize(
    ("kind", "period"),
    [
        ("peak", Period.MONTH),
        ("open_ms", Period.MONTH),
        ("opens", Period.QUARTER),
        ("opens", Period.TWO_YEARS),
        ("peak", Period.TWO_YEARS),
    ],
)
def test_a_known_year_is_drawn_as_it_was(kind, period):
    html = write_figure(kind, period)
    assert "style=" not in html
    ElementTree.fromstring(html)  # noqa: S314 - ours; it is well-formed
    compare(f"{kind}-{period.value}.html", html)


def test_a_known_year_is_written_as_it_was():
    """Months of 28 to 31 days, both changes of the clocks, days of which nothing is known."""
    lines = "".join(write_times(Year().report(Period.TWO_YEARS))).splitlines()
    assert len(lines) == 1 + 730 - 3
    compare("times-two-years.csv", "\n".join([lines[0], *lines[-365:]]) + "\n")


def test_today_is_drawn_by_the_minute_and_has_a_column_for_each_quarter_of_an_hour():
    report = Year().report(Period.TODAY)
    axis = cut_minutes(report.start, report.points, (), WRITE)
    assert (len(axis.units), len(axis.slots)) == (1440, 96)
    chart = draw("peak", axis)
    assert chart.line.count("M") == 150  # two minutes of three, from seven to half past two
    assert [column.value for column in chart.columns[27:30]] == [None, 5, 5]
    opens = draw("opens", axis).columns[28]
    assert (opens.value, opens.x, opens.width) == (10, "29.17%", "1.04%")
    assert opens.bar == ("29.27%", "0.00%", "0.83%", "100.00%")


@pytest.mark.parametrize(
    ("day", "hours", "after"),
    [("2026-03-29", 23, "03:00"), ("2026-10-25", 25, "02:00"), ("2026-11-03", 24, "02:00")],
)
def test_a_day_is_as_long_as_its_clock_has_it(day, hours, after):
    midnight = datetime.fromisoformat(day).replace(tzinfo=BERLIN)
    late = datetime.fromtimestamp(midnight.timestamp() + hours * 3600 - 60, BERLIN)
    axis = cut_minutes(midnight, [Point(late, Counts(opens=3))], (), WRITE)
    assert len(axis.units) == hours * 60
    assert axis.units[-1] == Counts(opens=3)
    assert axis.slots[8].label == after
    assert axis.slots[-1].label == "23:45"


def test_a_day_belongs_to_its_own_date_over_a_change_of_the_clocks():
    first = datetime(2026, 10, 24, tzinfo=BERLIN)
    days = [first + timedelta(days=n) for n in range(4)]
    axis = cut_days(
        first, date(2026, 10, 27), [Point(at, Counts(at.day)) for at in days], (), WRITE
    )
    assert [counts and counts.opens for counts in axis.units] == [24, 25, 26, 27]
    assert [slot.label for slot in axis.slots] == [f"{day} October" for day in (24, 25, 26, 27)]


def test_a_mark_stands_in_the_column_of_its_day_and_none_outside():
    outside = [
        mark._replace(at=mark.at + timedelta(days=days)) for mark in MARKS for days in (-90, 90)
    ]
    axis = cut_days(MONTH, NOW.date(), (), [*MARKS, *outside], WRITE)
    marked = {slot.label: [mark.title for mark in slot.marks] for slot in axis.slots if slot.marks}
    assert marked == {"9 October": ["Owls & <mice>"], "20 October": ["Night"]}


def test_a_column_names_five_posts_and_counts_the_others():
    many = [MARKS[0]._replace(title=str(n)) for n in range(8)]
    axis = cut_days(MONTH, NOW.date(), (), many, WRITE)
    (slot,) = (slot for slot in axis.slots if slot.marks)
    assert ([mark.title for mark in slot.marks], slot.more) == (["0", "1", "2", "3", "4"], 3)


def test_long_times_have_a_column_for_each_week_and_neighbours_in_doubt_are_one_stretch():
    first = MONTH - timedelta(days=701)
    days = [Point(first + timedelta(days=n), Counts(1, doubt=n in (3, 4, 9))) for n in range(731)]
    axis = cut_days(first, NOW.date(), days, (), WRITE)
    assert (axis.kind, len(axis.slots), axis.slots[-1].counts) == ("weeks", 105, Counts(3))
    assert axis.doubts == [("0.41%", "0.27%"), ("1.23%", "0.14%")]
    assert sum(axis.place(104)) == pytest.approx(100)


def test_nothing_counted_is_said_and_drawn_without_a_line():
    axis = cut_days(MONTH, NOW.date(), (), (), WRITE)
    chart = draw("peak", axis)
    assert (chart.line, chart.area, chart.highest, chart.top) == ("", "", None, 2)
    assert draw("open_ms", axis).top == 120_000
