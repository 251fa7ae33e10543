"""Read all that was counted, row by row. Loads SQLAlchemy: import it in the store's thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from blog.history.counts import Counts
from blog.history.spans import Grain, first_day, start_of_day
from blog.history.tables import COLUMNS, counts_of
from blog.store.names import all_names
from blog.store.schema import counts, paths, refused, sources

# Of which there is more than a number for each page and time.
LISTS = {"paths": paths, "sources": sources, "refused": refused}


@dataclass(frozen=True, slots=True)
class Exported:
    """One row: the start of its span, the names it is about, and what was counted."""

    start: datetime
    about: dict[str, str]
    counted: Counts | int


def list_counts(connection: Connection, grain: Grain, zone: ZoneInfo) -> Iterator[Exported]:
    """Yield the counts of every page, and of the site, in every span of a grain that is kept."""
    names = all_names(connection)
    asked = select(counts.c.at, counts.c.page, *COLUMNS).where(counts.c.grain == int(grain))
    for at, page, *row in connection.execute(asked.order_by(counts.c.at, counts.c.page)):
        yield Exported(start_of(grain, at, zone), {"page": names[page]}, counts_of(row))


def list_columns(what: str) -> list[str]:
    """Return what the rows of `list_counts` ("counts") and of `list_times` are about."""
    return ["page"] if what == "counts" else [key.name for key in LISTS[what].primary_key][2:]


def list_times(
    connection: Connection, what: str, grain: Grain, zone: ZoneInfo
) -> Iterator[Exported]:
    """Yield how often each path, source or refusal was, by day or month."""
    table = LISTS[what]
    names: dict[Any, str] = dict(all_names(connection))
    keys = list_columns(what)
    asked = select(table.c.at, *(table.c[key] for key in keys), table.c.times)
    asked = asked.where(table.c.grain == int(grain)).order_by(*table.primary_key)
    for at, *about, times in connection.execute(asked):
        named = {key: names.get(value, value) for key, value in zip(keys, about, strict=True)}
        yield Exported(start_of(grain, at, zone), named, times)


def start_of(grain: Grain, at: int, zone: ZoneInfo) -> datetime:
    """Return when a span begins."""
    match grain:
        case Grain.MONTH:
            return start_of_day(first_day(at), zone)
        case Grain.DAY:
            return start_of_day(at, zone)
        case _:
            return datetime.fromtimestamp(at * 60, zone)
