"""The history of a site of 5,000 posts over two years, made of nothing but a seed."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import Any

from sqlalchemy import Connection, Table, insert

from blog.history.ages import RARE
from blog.history.counts import SITE
from blog.history.spans import (
    NAMES_KEPT_DAYS,
    Grain,
    day_of,
    first_minute,
    month_of,
    oldest_kept,
)
from blog.store.names import number_names
from blog.store.schema import ADDED, batches, counts, paths, sources
from tests.history.times import BERLIN

POSTS = 5_000
OPENS_A_DAY = 3_000
LOADS_BY_LINK_A_DAY = 300
SITES = 400
IN_ONE_INSERT = 20_000


def fill(connection: Connection, now: float) -> None:
    """Write what is there after two years with 3,000 opens a day, 800 different posts among them.

    Posts are opened as they mostly are: the second half as often as the first, the third a third
    as often, and so on.
    """
    random = Random(1)
    weights = list(accumulate(1 / rank for rank in range(1, POSTS + 1)))
    pages = [SITE, "index", *(f"blog/a-post-about-something-{number}" for number in range(POSTS))]
    hosts = [f"site-{number}.example" for number in range(SITES)]
    numbers = number_names(connection, [*pages, *hosts])
    sites = [numbers[host] for host in hosts]
    site, index, *posts = map(numbers.__getitem__, pages)

    def choose(among: list[int] = posts) -> int:
        return among[bisect(weights, random.random() * weights[len(among) - 1])]

    def follow() -> tuple[int, int]:
        """From a list to a post, back, or from a post to another: each as often."""
        return random.choice([(index, choose()), (choose(), index), (choose(), choose())])

    oldest = oldest_kept(now, BERLIN)
    months: dict[int, Counter[int]] = {}
    month_paths: dict[int, Counter[tuple[int, int]]] = {}
    month_sources: dict[int, Counter[tuple[int, int]]] = {}
    last = int(now // 60)
    rows: list[dict[str, Any]] = []
    for day in range(oldest[Grain.DAY], day_of(last, BERLIN) + 1):
        opened = [(choose(), random.randrange(1440)) for _ in range(OPENS_A_DAY)]
        start, month = first_minute(day, BERLIN), month_of(day)
        for grain, width in ((Grain.MINUTE, 1), (Grain.QUARTER_HOUR, 15)):
            if start >= oldest[grain]:
                spans = Counter((page, m - m % width) for page, m in opened)
                spans.update((site, m - m % width) for _, m in opened)
                rows += (row(random, grain, start + m, p, n) for (p, m), n in spans.items())
        days = Counter(page for page, _ in opened)
        rows += (row(random, Grain.DAY, day, page, n) for page, n in days.items())
        rows.append(row(random, Grain.DAY, day, site, OPENS_A_DAY))
        months.setdefault(month, Counter()).update(days)
        went = Counter(follow() for _ in range(OPENS_A_DAY // 5))
        month_paths.setdefault(month, Counter()).update(went)
        is_named = day >= day_of(last, BERLIN) - NAMES_KEPT_DAYS
        if is_named:
            write(connection, paths, list(path_rows(Grain.DAY, day, went)))
        came = [(choose(), choose(sites)) for _ in range(LOADS_BY_LINK_A_DAY)]
        came += [(site, source) for _, source in came]
        month_sources.setdefault(month, Counter()).update(came)
        if is_named:
            write(connection, sources, list(source_rows(Grain.DAY, day, Counter(came))))
        if len(rows) > IN_ONE_INSERT:
            write(connection, counts, rows)
            rows = []
    for month, opened_then in months.items():
        rows += (row(random, Grain.MONTH, month, page, n) for page, n in opened_then.items())
        rows.append(row(random, Grain.MONTH, month, site, opened_then.total()))
        went = month_paths[month]
        if month < month_of(day_of(last, BERLIN) - NAMES_KEPT_DAYS):
            went = Counter({path: times for path, times in went.items() if times >= RARE})
        write(connection, paths, list(path_rows(Grain.MONTH, month, went)))
        write(connection, sources, list(source_rows(Grain.MONTH, month, month_sources[month])))
    write(connection, counts, rows)
    of_two_days = range(2 * 24 * 360)
    write(
        connection,
        batches,
        [{"worker": f"w{w}", "number": n, "minute": last} for n in of_two_days for w in (1, 2)],
    )


def row(random: Random, grain: Grain, at: int, page: int, opens: int) -> dict[str, Any]:
    """Return a row of counts such as a page has that was opened so often."""
    numbers: dict[str, Any] = dict.fromkeys(ADDED, 0)
    for _ in range(min(opens, 40)):
        numbers[f"stays_{random.randrange(8)}"] += 1
    numbers |= {"opens": opens, "entries": opens // 2, "open_ms": opens * random.randrange(10**6)}
    numbers |= {"long_enough": opens // 3, "read_to_end": opens // 4, "loads": opens * 2}
    peak = {"peak": 1 + opens // 9, "peak_minute": 29_000_000 + random.randrange(10**6), "doubt": 0}
    return {"grain": int(grain), "at": at, "page": page, **numbers, **peak}


def path_rows(grain: Grain, at: int, went: Counter[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    for (page, following), times in went.items():
        key = {"grain": int(grain), "at": at, "page": page, "next_page": following}
        yield key | {"times": times}


def source_rows(grain: Grain, at: int, came: Counter[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    for (page, name), times in came.items():
        key = {"grain": int(grain), "at": at, "page": page, "kind": "host", "name": name}
        yield key | {"times": times}


def write(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)
