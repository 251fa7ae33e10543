"""The tables as they are at the newest version; how they came to be: migrations/."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    insert,
)

from blog.store.versions import NEWEST

metadata = MetaData()
# Alembic's own, as it makes it.
version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def _number(name: str, kind: type[Integer] = Integer) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _table(name: str, *columns: Column[Any]) -> Table:
    return Table(name, metadata, *columns, sqlite_with_rowid=False)


def _key(name: str, kind: type[Integer | String] = String) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


# `grain` is how long the span of time is that a row is about, `at` its number, as
# blog/history/spans.py has them: a period's rows lie together.
STAYS = tuple(f"stays_{number}" for number in range(8))
ADDED = ("opens", "entries", "open_ms", *STAYS, "long_enough", "read_to_end", "loads")

# A page or a source is a number in all others: it stands in up to a million rows.
names = Table(
    "names",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
)
counts = _table(
    "counts",
    _key("grain", SmallInteger),
    _key("at", Integer),
    _key("page", Integer),
    *(_number(name, BigInteger if name == "open_ms" else Integer) for name in ADDED),
    _number("peak"),
    _number("peak_minute"),
    _number("doubt", SmallInteger),
)
paths = _table(
    "paths",
    _key("grain", SmallInteger),
    _key("at", Integer),
    _key("page", Integer),
    _key("next_page", Integer),
    _number("times"),
)
sources = _table(
    "sources",
    _key("grain", SmallInteger),
    _key("at", Integer),
    _key("page", Integer),
    _key("kind"),
    _key("name", Integer),
    _number("times"),
)
refused = _table(
    "refused", _key("grain", SmallInteger), _key("at", Integer), _key("kind"), _number("times")
)
# Which batches are merged; `minute` is when.
batches = _table("batches", _key("worker"), _key("number", Integer), _number("minute"))
# What all workers of all hosts agree on. `expires_at`: seconds since the epoch, NULL for never.
marks = _table(
    "marks",
    _key("name"),
    Column("value", String, nullable=False),
    Column("expires_at", BigInteger),
)


def make_tables(connection: Connection) -> None:
    """Make the newest tables where there are none; without Alembic, which takes 8 MB."""
    for made in (metadata, version.metadata):
        made.create_all(connection, checkfirst=False)
    connection.execute(insert(version), {"version_num": NEWEST})
