"""What all workers of all hosts agree on: words under names, and names that only one can claim."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from blog.store.schema import marks
from blog.store.upsert import insert, insert_once


def get_mark(connection: Connection, name: str) -> str | None:
    """Return what is marked under a name; None for nothing."""
    found = connection.execute(select(marks.c.value).where(marks.c.name == name)).scalar()
    return None if found is None else str(found)


def set_mark(connection: Connection, name: str, value: str) -> None:
    """Mark it under a name, until it is marked otherwise."""
    insertion = insert(connection.dialect.name, marks).values(name=name, value=value)
    changed = {"value": insertion.excluded.value}
    connection.execute(insertion.on_conflict_do_update(index_elements=["name"], set_=changed))


def claim(connection: Connection, name: str, expires_at: int) -> bool:
    """Tell whether this is the first claim of a name; it expires, in seconds since the epoch."""
    return insert_once(connection, marks, name=name, value="", expires_at=expires_at)


def forget_expired(connection: Connection, now: float) -> None:
    """Drop the claims of the past."""
    connection.execute(delete(marks).where(marks.c.expires_at < now))
