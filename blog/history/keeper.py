"""Hand counts on to the store, and keep them meanwhile where it cannot be used."""

from __future__ import annotations

import logging
from collections import deque
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from blog.history.counts import Batch
from blog.store.database import Database, StoreUnavailable

if TYPE_CHECKING:
    from sqlalchemy import Connection

log = logging.getLogger(__name__)

KEPT_SECONDS = 60 * 60
# Batches in one transaction: other writers wait so long for their turn.
AT_ONCE = 30
DROP_SECONDS = 15 * 60


class Keeper:
    """One worker's way into the history. Used by one greenlet; waits, and never raises."""

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        self._database = database
        self._zone = zone
        self._waiting: deque[tuple[float, Batch]] = deque()
        self._outage = ""
        self._lost: tuple[float, float] | None = None  # from the first to the last lost batch
        self._looked_at = 0.0
        self._has_kept = False
        self._failed_at: float | None = None

    def keep(self, batch: Batch | None, now: float) -> None:
        """Have a batch, None for nothing new, merged with all that wait: now, or when it can be.

        Call it every few seconds. What was counted more than an hour ago is given up.
        """
        if batch is not None and has_something(batch):
            self._waiting.append((now, batch))
        while self._waiting and self._waiting[0][0] < now - KEPT_SECONDS:
            self._lose(self._waiting.popleft()[0])
        is_due = self._has_kept and not 0 <= now - self._looked_at < DROP_SECONDS
        if not (self._waiting or is_due):
            return
        try:
            self._write(now)
        except Exception as error:  # what is counted next shall be kept none the less
            self._failed_at = now
            if not self._outage:
                self._outage = str(error) or type(error).__name__
                log.warning(
                    "history: %s; what is counted is kept in memory for an hour at most",
                    self._outage,
                    exc_info=not isinstance(error, StoreUnavailable),
                )
        else:
            if self._outage:
                log.warning(
                    "history: the store is back; %s", self._tell_lost() or "nothing is lost"
                )
            self._outage, self._lost = "", None

    def close(self, now: float) -> None:
        """Try a last time, but not at the very time of a failure; say what is lost then."""
        if self._failed_at != now:
            self.keep(None, now)
        if self._waiting:
            for since, _ in self._waiting:
                self._lost = (self._lost or (since, since))[0], since
            log.error("history: this worker ends, and %s", self._tell_lost())

    def _write(self, now: float) -> None:
        """Merge all that wait, some at a time."""
        while True:
            some = [batch for _, batch in islice(self._waiting, AT_ONCE)]
            looks = not 0 <= now - self._looked_at < DROP_SECONDS
            self._database.write(_merge, some, now, self._zone, drops=looks)
            self._has_kept = True
            if looks:
                self._looked_at = now
            for _ in some:
                self._waiting.popleft()
            if not self._waiting:
                return

    def _lose(self, since: float) -> None:
        if self._lost is None:
            self._lost = since, since
            log.error(
                "history: %s, and has been for an hour: what was counted since %s is being lost",
                self._outage,
                self._clock(since),
            )
        self._lost = self._lost[0], since

    def _tell_lost(self) -> str:
        if self._lost is None:
            return ""
        first, last = self._lost
        return f"what was counted from {self._clock(first)} to {self._clock(last)} is lost"

    def _clock(self, moment: float) -> str:
        return datetime.fromtimestamp(moment, self._zone).strftime("%Y-%m-%d %H:%M")


def has_something(batch: Batch) -> bool:
    """Tell whether anything was counted."""
    return bool(batch.minutes or batch.paths or batch.sources or batch.refused)


def _merge(
    connection: Connection, some: list[Batch], now: float, zone: ZoneInfo, *, drops: bool
) -> None:
    # In the store's thread: it takes 0.2 s the first time.
    from blog.history.ages import drop_old
    from blog.history.tables import merge

    for batch in some:
        merge(connection, batch, zone)
    if drops:
        drop_old(connection, now, zone)
