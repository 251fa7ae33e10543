"""Presence for Flask: who has which page open, agreed on by all workers, and streamed to the pages.

`Presence` is the extension. Below it, `flask_presence.tracking` counts, over Redis; `streams` holds
the open server-sent-event streams; `web` lets a tab in; `server` has what gunicorn needs. What is
named here is imported when it is asked for: gunicorn's master must not load redis.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .settings import PresenceSettings
    from .tracking import Store, Tracker, connect
    from .web.extension import Presence

__all__ = ["Presence", "PresenceSettings", "Store", "Tracker", "connect"]

_PLACES = {"Presence": ".web.extension", "PresenceSettings": ".settings"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES.get(name, ".tracking"), __name__), name)
