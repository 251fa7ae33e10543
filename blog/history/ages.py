"""Drop what is older than it is kept for. Loads SQLAlchemy: import it in the store's thread."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table, delete

from blog.history.spans import NAMES_KEPT_DAYS, Grain, day_of, month_of, oldest_kept
from blog.store.marks import forget_expired, get_mark, set_mark
from blog.store.names import drop_unused
from blog.store.schema import batches, counts, paths, refused, sources

EVERY_SECONDS = 15 * 60
# Of a path from page to page that fewer took in a month, nothing is left when its days are gone.
RARE = 3
MARK = "dropped old counts at"


def drop_old(connection: Connection, now: float, zone: ZoneInfo) -> bool:
    """Drop it if nobody has in the last quarter of an hour; tell whether this call did.

    Any worker of any host may call it: the first of them does the work. It only deletes, in the one
    transaction of its mark, so an end in between leaves everything as it was.
    """
    last = get_mark(connection, MARK)
    if last is not None and 0 <= now - int(last) < EVERY_SECONDS:
        return False
    oldest = oldest_kept(now, zone)
    day = day_of(int(now // 60), zone) - NAMES_KEPT_DAYS
    drop_before(connection, oldest, {Grain.DAY: day, Grain.MONTH: oldest[Grain.MONTH]})
    is_rare = (paths.c.grain == int(Grain.MONTH)) & (paths.c.times < RARE)
    connection.execute(delete(paths).where(is_rare, paths.c.at < month_of(day)))
    # A batch is sent again for an hour at most.
    connection.execute(delete(batches).where(batches.c.minute < oldest[Grain.MINUTE]))
    forget_expired(connection, now)
    set_mark(connection, MARK, str(int(now)))
    return True


def drop_before(
    connection: Connection, spans: Mapping[Grain, int], name_spans: Mapping[Grain, int]
) -> None:
    """Drop what was counted before the given span of each grain, and the names that nothing has."""
    dropped = 0
    for grain, at in spans.items():
        dropped += _delete(connection, counts, grain, at)
    for table in (paths, sources, refused):
        for grain, at in name_spans.items():
            dropped += _delete(connection, table, grain, at)
    if dropped:
        drop_unused_names(connection)


def drop_unused_names(connection: Connection) -> None:
    """Drop the pages and sources of which nothing is counted any more."""
    used = (counts.c.page, paths.c.page, paths.c.next_page, sources.c.page, sources.c.name)
    drop_unused(connection, used)


def _delete(connection: Connection, table: Table, grain: Grain, at: int) -> int:
    """Return how many rows of the longest spans went: a name is in one of these if it is in any."""
    gone = connection.execute(delete(table).where(table.c.grain == int(grain), table.c.at < at))
    return gone.rowcount if grain is Grain.MONTH else 0
