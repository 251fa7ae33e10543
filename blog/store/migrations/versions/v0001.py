"""Counts by page and time, where readers came from and went, and what all workers agree on."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

STAYS = [f"stays_{n}" for n in range(8)]


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "names",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
    )
    _create("counts", *_span(), _key("page"), *_sums())
    _create("paths", *_span(), _key("page"), _key("next_page"), _number("times"))
    _create("sources", *_span(), _key("page"), _text("kind"), _key("name"), _number("times"))
    _create("refused", *_span(), _text("kind"), _number("times"))
    _create("batches", _text("worker"), _key("number"), _number("minute"))
    value, expires = sa.Column("value", sa.String, nullable=False), sa.BigInteger
    _create("marks", _text("name"), value, sa.Column("expires_at", expires))


def _create(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(name, *columns, sqlite_with_rowid=False)


def _sums() -> list[sa.Column[Any]]:
    return [
        *map(_number, ("opens", "entries")),
        sa.Column("open_ms", sa.BigInteger, nullable=False),
        *map(_number, (*STAYS, "long_enough", "read_to_end", "loads", "peak", "peak_minute")),
        sa.Column("doubt", sa.SmallInteger, nullable=False),
    ]


def _span() -> list[sa.Column[Any]]:
    return [_key("grain", sa.SmallInteger), _key("at")]


def _key(name: str, kind: type[sa.Integer] = sa.Integer) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.String, primary_key=True)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False)
