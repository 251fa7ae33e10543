"""How SQLAlchemy reaches each kind of database. Loading it takes 0.2 s and 20 MB."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DisconnectionError

from blog.store.place import BUSY_SECONDS, SQLITE, check_owner

# On the disk when a transaction ends; what is deleted is overwritten.
PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON")
# What the store's writers ask PostgreSQL for in turn: "viblog" as a number.
WRITERS_LOCK = 0x7669626C6F67
# A server that says nothing any more is given up after so long.
SILENCE_MS = 10_000
_HAS_VERSION = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'",
    "postgresql": "SELECT 1 WHERE to_regclass('alembic_version') IS NOT NULL",
}


class _File(sqlite3.Connection):
    """A connection that is closed with the last who knows it, as that of an application dropped."""

    def __del__(self) -> None:
        with contextlib.suppress(sqlite3.ProgrammingError):  # it could not be opened
            self.close()  # else Python warns, from 3.13 on


def make_engine(url: str, wait_seconds: float, *, writes: bool) -> Engine:
    """Return an engine whose every transaction is one of a writer, or sees one state of all.

    A writer's transaction begins when no other writer's is open: one that reads first and writes
    then would else fail at once. Who waits for a lock for longer than `wait_seconds` is refused.
    """
    if url.startswith(SQLITE):
        return _sqlite(Path(url.removeprefix(SQLITE)), wait_seconds, writes=writes)
    return _postgresql(make_url(url), wait_seconds, writes=writes)


def _sqlite(path: Path, wait_seconds: float, *, writes: bool) -> Engine:
    url = URL.create("sqlite", database=str(path))
    arguments = {
        "timeout": wait_seconds,
        "isolation_level": None,
        "check_same_thread": False,
        "factory": _File,
    }
    engine = create_engine(url, pool_size=1, max_overflow=0, connect_args=arguments)

    @event.listens_for(engine, "do_connect")
    def create(*_: object) -> None:
        _create_private(path)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, record: Any) -> None:
        record.info["file"] = _identify(path)
        for pragma in (*PRAGMAS, f"query_only = {'OFF' if writes else 'ON'}"):
            connection.execute(f"PRAGMA {pragma}")

    # The file stays open, for to open and close it takes longer than a small transaction.
    @event.listens_for(engine, "checkout")
    def look(connection: Any, record: Any, _: object) -> None:
        if record.info["file"] != _identify(path):
            raise DisconnectionError(f"{path} is another file now")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _identify(path: Path) -> tuple[int, int] | None:
    """Return what no other file has at the same time; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _create_private(path: Path) -> None:
    """Make a file that its owner alone can read, unless it is there."""
    check_owner(path)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # another worker was quicker
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        if os.geteuid() == 0:  # a command of root's; the blog may be another user
            owner = path.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        os.close(descriptor)


def _postgresql(url: URL, wait_seconds: float, *, writes: bool) -> Engine:
    lock_ms = int(wait_seconds * 1000)
    told: dict[str, Any] = {
        "connect_timeout": int(BUSY_SECONDS),
        "tcp_user_timeout": SILENCE_MS,
        "application_name": "viblog",
        "options": f"-c lock_timeout={lock_ms} -c statement_timeout={lock_ms + SILENCE_MS}",
    }
    asked = {name: value for name, value in told.items() if name not in url.query}
    # Servers end what is idle, and restart: a connection is tried before it is used.
    engine = create_engine(url, pool_size=1, max_overflow=0, pool_pre_ping=True, connect_args=asked)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if writes:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    return engine


def read_version(connection: Connection) -> str | None:
    """Return the version of the schema; None where there is none yet."""
    if connection.exec_driver_sql(_HAS_VERSION[connection.dialect.name]).first() is None:
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)
