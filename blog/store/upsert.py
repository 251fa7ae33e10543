"""`INSERT … ON CONFLICT`: both databases have it, each by a name of its own."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table

if TYPE_CHECKING:
    from sqlalchemy.dialects.sqlite import Insert


def insert(dialect: str, table: Table) -> Insert:
    """Return the insertion of a kind of database; what is used of PostgreSQL's is the same."""
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)  # type: ignore[return-value]


def insert_once(connection: Connection, table: Table, **values: object) -> bool:
    """Insert a row unless there is one with its key; tell whether there was none."""
    done = connection.execute(_insertion_of_one(connection.dialect.name, table), values)
    return done.rowcount == 1


# To make a statement takes longer than the database does with it: each is made once.
@cache
def _insertion_of_one(dialect: str, table: Table) -> Insert:
    insertion = insert(dialect, table).on_conflict_do_nothing()
    return insertion.execution_options(preserve_rowcount=True)
