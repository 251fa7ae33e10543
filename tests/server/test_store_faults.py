"""A store that cannot be used costs history only: pages and streams go on, and nothing is lost."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from blog.history.counts import SITE
from blog.history.spans import Grain
from blog.store.database import Database
from blog.store.schema import counts, names
from tests.postgres import PostgreSql
from tests.server.open_stream import OpenStream
from tests.server.small_disk import fill, make_room, run_with_disk, small_disk
from tests.site import Site
from tests.valkey import Valkey

pytestmark = [pytest.mark.full, pytest.mark.system]

# A writer waits five seconds for a lock: a page that waited with it would take as long.
MOST_SECONDS = 2.0
LOCKED_SECONDS = 10.0


def read_opens(connection: Connection) -> int:
    """Return how often any page of the site was opened, by its days."""
    asked = select(func.sum(counts.c.opens)).join(names, names.c.number == counts.c.page)
    days = asked.where(counts.c.grain == int(Grain.DAY), names.c.name == SITE)
    return connection.execute(days).scalar() or 0


def read_through(url: str, fault: AbstractContextManager[None]) -> dict[str, Any]:
    """Serve a blog through a fault of its store to readers who come and go; say what they saw."""
    opened, longest, answered = 1, 0.0, 0
    with Site(workers=1, environ={"BLOG_DATABASE_URL": url}) as site:
        site.wait_for_total(0)
        with OpenStream(site) as reader:
            reader.read_until(">1 reader online<")
            with fault:
                begun = time.monotonic()
                while not (
                    "kept in memory" in site.read_whole_log()
                    and time.monotonic() - begun > LOCKED_SECONDS
                ):
                    assert time.monotonic() - begun < 60, site.read_log()
                    before = time.monotonic()
                    site.fetch("/")
                    reader.text = ""
                    with OpenStream(site, "blog/how-the-counter-works"):
                        reader.read_until(">2 readers online<")
                    reader.read_until(">1 reader online<")
                    longest = max(longest, time.monotonic() - before - 1)  # a tab lingers for one
                    opened, answered = opened + 1, answered + 1
            site.wait(lambda: "the store is back" in site.read_whole_log(), "it is back", 30)
        log = site.read_whole_log()
    database = Database(url, Path())
    found = database.read(read_opens)
    database.close()
    history = [line.partition("history: ")[2] for line in log.splitlines() if "history: " in line]
    return {
        "opened": opened,
        "found": found,
        "longest": longest,
        "answered": answered,
        "said": history,
        "tracebacks": log.count("Traceback"),
    }


def check(told: dict[str, Any], reason: str) -> None:
    assert told["found"] == told["opened"]
    assert told["longest"] < MOST_SECONDS
    assert told["answered"] >= 5
    assert told["said"][0] == f"{reason}; what is counted is kept in memory for an hour at most"
    assert told["said"][1:] == ["the store is back; nothing is lost"]
    assert told["tracebacks"] == 0


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield


@contextlib.contextmanager
def away(server: PostgreSql) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    fill(disk)
    yield
    make_room(disk)


def test_a_store_that_another_program_locks_for_ten_seconds_stops_no_reader(tmp_path: Path):
    path = tmp_path / "store.db"
    check(read_through(f"sqlite:///{path}", locked(path)), f"{path}: database is locked")


def test_a_postgresql_that_is_away_for_ten_seconds_stops_no_reader(running_postgres: PostgreSql):
    told = read_through(running_postgres.make_database(), away(running_postgres))
    reason, _, rest = told["said"][0].partition(": connection failed: ")
    assert "Connection refused" in rest
    check(told, told["said"][0].partition("; ")[0])
    assert reason.startswith(f"PostgreSQL at 127.0.0.1:{running_postgres.port}/")


def test_two_hosts_that_start_at_once_make_the_tables_of_their_postgresql_once_and_share_it(
    running_postgres: PostgreSql, valkey: Valkey
):
    url = running_postgres.make_database()
    environ = {"BLOG_DATABASE_URL": url, "BLOG_REDIS_URL": valkey.url}
    sites = [Site(workers=2, environ=environ) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool, contextlib.ExitStack() as stack:
        list(pool.map(stack.enter_context, sites))
        for site in sites:
            with OpenStream(site) as one, OpenStream(site, "blog/how-the-counter-works") as other:
                one.read_until("id: ")
                other.read_until("id: ")
        logs = [site.read_whole_log() for site in sites]
    database = Database(url, Path())
    assert database.read(read_opens) == 4
    database.close()
    assert sum(log.count("its tables were made at version 0001") for log in logs) == 1


def read_on_a_small_disk() -> dict[str, Any]:
    with small_disk(megabytes=1) as disk:
        return read_through(f"sqlite:///{disk}/store.db", full(disk))


def test_a_disk_that_is_full_stops_no_reader():
    told = run_with_disk("tests.server.test_store_faults:read_on_a_small_disk")
    reason = told["said"][0].partition("; ")[0]
    assert reason.endswith(("store.db: database or disk is full", "store.db: disk I/O error"))
    check(told, reason)
