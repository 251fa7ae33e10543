"""Presences tracked by many workers, which agree on them through Redis or Valkey.

Self-contained: the standard library, gevent and redis only. A program that uses it is
monkey-patched by gevent first. Start with `Tracker`. The names that are needed only to count are
imported at their first use, not when an application is made: redis takes as long to load as
everything else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .observer import Observer
from .roster import ROOM, Roster
from .values import Diff, Presence, Version, read_arrival

if TYPE_CHECKING:
    from .inspector import Inspector, SeenWorker
    from .memory import MemoryStore
    from .protocol import State, Timings
    from .redis_link import Link, connect, describe_outage, is_refusal
    from .replica import Replica
    from .slot import Slot, Write
    from .store import Store
    from .sync import Sync
    from .tracker import AlreadyTrackedError, NotTrackedError, Tracker
    from .wire import Digested

__all__ = [
    "ROOM",
    "AlreadyTrackedError",
    "Diff",
    "Digested",
    "Inspector",
    "Link",
    "MemoryStore",
    "NotTrackedError",
    "Observer",
    "Presence",
    "Replica",
    "Roster",
    "SeenWorker",
    "Slot",
    "State",
    "Store",
    "Sync",
    "Timings",
    "Tracker",
    "Version",
    "Write",
    "connect",
    "describe_outage",
    "is_refusal",
    "read_arrival",
]

_LATER = {
    ".inspector": ("Inspector", "SeenWorker"),
    ".memory": ("MemoryStore",),
    ".protocol": ("State", "Timings"),
    ".redis_link": ("Link", "connect", "describe_outage", "is_refusal"),
    ".replica": ("Replica",),
    ".slot": ("Slot", "Write"),
    ".store": ("Store",),
    ".sync": ("Sync",),
    ".tracker": ("AlreadyTrackedError", "NotTrackedError", "Tracker"),
    ".wire": ("Digested",),
}
_PLACES = {name: module for module, names in _LATER.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name], __name__), name)
