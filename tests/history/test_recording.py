"""A real blog counts what is read; what is in its store afterwards is read and searched."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Response

from blog.desk.own_visits import OwnVisits
from blog.history import reading
from blog.history.counts import SITE, Counts
from blog.history.report import Period, Report
from blog.store.database import Database
from tests.server.open_stream import OpenStream
from tests.server.test_privacy import PARTS, headers_of
from tests.site import Site

POST = "blog/how-the-counter-works"
LONG = "L" * 5_000
KEY = "k" * 32
VOUCHED = (
    "Sec-Fetch-Site: cross-site",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Dest: document",
    "Sec-Fetch-User: ?1",
)


def reader(name: str, *more: str) -> str:
    """Return the headers of one reader's browser."""
    lines = (f"Cookie: viblog_reader={name.ljust(22, 'x')}", *more)
    return "".join(f"{line}\r\n" for line in lines)


def current_url(query: str) -> str:
    return f"HX-Current-URL: http://localhost/{POST}?{query}"


def mark_author() -> str:
    """Return the cookie of a browser that the author marked at the desk."""
    response = Response()
    OwnVisits(lambda: KEY).mark(response, "", is_marked=True, is_secure=False)
    return response.headers["Set-Cookie"].partition(";")[0]


def ask(site: Site, path: str, headers: str = "") -> None:
    """Ask for a page, and read a part of the answer."""
    with site.connect() as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        assert sock.recv(65536)


# The tables with their names instead of numbers.
NAMED = """
CREATE TEMP VIEW counts AS SELECT p.name AS page, c.* FROM main.counts c
    JOIN names p ON p.number = c.page;
CREATE TEMP VIEW paths AS SELECT p.name AS page, n.name AS next_page, c.* FROM main.paths c
    JOIN names p ON p.number = c.page JOIN names n ON n.number = c.next_page;
CREATE TEMP VIEW sources AS SELECT p.name AS page, n.name AS name, c.* FROM main.sources c
    JOIN names p ON p.number = c.page JOIN names n ON n.number = c.name;
"""


def tell_end(site: Site, headers: str) -> None:
    """Have an open page say that the end of its text is in sight."""
    lengths = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5\r\n"
    with site.connect() as sock:
        request = (
            f"POST /live?page={POST} HTTP/1.1\r\nHost: localhost\r\n{headers}{lengths}\r\nend=1"
        )
        sock.sendall(request.encode())
        assert b" 204 " in sock.recv(65536)


def read_report(url: str, page: str | None = None) -> Report:
    """Return what a store has of the last thirty days."""
    database = Database(url, Path())
    try:
        return database.read(reading.read, Period.MONTH, time.time(), ZoneInfo("UTC"), page)
    finally:
        database.close()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Have known readers read, go on, come back and leave; return the store's file."""
    path = tmp_path_factory.mktemp("history") / "store.db"
    environ = {
        "BLOG_DATABASE_URL": f"sqlite:///{path}",
        "BLOG_PROXY_HOPS": "1",
        "BLOG_FACES": "0",
        "BLOG_ACTIVITY": "off",
        "BLOG_SECRET_KEY": KEY,
    }
    with Site(workers=2, environ=environ) as site:
        # Ada goes from the index to the post, and leaves it; so she never counts twice.
        with OpenStream(site, headers=reader("ada")) as index:
            index.read_until("online")
            site.wait_for_total(1)
        with OpenStream(site, POST, headers=reader("ada")) as post:
            post.read_until("online")
            # Her connection breaks, and she comes back as the same tab.
            event_id = post.event_id
        again = reader("ada", f"Last-Event-ID: {event_id}", current_url("utm_source=again"))
        with OpenStream(site, POST, headers=again) as post:
            post.read_until("online")
            # Ben opens it by a campaign, Cid by one with markup, Dot's browser asks for privacy.
            with contextlib.ExitStack() as stack:
                for name, query in (
                    ("ben", "utm_source=news&utm_campaign=may&q=secret-search"),
                    ("cid", f"ref=<script>alert(1)</script>{LONG}"),
                    ("dot", "utm_source=ada@example.org"),
                ):
                    url = current_url(query)
                    more = headers_of("198.51.100.77", url)
                    stream = OpenStream(site, POST, headers=reader(name) + more)
                    stack.enter_context(stream).read_until("online")
                private = f"Sec-GPC: 1\r\n{current_url('utm_source=private')}\r\n"
                stream = OpenStream(site, POST, headers=private)
                stack.enter_context(stream).read_until("online")
                site.wait_for_total(5)
                for _ in range(3):  # each worker counts a tab once
                    tell_end(site, reader("ben"))
                tell_end(site, reader("nobody"))
        site.wait_for_total(0)
        # Fay's tab was parked after 700 seconds, and she looks at it again.
        again = reader("fay", current_url("ref=again"))
        with OpenStream(site, f"{POST}&again=700", headers=again) as parked:
            parked.read_until("online")
        site.wait_for_total(0)
        # The author is here, too, and counts live; whatever is asserted below has nothing of that.
        headers = f"Cookie: viblog_reader={'e' * 22}; {mark_author()}\r\n"
        with OpenStream(site, POST, headers=f"{headers}{current_url('ref=author')}\r\n") as mine:
            mine.read_until("online")
            site.wait_for_total(1)
        site.wait_for_total(0)
        ask(site, f"/{POST}", headers_of("198.51.100.77", *VOUCHED) + headers)
        ask(site, f"/{POST}", headers_of("198.51.100.77", *VOUCHED))
        ask(site, f"/{POST}", headers_of("198.51.100.77", *VOUCHED, "Sec-GPC: 1"))
        ask(site, f"/{POST}", "User-Agent: SomeBot/1.0\r\n")
        ask(site, "/nowhere", headers_of("198.51.100.77", *VOUCHED))
        ask(site, "/live?page=index", "User-Agent: SomeBot/1.0\r\n")
        ask(site, "/live?page=index", "Sec-Fetch-Site: cross-site\r\n")
    return path


@pytest.fixture(scope="module")
def site(store: Path) -> Report:
    """Return what is known of the whole site."""
    return read_report(f"sqlite:///{store}")


@pytest.fixture(scope="module")
def pages(site: Report) -> dict[str, Counts]:
    """Return what was counted of each page, and of the site."""
    return {SITE: site.total, **{row.page: row.counts for row in site.pages}}


@pytest.mark.parametrize(("page", "opens", "entries"), [("index", 1, 1), (POST, 5, 4), ("*", 6, 5)])
def test_what_was_opened_is_counted_once(pages, page, opens, entries):
    assert (pages[page].opens, pages[page].entries) == (opens, entries)


def test_pages_that_were_asked_for_to_be_shown_are_loads(pages):
    assert pages[POST].loads == 2


def test_whose_text_was_seen_to_its_end_is_counted_if_it_is_open(pages):
    assert pages[POST].read_to_end in (1, 2)  # of two workers
    assert pages["index"].read_to_end == 0


def test_every_leave_is_a_stay_and_a_return_is_none(pages):
    assert pages[POST].stays == [5, 0, 0, 0, 0, 0, 1, 0]  # 700 seconds
    assert pages["index"].stays == [1, 0, 0, 0, 0, 0, 0, 0]


def test_time_is_counted_and_the_most_at_once(pages):
    assert 0 < pages[SITE].open_ms < 60_000
    assert (pages[SITE].peak, pages[POST].peak) == (5, 5)


def test_the_way_from_page_to_page_is_counted_without_who_went_it(site):
    assert site.went == (("index", POST, 1),)


def test_sources_are_campaigns_of_real_readers_and_hosts_that_a_browser_vouches_for(site):
    assert sorted(site.sources) == [
        ("campaign", f"<script>alert(1)</script>{LONG}"[:64], 1),
        ("campaign", "news / may", 1),
        ("host", "known-referrer.example", 1),
    ]


def test_machines_that_are_refused_are_counted_by_kind(site):
    assert sorted(site.refused) == [("crawler", 1), ("foreign", 1)]


def test_nothing_of_a_reader_is_in_the_store(store):
    """The host of a link is, which is no reader's."""
    found = b"".join(path.read_bytes() for path in store.parent.glob("store.db*"))
    assert b"how-the-counter-works" in found
    text = found.decode("latin-1").lower()
    secrets = [part.lower() for part in PARTS if part != "known-referrer"]
    secrets += ["/from", "http:", "https:", "secret-search", "example.org", "somebot", "private"]
    secrets += ["adaxxx", "benxxx", "cidxxx", "utm_"]
    assert [secret for secret in secrets if secret in text] == []
    assert not re.search(r"(?<![0-9a-f])[0-9a-f]{18}(?![0-9a-f])", text)  # a presence key


def test_without_history_nothing_is_recorded_and_no_store_is_opened(tmp_path):
    path = tmp_path / "store.db"
    environ = {"BLOG_DATABASE_URL": f"sqlite:///{path}", "BLOG_HISTORY": "0"}
    with Site(workers=1, environ=environ) as site:
        ask(site, f"/{POST}")
        with OpenStream(site, POST) as stream:
            stream.read_until("online")
        site.wait_for_total(0)
    assert read_report(environ["BLOG_DATABASE_URL"]).total == Counts()


@pytest.mark.full
def test_a_killed_worker_loses_what_it_counted_since_its_last_write(tmp_path):
    """Of three readers two came long before; the third came just now, and is lost."""
    path = tmp_path / "store.db"
    environ = {"BLOG_DATABASE_URL": f"sqlite:///{path}", "BLOG_HISTORY": "1"}
    url = environ["BLOG_DATABASE_URL"]
    with Site(workers=2, environ=environ) as site, contextlib.ExitStack() as stack:
        streams = [
            stack.enter_context(OpenStream(site, POST, headers=reader(name)))
            for name in ("ada", "ben")
        ]
        for stream in streams:
            stream.read_until("online")
        site.wait(lambda: read_report(url).total.opens == 2, "both are in the store", 25.0)
        began = time.monotonic()
        late = stack.enter_context(OpenStream(site, POST, headers=reader("cid")))
        late.read_until("online")
        site.wait_for_total(3)
        pid = site.find_worker(int(late.sock.getsockname()[1]))
        assert pid is not None
        site.kill_worker(pid)
        assert time.monotonic() - began < 5
        back = reader("cid", f"Last-Event-ID: {late.event_id}")
        stack.enter_context(OpenStream(site, POST, headers=back)).read_until("online")
    total = read_report(url).total
    assert total.opens in (2, 3)  # the write may have come between
    assert total.peak == 3
