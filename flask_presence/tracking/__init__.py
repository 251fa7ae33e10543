"""Who is here: presences tracked by many workers, agreed on through Redis or Valkey.

Self-contained: the standard library, gevent and redis only. A program that uses it is
monkey-patched by gevent first. Start with `Tracker`.
"""

from .observer import Observer
from .onlooker import Onlooker, SeenWorker
from .protocol import State, Timings
from .redis_link import Link, connect, describe_outage, is_refusal
from .replica import Diff, Presence, Replica, Version
from .slot import Slot, Write
from .store import Store
from .sync import Sync
from .tracker import AlreadyTrackedError, NotTrackedError, Tracker
from .wire import Digested

__all__ = [
    "AlreadyTrackedError",
    "Diff",
    "Digested",
    "Link",
    "NotTrackedError",
    "Observer",
    "Onlooker",
    "Presence",
    "Replica",
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
