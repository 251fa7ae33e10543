"""Reports as the store has them, read once for all who ask within ten seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from gevent.lock import BoundedSemaphore

from blog.desk.veil import last_told
from blog.history.report import Period, Report

if TYPE_CHECKING:
    from sqlalchemy import Connection

# What is counted comes to the store every ten seconds.
FRESH_SECONDS = 10
MOST_KEPT = 32


class Store(Protocol):
    """What reads in a native thread; raises `StoreUnavailable`."""

    def read(self, function: Callable[..., Any], *args: Any) -> Any: ...


class Reports:
    """Reads reports, one at a time, and keeps the last ones for a moment."""

    def __init__(
        self, store: Store, zone: ZoneInfo, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._zone = zone
        self._clock = clock
        self._kept: dict[tuple[Period, str | None, bool], tuple[float, Report]] = {}
        self._reading = BoundedSemaphore()

    def read(self, period: Period, page: str | None = None, *, for_all: bool = False) -> Report:
        """Return the report of a period, of the whole site or a page. Raises `StoreUnavailable`.

        It ends now, or with what everybody may see.
        """
        asked = (period, page, for_all)
        with self._reading:  # who waits here finds what the one before has read
            now = self._clock()
            kept = self._kept.get(asked)
            if kept is not None and 0 <= now - kept[0] < FRESH_SECONDS:
                return kept[1]
            end = last_told(period, now, self._zone) if for_all else now
            report: Report = self._store.read(_read, period, end, self._zone, page)
            self._kept.pop(asked, None)
            self._kept[asked] = (now, report)
            if len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            return report


def _read(
    connection: Connection, period: Period, end: float, zone: ZoneInfo, page: str | None
) -> Report:
    from blog.history.reading import read  # it loads SQLAlchemy

    return read(connection, period, end, zone, page)
