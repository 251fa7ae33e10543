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
    _create("counts", _grain(), _at(), _text("page"), *_sums())
    _create("paths", _grain(), _at(), _text("page"), _text("next_page"), _number("times"))
    _create("sources", _grain(), _at(), *map(_text, ("page", "kind", "name")), _number("times"))
    _create("refused", _grain(), _at(), _text("kind"), _number("times"))
    number = sa.Column("number", sa.Integer, primary_key=True, autoincrement=False)
    _create("batches", _text("worker"), number, _number("minute"))
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


def _grain() -> sa.Column[Any]:
    return sa.Column("grain", sa.SmallInteger, primary_key=True, autoincrement=False)


def _at() -> sa.Column[Any]:
    return sa.Column("at", sa.Integer, primary_key=True, autoincrement=False)


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.String, primary_key=True)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False)
