"""Drop what is older than it is kept for. Loads SQLAlchemy: import it in the store's thread."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete

from blog.history.spans import Grain, oldest_kept
from blog.store.marks import forget_expired, get_mark, set_mark
from blog.store.schema import batches, counts, paths, refused, sources

EVERY_SECONDS = 15 * 60
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
    for grain, at in oldest.items():
        connection.execute(delete(counts).where(counts.c.grain == int(grain), counts.c.at < at))
    for table in (paths, sources, refused):
        for grain in (Grain.DAY, Grain.MONTH):
            is_old = (table.c.grain == int(grain)) & (table.c.at < oldest[grain])
            connection.execute(delete(table).where(is_old))
    # A batch is sent again for an hour at most.
    connection.execute(delete(batches).where(batches.c.minute < oldest[Grain.MINUTE]))
    forget_expired(connection, now)
    set_mark(connection, MARK, str(int(now)))
    return True
