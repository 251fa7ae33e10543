"""`INSERT … ON CONFLICT`: both databases have it, each by a name of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table

if TYPE_CHECKING:
    from sqlalchemy.dialects.sqlite import Insert


def insert(connection: Connection, table: Table) -> Insert:
    """Return the insertion of a connection's database; what is used of PostgreSQL's is the same."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)  # type: ignore[return-value]


def insert_once(connection: Connection, table: Table, **values: object) -> bool:
    """Insert a row unless there is one with its key; tell whether there was none."""
    insertion = insert(connection, table).on_conflict_do_nothing()
    done = connection.execute(insertion.execution_options(preserve_rowcount=True), values)
    return done.rowcount == 1
