"""Who is here: presences tracked by many workers, agreed on through Redis or Valkey.

Self-contained: the standard library, gevent and redis only. A program that uses it is
monkey-patched by gevent first. Start with `Tracker`. What needs redis is imported when it is asked
for: redis takes as long to load as all the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .memory import MemoryStore
from .observer import Observer
from .protocol import State, Timings
from .replica import Replica
from .roster import ROOM, Roster
from .slot import Slot, Write
from .values import Diff, Presence, Version
from .wire import Digested

if TYPE_CHECKING:
    from .inspector import Inspector, SeenWorker
    from .redis_link import Link, connect, describe_outage, is_refusal
    from .store import Store
    from .sync import Sync
    from .tracker import AlreadyTrackedError, NotTrackedError, Tracker

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
]

_LOADS_REDIS = {
    ".inspector": ("Inspector", "SeenWorker"),
    ".redis_link": ("Link", "connect", "describe_outage", "is_refusal"),
    ".store": ("Store",),
    ".sync": ("Sync",),
    ".tracker": ("AlreadyTrackedError", "NotTrackedError", "Tracker"),
}
_PLACES = {name: module for module, names in _LOADS_REDIS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name], __name__), name)
