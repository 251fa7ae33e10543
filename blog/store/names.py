"""Pages and sources by number: each name is in the store once. Loads SQLAlchemy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from sqlalchemy import Column, Connection, delete, insert, select, union

from blog.store.schema import names

T = TypeVar("T")

# Less than what SQLite takes in one statement.
IN_ONE_STATEMENT = 5_000


def clean(name: str) -> str:
    """Return a name as both databases take it: those of sources are a stranger's."""
    return name.replace("\0", "").encode(errors="replace").decode()


def find_numbers(connection: Connection, wanted: Iterable[str]) -> dict[str, int]:
    """Return the numbers of those names that have one."""
    found: dict[str, int] = {}
    for some in _divide(sorted({clean(name) for name in wanted})):
        asked = select(names.c.name, names.c.number).where(names.c.name.in_(some))
        found |= dict(connection.execute(asked).all())
    return found


def number_names(connection: Connection, wanted: Iterable[str]) -> dict[str, int]:
    """Return the number of each name; a new one gets the next. For the writer only."""
    by_name = {name: clean(name) for name in wanted}
    numbers = find_numbers(connection, by_name.values())
    if new := sorted(set(by_name.values()) - numbers.keys()):
        connection.execute(insert(names), [{"name": name} for name in new])
        numbers |= find_numbers(connection, new)
    return {name: numbers[cleaned] for name, cleaned in by_name.items()}


def find_names(connection: Connection, numbers: Iterable[int]) -> dict[int, str]:
    """Return the names of numbers."""
    found: dict[int, str] = {}
    for some in _divide(sorted(set(numbers))):
        asked = select(names.c.number, names.c.name).where(names.c.number.in_(some))
        found |= dict(connection.execute(asked).all())
    return found


def all_names(connection: Connection) -> dict[int, str]:
    """Return every name by its number."""
    return dict(connection.execute(select(names.c.number, names.c.name)).all())


def drop_unused(connection: Connection, used: Iterable[Column[int]]) -> None:
    """Drop the names whose numbers are in none of these columns."""
    wanted = union(*(select(column) for column in used))
    connection.execute(delete(names).where(names.c.number.not_in(wanted)))


def _divide(values: Sequence[T]) -> Iterable[Sequence[T]]:
    return (
        values[start : start + IN_ONE_STATEMENT]
        for start in range(0, len(values), IN_ONE_STATEMENT)
    )
