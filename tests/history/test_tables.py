"""What workers counted, merged: equal tables however it is split, in any order, sent twice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, delete, select

from blog.history.counts import Batch, Counts
from blog.history.spans import Grain
from blog.history.tables import merge
from blog.store.database import Database
from blog.store.schema import batches, counts, names, paths, refused, sources
from tests.history.times import BERLIN, minute

TABLES = (counts, paths, sources, refused)


def batch(number: int = 1, worker: str = "w", **counted: Any) -> Batch:
    nothing: dict[str, Any] = {"minutes": {}, "paths": {}, "sources": {}, "refused": {}}
    return Batch(worker, number, **nothing | counted)


def rows(connection: Connection, table: Table) -> list[tuple[Any, ...]]:
    """Return the rows of a table in order, with names for their numbers."""
    by_number = {row.number: row.name for row in connection.execute(select(names))}
    named = {"page", "next_page", "name"}
    found = [
        tuple(by_number[value] if key in named else value for key, value in row._mapping.items())
        for row in connection.execute(select(table))
    ]
    return sorted(found)


def all_rows(connection: Connection) -> list[list[tuple[Any, ...]]]:
    return [rows(connection, table) for table in TABLES]


def empty(connection: Connection) -> None:
    for table in (*TABLES, batches, names):
        connection.execute(delete(table))


def test_a_minute_is_counted_in_its_quarter_hour_day_and_month_too(database: Database):
    """In the second of two equal hours, at the end of a month, by the site's own midnight."""
    seen = Counts(opens=3, entries=1, open_ms=61_000, peak=2, peak_minute=7, doubt=True)
    seen.stays[7] = 2
    last = minute("2026-10-31 23:59")
    database.write(merge, batch(minutes={("blog/a", last): seen}), BERLIN)
    shared = ("blog/a", 3, 1, 61_000, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 7, 1)
    assert database.read(rows, counts) == [
        (Grain.MINUTE, last, *shared),
        (Grain.QUARTER_HOUR, minute("2026-10-31 23:45"), *shared),
        (Grain.DAY, date(2026, 10, 31).toordinal(), *shared),
        (Grain.MONTH, 2026 * 12 + 9, *shared),
    ]


def test_sums_are_added_and_of_equal_peaks_the_earlier_one_is_kept(database: Database):
    first = Counts(opens=1, peak=5, peak_minute=9, loads=1)
    second = Counts(opens=2, peak=5, peak_minute=8, read_to_end=1)
    third = Counts(peak=4, peak_minute=1, doubt=True)
    for number, seen in enumerate((first, second, third), 1):
        database.write(merge, batch(number, minutes={("index", 60): seen}), BERLIN)
    row = database.read(rows, counts)[0]
    assert row[2:5] == ("index", 3, 0)
    assert row[-6:] == (0, 1, 1, 5, 8, 1)


def test_of_a_thousand_names_a_day_of_all_workers_the_first_are_kept(database: Database):
    """Each worker keeps to that bound; so does what they write together."""
    day = date(2026, 10, 31).toordinal()
    for number in range(1, 4):
        seen = {(day, "index", "host", f"{number}-{at}.example"): 1 for at in range(400)}
        seen[day, "index", "campaign", "letter"] = 1  # others cannot use up this bound
        seen[day + 1, "index", "host", "news.example"] = 1
        database.write(merge, batch(number, sources=seen), BERLIN)
    found = database.read(rows, sources)
    of_day = {row[4]: row[5] for row in found if row[:4] == (Grain.DAY, day, "*", "host")}
    assert len(of_day) == 501
    assert of_day["others"] == 3 * 400 - 500
    assert (Grain.DAY, day, "*", "campaign", "letter", 3) in found
    (next_day,) = (row for row in found if row[:3] == (Grain.DAY, day + 1, "*"))
    assert next_day[3:] == ("host", "news.example", 3)


def test_paths_sources_and_refusals_are_added_by_day_and_month(database: Database):
    first, second = date(2026, 10, 31).toordinal(), date(2026, 11, 1).toordinal()
    database.write(
        merge,
        batch(
            paths={(first, "index", "blog/a"): 2, (second, "index", "blog/a"): 3},
            sources={(first, "blog/a", "host", "news.example"): 1},
            refused={(first, "crawler"): 4, (second, "crawler"): 5},
        ),
        BERLIN,
    )
    database.write(merge, batch(2, refused={(second, "crawler"): 1}), BERLIN)
    october = 2026 * 12 + 9
    assert database.read(rows, paths) == [
        (Grain.DAY, first, "index", "blog/a", 2),
        (Grain.DAY, second, "index", "blog/a", 3),
        (Grain.MONTH, october, "index", "blog/a", 2),
        (Grain.MONTH, october + 1, "index", "blog/a", 3),
    ]
    assert database.read(rows, sources) == [
        (Grain.DAY, first, "*", "host", "news.example", 1),
        (Grain.DAY, first, "blog/a", "host", "news.example", 1),
        (Grain.MONTH, october, "*", "host", "news.example", 1),
        (Grain.MONTH, october, "blog/a", "host", "news.example", 1),
    ]
    assert [row[3] for row in database.read(rows, refused)] == [4, 6, 4, 6]


def test_a_name_that_no_database_takes_is_kept_without_what_it_cannot_hold(database: Database):
    name = "a\0b\ud800<script>"
    database.write(merge, batch(sources={(740_000, "index", "campaign", name): 1}), BERLIN)
    assert {row[4] for row in database.read(rows, sources)} == {"ab?<script>"}


COUNTED = st.builds(
    Counts,
    opens=st.integers(0, 5),
    open_ms=st.integers(0, 2**40),
    stays=st.lists(st.integers(0, 3), min_size=8, max_size=8),
    peak=st.integers(0, 3),
    peak_minute=st.integers(0, 3),
    doubt=st.booleans(),
)
PAGES = st.sampled_from(["*", "index", "blog/ä"])
DAYS = st.integers(740_000, 740_040)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("minutes"), st.tuples(PAGES, st.integers(0, 90_000)), COUNTED),
        st.tuples(st.just("paths"), st.tuples(DAYS, PAGES, PAGES), st.integers(1, 9)),
        st.tuples(
            st.just("sources"),
            st.tuples(DAYS, PAGES, st.just("host"), PAGES),
            st.integers(1, 9),
        ),
        st.tuples(st.just("refused"), st.tuples(DAYS, PAGES), st.integers(1, 9)),
    ),
    max_size=25,
)
Event = tuple[str, tuple[Any, ...], Any]


def gather(number: int, worker: str, events: Iterable[Event]) -> Batch:
    """Make the batch of a worker that saw these events."""
    gathered: dict[str, dict[tuple[Any, ...], Any]] = {}
    for kind, key, value in events:
        held = gathered.setdefault(kind, {})
        if kind == "minutes":
            held.setdefault(key, Counts()).add(value)
        else:
            held[key] = held.get(key, 0) + value
    return batch(number, worker, **gathered)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=EVENTS, seed=st.integers(0, 99))
def test_however_it_is_split_in_any_order_and_sent_twice_the_tables_are_equal(
    database: Database, events: list[Event], seed: int
):
    database.write(check_splits, events, seed)  # in one transaction: each takes a disk its time


def check_splits(connection: Connection, events: list[Event], seed: int) -> None:
    empty(connection)
    merge(connection, gather(1, "alone", events), BERLIN)
    expected = all_rows(connection)
    for workers in (1, 2, 8):
        random = Random(seed)
        shares: dict[tuple[str, int], list[Event]] = {}
        for event in events:
            share = (f"w{random.randrange(workers)}", random.randrange(1, 4))
            shares.setdefault(share, []).append(event)
        sent = [gather(number, worker, share) for (worker, number), share in shares.items()] * 2
        random.shuffle(sent)
        empty(connection)
        assert sum(merge(connection, one, BERLIN) for one in sent) == len(shares)
        assert all_rows(connection) == expected


@pytest.mark.parametrize("grain", Grain)
def test_each_grain_has_the_same_sums(database: Database, grain):
    random = Random(1)
    events = {
        (random.choice("*ab"), random.randrange(10**7)): Counts(opens=random.randrange(9))
        for _ in range(50)
    }
    database.write(merge, batch(minutes=events), BERLIN)
    kept = [row for row in database.read(rows, counts) if row[0] == grain]
    assert sum(row[3] for row in kept) == sum(one.opens for one in events.values())
