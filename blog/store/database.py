"""The store as its users have it: a call is one transaction, in a native thread of the store's own.

Light: SQLAlchemy is loaded by the first call, in its thread, and Alembic for an older schema only.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from blog.native import BusyError, NativeWork
from blog.store.place import BUSY_SECONDS, choose_url, name_place
from blog.store.versions import NEWEST, is_old

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

# Calls that wait for the one before them; a call takes milliseconds, or as long as a lock is held.
MAX_WAITING = 16
MOST_CHARACTERS = 300


class StoreUnavailable(Exception):  # noqa: N818 - what it is, for those who go on without
    """The store cannot be used now; one line says where it is and why."""


class SchemaRefused(StoreUnavailable):
    """The schema is of a version that this program does not know."""


class _OldSchema(Exception):  # noqa: N818 - no error: it is migrated
    """Who only reads found a schema that is to be migrated first."""


class Database:
    """One process's way to the store. Nothing is connected before the first call."""

    def __init__(self, url: str, folder: Path, *, wait_seconds: float = BUSY_SECONDS) -> None:
        """`url` as of `read_url`; "" for a file in the folder. It waits so long for a lock."""
        self.url = choose_url(url, folder)
        self.place = name_place(self.url)
        self._writer = _Lane(self.url, wait_seconds, writes=True)
        self._reader = _Lane(self.url, wait_seconds, writes=False)

    def write(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what `function(connection, …)` returns, in one transaction of the only writer.

        It runs in a native thread: only the calling greenlet waits. Raises `StoreUnavailable`;
        what the function raises ends the transaction, too.
        """
        version, result = self._writer.run(
            _write, lambda connection: function(connection, *args, **kwargs)
        )
        if version != NEWEST:
            log.info("store: %s", tell_change(version, self.place))
        return result

    def read(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what `function(connection, …)` returns: it sees one state, and changes none."""

        def asked(connection: Connection) -> T:
            return function(connection, *args, **kwargs)

        try:
            return self._reader.run(_read, asked)
        except _OldSchema:
            self.prepare()
        return self._reader.run(_read, asked)

    def prepare(self) -> None:
        """Migrate the schema if it is older; once, whoever else does so. Raises as `write`."""
        self.write(lambda connection: None)

    def close(self) -> None:
        """End the threads and close what is connected. Idempotent."""
        self._writer.close()
        self._reader.close()


def tell_change(version: str | None, place: str) -> str:
    """Say in a line what was done to a schema of that version."""
    done = "made at" if version is None else f"migrated from version {version} to"
    return f"{place}: its tables were {done} version {NEWEST}"


class _Lane:
    """One native thread with an engine that no other thread uses: its locks would be gevent's."""

    def __init__(self, url: str, wait_seconds: float, *, writes: bool) -> None:
        self._url = url
        self._wait_seconds = wait_seconds
        self._writes = writes
        self._work: NativeWork[Any] = NativeWork(at_once=1, max_waiting=MAX_WAITING)
        self._engine: Engine | None = None

    def run(
        self,
        step: Callable[[Connection, Callable[[Connection], T]], R],
        asked: Callable[[Connection], T],
    ) -> R:
        try:
            result: R = self._work.run(lambda: self._run_here(step, asked))
        except BusyError:
            raise StoreUnavailable(f"{name_place(self._url)}: too many wait for it") from None
        except OSError as error:  # no file can be opened, not even one of SQLAlchemy's own
            raise StoreUnavailable(f"{name_place(self._url)}: {_say(error)}") from None
        return result

    def _run_here(
        self,
        step: Callable[[Connection, Callable[[Connection], T]], R],
        asked: Callable[[Connection], T],
    ) -> R:
        from sqlalchemy.exc import SQLAlchemyError

        if self._engine is None:
            self._engine = self._make_engine()
        try:
            with self._engine.connect() as connection, connection.begin():
                return step(connection, asked)
        except SchemaRefused as error:
            raise SchemaRefused(f"{name_place(self._url)}: {error}") from None
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            self._engine.dispose()  # whatever it was: the next call connects anew
            raise StoreUnavailable(f"{name_place(self._url)}: {_say(error)}") from error

    def _make_engine(self) -> Engine:
        from blog.store.engines import make_engine

        try:
            return make_engine(self._url, self._wait_seconds, writes=self._writes)
        except ImportError as error:  # no psycopg, or none that finds its library
            said = f"{name_place(self._url)}: {_say(error)}; install viblog[postgres]"
            raise StoreUnavailable(said) from None

    def close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            with contextlib.suppress(BusyError):
                self._work.run(engine.dispose)
        self._work.close()


def _write(connection: Connection, function: Callable[[Connection], T]) -> tuple[str | None, T]:
    version = _read_version(connection)
    if version is None:
        from blog.store.schema import make_tables

        make_tables(connection)
    elif version != NEWEST:
        logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells what it loads
        from blog.store.migrating import migrate

        migrate(connection)
    return version, function(connection)


def _read(connection: Connection, function: Callable[[Connection], T]) -> T:
    if _read_version(connection) != NEWEST:
        raise _OldSchema
    return function(connection)


def _read_version(connection: Connection) -> str | None:
    from blog.store.engines import read_version

    version = read_version(connection)
    if version != NEWEST and not is_old(version):
        raise SchemaRefused(
            f"found a schema of version {version}, expected {NEWEST} or older: a newer viblog made"
            " it; install that again, or name another store in BLOG_DATABASE_URL"
        )
    return version


def _say(error: Exception) -> str:
    """Return the first words of an error, in a line; drivers say addresses but no passwords."""
    said = str(getattr(error, "orig", None) or error)
    return " ".join(said.split())[:MOST_CHARACTERS]
