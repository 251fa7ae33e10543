"""Who is here: presences tracked by many workers, agreed on through Redis or Valkey.

Self-contained: the standard library, gevent and redis only. A program that uses it is
monkey-patched by gevent first. Start with `Tracker`.
"""

from .inspector import Inspector, SeenWorker
from .observer import Observer
from .protocol import State, Timings
from .redis_link import Link, connect, describe_outage, is_refusal
from .replica import Replica
from .roster import ROOM, Roster
from .slot import Slot, Write
from .store import Store
from .sync import Sync
from .tracker import AlreadyTrackedError, NotTrackedError, Tracker
from .values import Diff, Presence, Version
from .wire import Digested

__all__ = [
    "ROOM",
    "AlreadyTrackedError",
    "Diff",
    "Digested",
    "Inspector",
    "Link",
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
