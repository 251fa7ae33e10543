"""The dashboard's pages: what was read in a period, on the whole site or one page, and exports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask import Flask, Response, abort, current_app, jsonify, request
from flask.typing import ResponseReturnValue

from blog.desk.export import describe, write_line, write_pages, write_times
from blog.desk.guard import for_author, for_readers, is_author
from blog.desk.reports import Reports
from blog.desk.routes import desk, show
from blog.desk.shown import (
    DEFAULT_SORT,
    PageName,
    Row,
    is_sort,
    list_marks,
    list_pairs,
    list_rows,
    list_stays,
    make_charts,
    peak_at,
)
from blog.desk.turns import take_turns
from blog.desk.veil import veil
from blog.history.report import Period, Report
from blog.pages.blueprint import content
from blog.posts.addresses import post_path
from blog.posts.page_names import COUNTING_PAGE, INDEX_PAGE, NOW_PAGE, POST_PREFIX
from flask_presence.streams.turns import wait_a_round

ROWS_A_PAGE = 50
MOST_PAIRS = 30
MOST_CHARACTERS = 200  # the longest name of a page of the blog has 100


class Dashboard(NamedTuple):
    """What the dashboard is made of. `app.extensions["dashboard"]` holds it."""

    reports: Reports
    last_events: Callable[[], Iterable[Any]]


def install_dashboard(app: Flask, made: Dashboard) -> None:
    """Have an app answer with it; its routes are the desk's."""
    app.extensions["dashboard"] = made


def this_dashboard() -> Dashboard:
    """Return the dashboard of the app of this request."""
    found: Dashboard = current_app.extensions["dashboard"]
    return found


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for; 404 for what there is not."""

    period: Period
    page: str | None
    sort: str
    first_row: int

    @classmethod
    def read(cls) -> Asked:
        """Read it from the request."""
        periods = {period.value: period for period in Period}
        period = periods.get(request.args.get("period", Period.MONTH.value))
        sort = request.args.get("sort", DEFAULT_SORT)
        page = request.args.get("page")
        first = request.args.get("first", "0")
        is_number = first.isascii() and first.isdigit() and len(first) < 6
        is_page = page is None or (0 < len(page) <= MOST_CHARACTERS and _may_ask_for(page))
        if period is None or not (is_sort(sort) and is_number and is_page):
            abort(404)
        return cls(period, page, sort, int(first))

    def link(self, **others: Any) -> dict[str, Any]:
        """Return the arguments of an address, without what is usual; others than these first."""
        now = {"period": self.period.value, "page": self.page, "sort": self.sort, **others}
        usual = {"period": Period.MONTH.value, "sort": DEFAULT_SORT, "page": None, "first": 0}
        return {name: value for name, value in now.items() if value != usual.get(name)}


def _may_ask_for(page: str) -> bool:
    """Tell whether there is such a page; its author may look at one that is gone, too."""
    return is_author() or bool(name_page(page).address)


def name_page(page: str) -> PageName:
    """Return what a page is called, and its address; by its own name where it is gone."""
    made = content()
    base = made.settings.base_path
    if page == INDEX_PAGE:
        return PageName(made.words.gettext("Posts"), f"{base}/")
    if page.startswith(POST_PREFIX):
        post_id = page.removeprefix(POST_PREFIX)
        post = made.library.index.by_id.get(post_id)
        return PageName(post.title, base + post_path(post_id)) if post else PageName(post_id)
    own = made.pages.index.by_id.get(page)
    if own is not None:
        return PageName(own.title, base + post_path(page, "/"))
    if page == COUNTING_PAGE:
        title = made.words.gettext("What is counted, and what is not")
        return PageName(title, f"{base}/{COUNTING_PAGE}")
    return PageName(page)


def read_report(asked: Asked) -> Report:
    """Return what this browser may see of a report. Raises `StoreUnavailable`."""
    reports = this_dashboard().reports
    if is_author():
        return reports.read(asked.period, asked.page)
    return veil(reports.read(asked.period, asked.page, for_all=True))


@desk.get("/desk/readers")
@for_readers
def readers() -> ResponseReturnValue:
    """Answer with the dashboard."""
    asked = Asked.read()
    report = read_report(asked)
    rows = list_rows(report, name_page, asked.sort)
    wait_a_round()  # they were sorted
    charts = make_charts(report, find_marks(report, asked.page), content().words)
    shown = rows[asked.first_row : asked.first_row + ROWS_A_PAGE]
    return show(
        "desk/readers.html",
        asked=asked,
        report=report,
        periods=tuple(Period),
        name=None if asked.page is None else name_page(asked.page),
        charts=charts,
        post_address=lambda post_id: content().settings.base_path + post_path(post_id),
        peak_at=peak_at(report.total, report.start),
        rows=shown,
        row_count=len(rows),
        next_row=asked.first_row + ROWS_A_PAGE,
        pairs=list_pairs(report, name_page)[:MOST_PAIRS],
        stays=list_stays(report.total),
        rows_a_page=ROWS_A_PAGE,
        now=content().live.fragments(NOW_PAGE),
    )


def find_marks(report: Report, page: str | None) -> Iterator[Any]:
    """Yield the marks of the posts, or of the one that a page is."""
    index = content().library.index
    posts = index.posts
    if page is not None:
        post = index.by_id.get(page.removeprefix(POST_PREFIX))
        posts = (post,) if post and page.startswith(POST_PREFIX) else ()
    yield from list_marks(take_turns(posts), report.start, report.end)


@desk.get("/desk/readers.json")
@for_readers
def readers_json() -> ResponseReturnValue:
    """Answer with what is on the dashboard, as JSON."""
    asked = Asked.read()
    report = read_report(asked)
    rows = list_rows(report, name_page, asked.sort)
    return jsonify(describe(report, rows, list_pairs(report, name_page)))


@desk.get("/desk/readers.csv")
@for_readers
def readers_csv() -> ResponseReturnValue:
    """Answer with a table of the dashboard, as CSV: its times, its pages or where from."""
    asked = Asked.read()
    table = request.args.get("table", "times")
    report = read_report(asked)
    rows: list[Row] = list_rows(report, name_page, asked.sort)
    lines = {
        "times": write_times(report),
        "pages": write_pages(report, rows),
        "sources": map(write_line, (("kind", "name", "times"), *report.sources)),
    }.get(table)
    if lines is None:
        abort(404)
    # A name of plain letters, whatever the page is called.
    name = f"{table}-{report.period.value}-{report.end:%Y-%m-%d}.csv"
    disposition = f'attachment; filename="{name}"'
    text = "".join(take_turns(lines))
    return Response(text, mimetype="text/csv", headers={"Content-Disposition": disposition})


@desk.get("/desk/events")
@for_author
def list_events() -> ResponseReturnValue:
    """Answer with the last events, the newest first."""
    # What happened again and again has the time of the last.
    events = sorted(this_dashboard().last_events(), key=lambda event: event.at, reverse=True)
    return show("desk/events.html", events=events, name_page=name_page)
