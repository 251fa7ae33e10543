"""What is counted reaches the store, or waits in memory: what is lost, and what the log says."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, func, select

from blog.history.counts import Batch, Counts
from blog.history.keeper import Keeper
from blog.store.database import Database
from blog.store.schema import counts
from tests.history.times import at

UTC = ZoneInfo("UTC")
START = at("2026-11-20 12:00", UTC)


def batch(number: int, now: float = START) -> Batch:
    return Batch("w", number, {("index", int(now) // 60): Counts(opens=1)}, {}, {}, {})


def opens(connection: Connection) -> int | None:
    return connection.execute(select(func.sum(counts.c.opens)).where(counts.c.grain == 3)).scalar()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    store = Database("", tmp_path, wait_seconds=0.01)
    yield store
    store.close()


def test_what_is_counted_while_the_store_is_locked_is_there_afterwards(store, path, caplog):
    keeper = Keeper(store, UTC)
    keeper.keep(batch(1), START)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(2, 10):
            keeper.keep(batch(number), START + number * 10)
    keeper.keep(None, START + 100)
    assert store.read(opens) == 9
    assert [record.getMessage() for record in caplog.records] == [
        f"history: {path}: database is locked; what is counted is kept in memory for an hour at"
        " most",
        "history: the store is back; nothing is lost",
    ]


def test_after_an_hour_the_oldest_is_given_up_and_what_is_lost_is_said_once(store, path, caplog):
    keeper = Keeper(store, UTC)
    store.prepare()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(14):
            keeper.keep(batch(number), START + number * 300)
    keeper.keep(None, START + 14 * 300)
    assert store.read(opens) == 12
    locked = f"history: {path}: database is locked"
    assert [record.getMessage() for record in caplog.records] == [
        f"{locked}; what is counted is kept in memory for an hour at most",
        f"{locked}, and has been for an hour: what was counted since 2026-11-20 12:00 is being"
        " lost",
        "history: the store is back; what was counted from 2026-11-20 12:00 to 2026-11-20 12:05"
        " is lost",
    ]


def test_a_disk_that_is_full_costs_nothing_but_a_line(store, path, caplog, monkeypatch):
    """The database itself refuses to grow, as it does where the file system has no room."""
    keeper = Keeper(store, UTC)
    keeper.keep(batch(1), START)
    size = path.stat().st_size // 4096
    monkeypatch.setattr("blog.store.engines.PRAGMAS", (f"max_page_count = {size}",))
    many = {(f"blog/{n}", 30_000_000): Counts(opens=1) for n in range(999)}
    full = Keeper(Database("", path.parent), UTC)
    full.keep(Batch("full", 1, many, {}, {}, {}), START)
    assert store.read(opens) == 1
    assert "database or disk is full" in caplog.records[-1].getMessage()
    monkeypatch.setattr("blog.store.engines.PRAGMAS", ())
    full.keep(None, START + 10)
    assert "nothing is lost" in caplog.records[-1].getMessage()
    assert store.read(opens) == 1000


def test_a_worker_that_ends_meanwhile_says_what_it_takes_with_it(store, path, caplog):
    keeper = Keeper(store, UTC)
    store.prepare()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        keeper.keep(batch(1), START)
        keeper.close(START + 60)
    assert caplog.records[-1].getMessage() == (
        "history: this worker ends, and what was counted from 2026-11-20 12:00 to"
        " 2026-11-20 12:00 is lost"
    )


class Tried(Database):
    """A store that counts how often it was to be written."""

    tries = 0

    def write(self, *args: Any, **kwargs: Any) -> Any:
        self.tries += 1
        return super().write(*args, **kwargs)


def test_who_ends_does_not_wait_twice_for_a_store_that_is_locked(tmp_path, path):
    store = Tried("", tmp_path, wait_seconds=0.01)
    keeper = Keeper(store, UTC)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        keeper.keep(batch(1), START)
        keeper.close(START)
    assert store.tries == 1


class Broken(Database):
    """A store with a fault of our own in it."""

    is_broken = True

    def write(self, *args: Any, **kwargs: Any) -> Any:
        if self.is_broken:
            raise ZeroDivisionError("a fault of our own")
        return super().write(*args, **kwargs)


def test_whatever_fails_what_is_counted_is_kept_and_the_cause_is_said_once(tmp_path, caplog):
    store = Broken("", tmp_path)
    keeper = Keeper(store, UTC)
    for number in range(3):
        keeper.keep(batch(number), START + number * 10)
    store.is_broken = False
    keeper.keep(None, START + 30)
    assert store.read(opens) == 3
    said = [(record.getMessage(), bool(record.exc_info)) for record in caplog.records]
    assert said == [
        (
            "history: a fault of our own; what is counted is kept in memory for an hour at most",
            True,
        ),
        ("history: the store is back; nothing is lost", False),
    ]
    store.close()


def test_where_nothing_is_counted_no_store_is_made(store, path):
    keeper = Keeper(store, UTC)
    keeper.keep(None, START)
    keeper.keep(Batch("w", 1, {}, {}, {}, {}), START + 1000)
    keeper.close(START + 2000)
    assert not path.exists()


KILLED = """
import os, sys
from pathlib import Path
from zoneinfo import ZoneInfo
from sqlalchemy import event
from sqlalchemy.engine import Engine
from blog.history.counts import Batch, Counts
from blog.history.keeper import Keeper
from blog.store.database import Database

statements = int(sys.argv[2])

@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, *rest):
    global statements
    statements -= 1
    if not statements:
        os.kill(os.getpid(), 9)

minutes = {(f"blog/{n}", 29_700_000 + n): Counts(opens=1) for n in range(20)}
paths = {(739_800, "index", f"blog/{n}"): 1 for n in range(20)}
keeper = Keeper(Database("", Path(sys.argv[1])), ZoneInfo("UTC"))
keeper.keep(Batch("w", 1, minutes, paths, {}, {}), 29_700_030 * 60)
"""


@pytest.mark.full
@pytest.mark.parametrize("statement", range(4, 20, 3))
def test_a_worker_that_is_killed_between_two_statements_leaves_all_of_a_batch_or_nothing(
    store, path, statement
):
    store.prepare()
    command = [sys.executable, "-c", KILLED, str(path.parent), str(statement)]
    ended = subprocess.run(command, timeout=60, check=False)
    assert store.read(opens) in ((None, 20) if ended.returncode else (20,))
    again = subprocess.run([*command[:-1], "0"], timeout=60, check=True)
    assert again.returncode == 0
    assert store.read(opens) == 20
