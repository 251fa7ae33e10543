"""Add what workers counted to the tables. Loads SQLAlchemy: import it in the store's thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table, case, select

from blog.history.counts import SITE, STAY_BINS, Batch, Counts
from blog.history.sources import fold_name
from blog.history.spans import EPOCH_DAY, Grain, month_of, spans_of
from blog.store.names import clean, number_names
from blog.store.schema import ADDED, batches, counts, names, paths, refused, sources
from blog.store.upsert import insert, insert_once

if TYPE_CHECKING:
    from sqlalchemy.dialects.sqlite import Insert

Source = tuple[int, str, str, str]  # day, page, kind and name


def merge(connection: Connection, batch: Batch, zone: ZoneInfo) -> bool:
    """Add a batch to the tables; one that is there already changes nothing. Tell which it was.

    A minute's counts go into its quarter hour, day and month at once, and sources into the site's
    own: nothing has to be moved as it gets older, and all of a batch is there or nothing.
    """
    if not _is_first(connection, batch):
        return False
    batch = replace(batch, sources=_fold_names(connection, batch.sources))
    numbers = number_names(connection, _names_in(batch))
    spans: dict[tuple[Grain, int, int], Counts] = {}
    known = {minute: spans_of(minute, zone) for _, minute in batch.minutes}
    for (page, minute), counted in batch.minutes.items():
        for grain, at in known[minute]:
            spans.setdefault((grain, at, numbers[page]), Counts()).add(counted)
    _add_counts(connection, spans)
    went = {(day, numbers[a], numbers[b]): times for (day, a, b), times in batch.paths.items()}
    came: dict[tuple[int, int, str, int], int] = {}
    for (day, page, kind, name), times in batch.sources.items():
        for whole in (page, SITE):
            key = (day, numbers[whole], kind, numbers[name])
            came[key] = came.get(key, 0) + times
    _add_times(connection, paths, went)
    _add_times(connection, sources, came)
    _add_times(connection, refused, batch.refused)
    return True


def _fold_names(connection: Connection, counted: Mapping[Source, int]) -> dict[Source, int]:
    """Return what came of the first names of each kind and day, and of all others as one."""
    folded: dict[Source, int] = {}
    known: dict[tuple[int, str], set[str]] = {}
    for (day, page, kind, name), times in counted.items():
        if (day, kind) not in known:
            known[day, kind] = _find_names(connection, day, kind)
        key = day, page, kind, fold_name(known[day, kind], clean(name))
        folded[key] = folded.get(key, 0) + times
    return folded


def _find_names(connection: Connection, day: int, kind: str) -> set[str]:
    """Return the names of a kind that are counted on a day."""
    asked = select(names.c.name).join(sources, names.c.number == sources.c.name)
    asked = asked.where(sources.c.grain == int(Grain.DAY), sources.c.at == day)
    site = select(names.c.number).where(names.c.name == SITE).scalar_subquery()
    asked = asked.where(sources.c.page == site, sources.c.kind == kind)
    return set(connection.execute(asked).scalars())


def _names_in(batch: Batch) -> Iterator[str]:
    yield SITE
    for page, _ in batch.minutes:
        yield page
    for _, page, following in batch.paths:
        yield from (page, following)
    for _, page, _, name in batch.sources:
        yield from (page, name)


def _is_first(connection: Connection, batch: Batch) -> bool:
    # What has no minute has a day, which is kept for as long as a batch is sent again.
    days = [key[0] for counted in (batch.paths, batch.sources, batch.refused) for key in counted]
    midnight = (max(days, default=EPOCH_DAY) - EPOCH_DAY) * 24 * 60
    minute = max((minute for _, minute in batch.minutes), default=midnight)
    return insert_once(connection, batches, worker=batch.worker, number=batch.number, minute=minute)


def _add_counts(connection: Connection, spans: Mapping[tuple[Grain, int, int], Counts]) -> None:
    rows = [
        {"grain": int(grain), "at": at, "page": page, **row_of(counted)}
        for (grain, at, page), counted in sorted(spans.items(), key=lambda item: item[0])
    ]
    if rows:
        connection.execute(_addition_of_counts(connection.dialect.name), rows)


def _add_times(
    connection: Connection, table: Table, counted: Mapping[tuple[Any, ...], int]
) -> None:
    """Add how often each was, by day; the table's columns after `at` are the rest of the key."""
    key_names = [column.name for column in table.primary_key][2:]
    sums: dict[tuple[Any, ...], int] = {}
    for (day, *rest), times in counted.items():
        for key in ((Grain.DAY, day), (Grain.MONTH, month_of(day))):
            whole = (*key, *rest)
            sums[whole] = sums.get(whole, 0) + times
    rows = [
        dict(zip(("grain", "at", *key_names), key, strict=True)) | {"times": times}
        for key, times in sorted(sums.items())
    ]
    if rows:
        connection.execute(_addition_of_times(connection.dialect.name, table), rows)


# To make a statement takes longer than the database does with it: each is made once.


@cache
def _addition_of_counts(dialect: str) -> Insert:
    insertion = insert(dialect, counts)
    new = insertion.excluded
    is_peak = (new.peak > counts.c.peak) | (
        (new.peak == counts.c.peak) & (new.peak_minute < counts.c.peak_minute)
    )
    changes: dict[str, Any] = {name: counts.c[name] + new[name] for name in ADDED}
    changes |= {
        "peak": case((is_peak, new.peak), else_=counts.c.peak),
        "peak_minute": case((is_peak, new.peak_minute), else_=counts.c.peak_minute),
        "doubt": case((new.doubt > counts.c.doubt, new.doubt), else_=counts.c.doubt),
    }
    return insertion.on_conflict_do_update(index_elements=list(counts.primary_key), set_=changes)


@cache
def _addition_of_times(dialect: str, table: Table) -> Insert:
    insertion = insert(dialect, table)
    changes = {"times": table.c.times + insertion.excluded.times}
    return insertion.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)


def row_of(counted: Counts) -> dict[str, int]:
    stays = {f"stays_{number}": stays for number, stays in enumerate(counted.stays)}
    return stays | {
        "opens": counted.opens,
        "entries": counted.entries,
        "open_ms": counted.open_ms,
        "long_enough": counted.long_enough,
        "read_to_end": counted.read_to_end,
        "loads": counted.loads,
        "peak": counted.peak,
        "peak_minute": counted.peak_minute,
        "doubt": int(counted.doubt),
    }


COLUMNS = tuple(counts.c[name] for name in (*ADDED, "peak", "peak_minute", "doubt"))


def counts_of(row: Sequence[Any]) -> Counts:
    """Return the counts of a row that has the columns of `COLUMNS`."""
    opens, entries, open_ms, *rest = row
    stays, (long_enough, read_to_end, loads, peak, peak_minute, doubt) = (
        rest[:STAY_BINS],
        rest[STAY_BINS:],
    )
    return Counts(
        opens=opens,
        entries=entries,
        open_ms=open_ms,
        stays=stays,
        long_enough=long_enough,
        read_to_end=read_to_end,
        loads=loads,
        peak=peak,
        peak_minute=peak_minute,
        doubt=bool(doubt),
    )
