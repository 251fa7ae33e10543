"""Forget what was counted before a day. Loads SQLAlchemy: import it in the store's thread."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table, delete, insert, select

from blog.history.ages import drop_before, drop_unused_names
from blog.history.counts import Counts
from blog.history.spans import Grain, first_day, first_minute, month_of
from blog.history.tables import COLUMNS, counts_of, row_of
from blog.store.schema import counts, paths, refused, sources


def forget(connection: Connection, day: int, zone: ZoneInfo) -> None:
    """Drop all that was counted before a day. What is left of its month is added up again.

    By day, paths and sources are kept for 90 days: of an older month nothing of them is left.
    """
    month = month_of(day)
    minute = first_minute(day, zone)
    days = {Grain.DAY: day, Grain.MONTH: month}
    drop_before(connection, {Grain.MINUTE: minute, Grain.QUARTER_HOUR: minute, **days}, days)
    if day == first_day(month):
        return
    _add_up_counts(connection, month)
    for table in (paths, sources, refused):
        _add_up_times(connection, table, month)
    drop_unused_names(connection)


def _add_up_counts(connection: Connection, month: int) -> None:
    sums: dict[int, Counts] = {}
    asked = select(counts.c.page, *COLUMNS).where(*_is_day_of(counts, month))
    for page, *row in connection.execute(asked):
        sums.setdefault(page, Counts()).add(counts_of(row))
    key = {"grain": int(Grain.MONTH), "at": month}
    rows = [{**key, "page": page, **row_of(total)} for page, total in sums.items()]
    _replace(connection, counts, month, rows)


def _add_up_times(connection: Connection, table: Table, month: int) -> None:
    names = [column.name for column in table.primary_key][2:]
    sums: dict[tuple[Any, ...], int] = {}
    asked = select(*(table.c[name] for name in names), table.c.times)
    for *key, times in connection.execute(asked.where(*_is_day_of(table, month))):
        sums[tuple(key)] = sums.get(tuple(key), 0) + times
    whole = {"grain": int(Grain.MONTH), "at": month}
    rows = [
        {**whole, **dict(zip(names, key, strict=True)), "times": times}
        for key, times in sums.items()
    ]
    _replace(connection, table, month, rows)


def _is_day_of(table: Table, month: int) -> tuple[Any, ...]:
    first, end = first_day(month), first_day(month + 1)
    return table.c.grain == int(Grain.DAY), table.c.at >= first, table.c.at < end


def _replace(connection: Connection, table: Table, month: int, rows: list[dict[str, Any]]) -> None:
    connection.execute(delete(table).where(table.c.grain == int(Grain.MONTH), table.c.at == month))
    if rows:
        connection.execute(insert(table), rows)
