"""The dashboard over the real store: what is shown, sorted, exported, and told to everybody."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from flask import Flask
from flask.testing import FlaskClient

from blog.config import Settings
from blog.desk.dashboard import name_page
from blog.desk.export import write_line
from blog.desk.reports import Reports
from blog.desk.turns import MOST_WAITING
from blog.desk.week import fit, measure, sum_up, wrap, write_week
from blog.factory import create_app
from blog.history.counts import SITE, Batch, Counts
from blog.history.report import Period
from blog.history.tables import merge
from flask_presence.web.readers import TOPIC
from tests.desk.test_charts import compare
from tests.desk.year import BERLIN, NOW, Year, count_days
from tests.pages.test_validity import check_pages

POSTS = {
    "owls": ("Owls & <mice>", "2026-10-09T12:00:00+02:00", "2026-10-20T23:30:00+02:00"),
    "night": ("=1+1", "2025-01-01T12:00:00+01:00", ""),
    "moon": ("A moon", "2026-10-31T12:00:00+01:00", "2026-10-31T20:00:00+01:00"),
}


def open_blog(folder: Path, **settings: Any) -> Flask:
    posts = folder / "posts"
    posts.mkdir()
    for name, (title, date, updated) in POSTS.items():
        head = f"title: {title!r}\ndate: {date}\n" + (f"updated: {updated}\n" if updated else "")
        (posts / f"{name}.md").write_text(f"---\n{head}---\nWords.\n", encoding="utf-8")
    paths: dict[str, Any] = {
        f"{name}_dir": folder / name for name in ("posts", "pages", "instance")
    }
    app = create_app(Settings(**paths, time_zone=BERLIN, **settings))
    database = app.extensions["viblog"].database
    reports = Reports(database, BERLIN, clock=lambda: NOW.timestamp())
    app.extensions["dashboard"] = app.extensions["dashboard"]._replace(reports=reports)
    return app


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    app = open_blog(tmp_path_factory.mktemp("blog"), dashboard="public")
    for batch in count_days(NOW, 60):
        app.extensions["viblog"].database.write(merge, batch, BERLIN)
    yield app
    app.extensions["viblog"].close()


@pytest.fixture(scope="module")
def author(app: Flask) -> FlaskClient:
    client = app.test_client()
    assert client.post(app.extensions["desk"].make_link()).status_code == 303
    return client


@pytest.fixture
def anybody(app: Flask) -> FlaskClient:
    return app.test_client()


def titles_of(html: str) -> list[str]:
    return re.findall(r'<tr><th scope="row"><a href="/desk/readers\?page=([^"&]+)', html)


def test_strangers_wait_in_turn_and_the_author_does_not(app, author, anybody):
    turn = app.extensions["desk"].turn
    with turn:  # one is at it
        waiting = [gevent.spawn(anybody.get, "/desk/readers.json") for _ in range(MOST_WAITING)]
        gevent.sleep(0)
        refused = anybody.get("/desk/readers.csv?table=pages")
        assert (refused.status_code, refused.headers["Cache-Control"]) == (503, "no-store")
        assert "Retry-After" in refused.headers
        assert author.get("/desk/readers").status_code == 200
    assert [one.get().status_code for one in waiting] == [200] * MOST_WAITING


def test_what_everybody_sees_changes_by_the_quarter_hour_the_day_or_the_month(
    tmp_path: Path,
) -> None:
    app = open_blog(tmp_path, dashboard="public")
    database, anybody = app.extensions["viblog"].database, app.test_client()
    for batch in count_days(NOW, 60):
        database.write(merge, batch, BERLIN)

    def look(seconds: float) -> list[bytes]:
        moment = NOW.timestamp() + seconds
        reports = Reports(database, BERLIN, clock=lambda: moment)
        app.extensions["dashboard"] = app.extensions["dashboard"]._replace(reports=reports)
        asked = [f"?period={period.value}" for period in Period]
        asked += ["?page=blog/owls", "?page=blog/owls&period=today"]
        return [anybody.get(f"/desk/readers.json{query}").data for query in asked]

    before = look(60)
    for number in range(1, 4):
        at = int(NOW.timestamp()) // 60 + number
        many = Counts(opens=500, open_ms=9_000_000, stays=[60] * 8, peak=50, peak_minute=at)
        counted = {(page, at): many for page in (SITE, "blog/owls")}
        database.write(merge, Batch("other", number, counted, {}, {}, {}), BERLIN)
    assert look(14 * 60) == before
    after = look(16 * 60)
    changed = [at for at, shown in enumerate(before) if shown != after[at]]
    assert changed == [0, len(before) - 1]  # today, of the site and of the post
    assert look(24 * 3600)[1] != before[1]
    app.extensions["viblog"].close()


@pytest.mark.parametrize("sign", [*"=+-@＝＋－＠", "\t", "\r", "\n"])
def test_no_text_of_a_table_is_a_formula_in_any_language(sign):
    """Programs for tables take the wide signs of East Asia for the narrow ones."""
    text = f"{sign}1+1"
    assert next(csv.reader(io.StringIO(write_line([text, -1, "a=b"]), newline=""))) == [
        f"'{text}",
        "-1",
        "a=b",
    ]


def test_every_period_shows_its_numbers_and_its_charts_in_words(author):
    month = author.get("/desk/readers").text
    for said in (
        "At most 19 at once: 8 October. Where it is hatched, readers may be missing.",
        "published: Owls &amp; &lt;mice&gt;",
        "updated: Owls &amp; &lt;mice&gt;",
        "how long pages were open, also in the background",
        'href="/desk/readers?page=blog/owls"',
        "from: Posts",
    ):
        assert said in month
    assert "updated: A moon" not in month  # on the day when it was published
    assert re.search(r'<dd class="value">19</dd>\s*<dd class="meta">before: 19</dd>', month)
    for period in ("today", "quarter", "two-years"):
        page = author.get(f"/desk/readers?period={period}")
        assert page.status_code == 200
        assert page.text.count('<svg class="chart"') == 3


@pytest.mark.parametrize(
    ("sort", "pages"),
    [
        ("", ["blog/owls", "index", "blog/gone", "blog/night"]),
        ("sort=-opens", ["blog/night", "blog/gone", "index", "blog/owls"]),
        ("sort=title", ["blog/night", "blog/gone", "blog/owls", "index"]),
        ("sort=-title", ["index", "blog/owls", "blog/gone", "blog/night"]),
        ("sort=stay", ["blog/gone", "blog/owls", "blog/night", "index"]),
    ],
)
def test_the_table_is_sorted_by_links(author, sort, pages):
    page = author.get(f"/desk/readers?{sort}").text
    assert titles_of(page) == pages
    way = "ascending" if sort in ("sort=title", "sort=-opens") else "descending"
    assert re.findall(r'aria-sort="(\w+)"', page) == [way]


@pytest.mark.parametrize(
    "query",
    ["period=week", "sort=name", "sort=--opens", "first=-1", "first=x", "first=123456", "page="],
)
def test_an_address_of_nothing_is_not_found(author, query):
    assert author.get(f"/desk/readers?{query}").status_code == 404


def test_a_page_of_its_own_has_where_its_readers_went_and_not_the_others(author, anybody):
    page = author.get("/desk/readers?page=blog/owls&period=quarter").text
    assert '<h1><a href="/blog/owls">Owls &amp; &lt;mice&gt;</a></h1>' in page
    assert titles_of(page) == []
    assert ">news.example<" in page
    assert "&lt;b&gt;letter" in page
    assert author.get("/desk/readers?page=blog/gone").status_code == 200
    assert anybody.get("/desk/readers?page=blog/gone").status_code == 404


def test_what_a_number_means_follows_the_settings(tmp_path):
    app = open_blog(tmp_path, dashboard="public", pause_hidden_tabs=True)
    page = app.test_client().get("/desk/readers").text
    app.extensions["viblog"].close()
    assert "how long pages were in sight" in page
    assert "Nothing was counted in this time." in page


def test_a_page_without_scripts_loads_itself_anew(author):
    assert '<noscript><meta http-equiv="refresh" content="60"></noscript>' in (
        author.get("/desk/readers").text
    )


def read_csv(client: FlaskClient, query: str) -> list[list[str]]:
    answer = client.get(f"/desk/readers.csv?{query}")
    assert answer.mimetype == "text/csv"
    return list(csv.reader(io.StringIO(answer.text)))


def test_the_exports_have_what_is_on_the_screen(author):
    compare("times-month.csv", author.get("/desk/readers.csv").text.replace("\r\n", "\n"))
    by_page = author.get("/desk/readers.csv?table=pages&period=quarter").text
    compare("pages-quarter.csv", by_page.replace("\r\n", "\n"))
    pages = read_csv(author, "table=pages&sort=title")
    assert [row[:3] for row in pages] == [
        ["page", "title", "opens"],
        ["blog/night", "'=1+1", "2"],  # no formula
        ["blog/gone", "gone", "5"],
        ["blog/owls", "Owls & <mice>", pages[3][2]],
        ["index", "Posts", "210"],
    ]
    assert read_csv(author, "table=sources&period=today")[1:] == [
        ["host", "news.example", "4"],
        ["campaign", "<b>letter", "1"],
        ["campaign", "'=cmd()", "1"],
    ]
    assert author.get("/desk/readers.csv?table=x").status_code == 404
    told = author.get("/desk/readers.json?period=quarter").json
    assert [told["period"], told["total"]["opens"], len(told["times"]), told["refused"]] == [
        *("quarter", sum(row["opens"] for row in told["times"]), 60),
        [{"kind": "crawler", "times": 60}],
    ]


def test_everybody_is_told_nothing_of_few_and_not_where_readers_are_from(anybody):
    page = anybody.get("/desk/readers?period=today").text
    assert "Numbers above ten are rounded" in page
    today = anybody.get("/desk/readers.json?period=today").json
    # "night" was opened twice.
    assert [row["page"] for row in today["pages"]] == ["blog/owls", "index", "blog/gone"]
    for secret in ("news.example", "letter", "crawler", "from: ", "Machines"):
        assert secret not in page
    told = anybody.get("/desk/readers.json").json
    assert [told["went"], told["sources"], told["refused"]] == [[], [], []]
    assert told["total"]["opens"] == 2000  # 1,721 of them, without today
    assert read_csv(anybody, "table=sources") == [["kind", "name", "times"]]
    assert anybody.get("/desk/events").status_code == 303


def test_a_report_is_read_once_in_ten_seconds():
    asked: list[Period] = []
    now = [1000.0]

    class Store:
        def read(self, function: object, period: Period, *rest: object) -> Any:
            asked.append(period)
            return Year().report(period)

    reports = Reports(Store(), BERLIN, clock=lambda: now[0])
    for now[0] in (1000, 1009, 1011):
        reports.read(Period.MONTH)
    reports.read(Period.TODAY)
    assert asked == [Period.MONTH, Period.MONTH, Period.TODAY]


def test_a_week_is_a_text_of_72_columns(app):
    month = app.extensions["dashboard"].reports.read(Period.MONTH)
    with app.app_context():
        text = write_week(app, sum_up(month, name_page))
        assert app.test_cli_runner().invoke(args=["readers", "week"]).stdout == text
    assert max(map(measure, text.splitlines())) <= 72
    compare("week.txt", text)


@pytest.mark.parametrize(
    ("text", "columns", "fits"),
    [
        ("a  b\nc", 9, "a b c"),
        ("abcdef", 4, "abc…"),
        ("日本語です", 6, "日本…"),
        ("e\u0301e\u0301", 2, "e\u0301e\u0301"),
    ],
)
def test_a_title_is_cut_by_its_columns(text, columns, fits):
    assert fit(text, columns) == fits


def test_a_long_line_is_wrapped_at_a_space():
    assert list(wrap(f"{'a' * 40} {'b' * 40}")) == ["a" * 40, "b" * 40]
    assert [len(part) for part in wrap("c" * 100)] == [72, 28]


def test_the_last_events_say_what_happened_and_not_who(app, author):
    events = app.extensions["viblog"].events
    events.open("blog/owls", "<i>letter")
    events.leave("blog/night", 252)
    for _ in range(3):
        events.leave("index", 3)
    events.refuse("blog/gone", "crawler", "Bot/1.0 (+https://bot.example)")
    page = author.get("/desk/events").text
    items = re.findall(r"<li><time datetime=.*?</li>", page, re.DOTALL)
    texts = [" ".join(re.sub("<[^>]+>", " ", item).split()[1:]) for item in items]
    assert texts == [
        "gone refused crawler: Bot/1.0 (+https://bot.example)",
        "Posts left × 3",
        "=1+1 left after 4 min 12 s",
        "Owls &amp; &lt;mice&gt; opened &lt;i&gt;letter",
    ]


def test_what_an_open_page_is_sent_is_below_4_kb_with_the_longest_of_usual_titles(tmp_path):
    app = open_blog(tmp_path)
    for number in range(6):
        text = f"---\ntitle: {'A long & winding title ' * 7}\ndate: 2026-01-0{number + 1}\n---\n"
        (tmp_path / "posts" / f"long-{number}.md").write_text(text, encoding="utf-8")
    viblog = app.extensions["viblog"]
    viblog.load()
    viblog.is_started = True  # then pages have the words of the numbers
    for number in range(6):
        viblog.presence.tracker.track(object(), TOPIC, "ada", {"page": f"blog/long-{number}"})
    with app.app_context():
        frame = app.extensions["desk"].streams.render()
    viblog.close()
    assert frame.count("reading now") == 5
    assert "1 reader online" in frame or "6 tabs" in frame
    assert len(frame.encode()) < 4096


@pytest.mark.full
def test_its_pages_are_valid_html(author, anybody, tmp_path):
    paths = ("", "?period=today", "?period=two-years&sort=title", "?page=blog/owls")
    pages = {f"author-{at}": author.get(f"/desk/readers{path}") for at, path in enumerate(paths)}
    pages |= {"events": author.get("/desk/events"), "public": anybody.get("/desk/readers")}
    for name, page in pages.items():
        (tmp_path / f"{name}.html").write_text(page.text, encoding="utf-8")
    assert check_pages(tmp_path) == ""


def test_a_long_table_has_several_pages(author, monkeypatch):
    monkeypatch.setattr("blog.desk.dashboard.ROWS_A_PAGE", 2)
    first = author.get("/desk/readers?sort=title").text
    assert titles_of(first) == ["blog/night", "blog/gone"]
    (further,) = re.findall(r'rel="next" href="([^"]+)"', first)
    assert further == "/desk/readers?sort=title&amp;first=2#posts"
    second = author.get(further.replace("&amp;", "&")).text
    assert titles_of(second) == ["blog/owls", "index"]
    assert 'rel="prev" href="/desk/readers?sort=title#posts"' in second
    assert 'rel="next"' not in second
