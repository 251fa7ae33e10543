"""Times for the tests, by the clock of a place."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = BERLIN, *, fold: int = 0) -> float:
    """Return seconds since the epoch: of `2026-10-25 02:30`, with `fold` the second of that day."""
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def minute(text: str, zone: ZoneInfo = BERLIN, *, fold: int = 0) -> int:
    """Return minutes since the epoch."""
    return int(at(text, zone, fold=fold)) // 60
