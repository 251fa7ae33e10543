"""A real blog counts what is read; what is in its store afterwards is read and searched."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import time
from pathlib import Path

import pytest
from flask import Response

from blog.desk.own_visits import OwnVisits
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


def read_rows(store: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(store)) as connection:
        connection.executescript(NAMED)
        return connection.execute(query, values).fetchall()


def read_day(store: Path, page: str, columns: str) -> tuple[object, ...]:
    """Return the sums of some columns of a page's days."""
    with contextlib.closing(sqlite3.connect(store)) as connection:
        connection.row_factory = sqlite3.Row
        connection.executescript(NAMED)
        query = "SELECT * FROM counts WHERE grain = 2 AND page = ?"
        days = connection.execute(query, (page,)).fetchall()
    return tuple(sum(day[name] for day in days) for name in columns.split())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Have known readers read, go on, come back and leave; return the store of it."""
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


def test_what_was_opened_is_counted_once(store):
    assert read_day(store, "index", "opens entries") == (1, 1)
    assert read_day(store, POST, "opens entries loads") == (5, 4, 2)
    assert read_day(store, "*", "opens entries") == (6, 5)


def test_every_leave_is_a_stay_and_a_return_is_none(store):
    stays = " ".join(f"stays_{number}" for number in range(8))
    assert read_day(store, POST, stays) == (5, 0, 0, 0, 0, 0, 0, 0)
    assert read_day(store, "index", stays) == (1, 0, 0, 0, 0, 0, 0, 0)


def test_time_is_counted_and_the_most_at_once(store):
    ((open_ms,),) = read_rows(store, "SELECT open_ms FROM counts WHERE grain = 2 AND page = '*'")
    assert 0 < int(str(open_ms)) < 60_000
    query = "SELECT max(peak) FROM counts WHERE grain = 2 AND page = ?"
    assert read_rows(store, query, "*") == [(5,)]
    assert read_rows(store, query, POST) == [(5,)]


def test_the_way_from_page_to_page_is_counted_without_who_went_it(store):
    found = read_rows(store, "SELECT page, next_page, times FROM paths WHERE grain = 2")
    assert found == [("index", POST, 1)]


def test_sources_are_campaigns_of_real_readers_and_hosts_that_a_browser_vouches_for(store):
    query = (
        "SELECT kind, name, times FROM sources WHERE grain = 2 AND page = '*' ORDER BY kind, name"
    )
    assert read_rows(store, query) == [
        ("campaign", f"<script>alert(1)</script>{LONG}"[:64], 1),
        ("campaign", "news / may", 1),
        ("host", "known-referrer.example", 1),
    ]


def test_machines_that_are_refused_are_counted_by_kind(store):
    query = "SELECT kind, times FROM refused WHERE grain = 2 ORDER BY kind"
    assert read_rows(store, query) == [("crawler", 1), ("foreign", 1)]


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
    assert not path.exists() or read_rows(path, "SELECT * FROM counts") == []


@pytest.mark.full
def test_a_killed_worker_loses_what_it_counted_since_its_last_write(tmp_path):
    """Of three readers two came long before; the third came just now, and is lost."""
    path = tmp_path / "store.db"
    environ = {"BLOG_DATABASE_URL": f"sqlite:///{path}", "BLOG_HISTORY": "1"}
    with Site(workers=2, environ=environ) as site, contextlib.ExitStack() as stack:

        def opens() -> int:
            query = "SELECT coalesce(sum(opens), 0) FROM counts WHERE grain = 2 AND page = '*'"
            return int(str(read_rows(path, query)[0][0])) if path.exists() else 0

        streams = [
            stack.enter_context(OpenStream(site, POST, headers=reader(name)))
            for name in ("ada", "ben")
        ]
        for stream in streams:
            stream.read_until("online")
        site.wait(lambda: opens() == 2, "both are in the store", 25.0)
        began = time.monotonic()
        late = stack.enter_context(OpenStream(site, POST, headers=reader("cid")))
        late.read_until("online")
        pid = site.find_worker(int(late.sock.getsockname()[1]))
        assert pid is not None
        site.kill_worker(pid)
        assert time.monotonic() - began < 5
        back = reader("cid", f"Last-Event-ID: {late.event_id}")
        stack.enter_context(OpenStream(site, POST, headers=back)).read_until("online")
    assert opens() in (2, 3)  # the write may have come between
    query = "SELECT max(peak) FROM counts WHERE grain = 2 AND page = '*'"
    assert read_rows(path, query) == [(3,)]
