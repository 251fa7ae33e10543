"""The registry of passes, one for all workers and hosts: the desk's epoch, and which are spent."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from blog.desk.passes import Pass
from blog.store.database import Database

if TYPE_CHECKING:
    from sqlalchemy import Connection

EPOCH = "desk.epoch"
SPENT = "desk.spent."


class PassRegistry:
    """Reads and writes it. Each call raises `StoreUnavailable` where the store does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_epoch(self) -> str:
        """Return the epoch; begin the first one where there is none."""
        return self._database.read(_read_epoch) or self._database.write(_begin_epoch)

    def allows(self, known: Pass) -> bool:
        """Tell whether a pass is of this epoch, and not spent."""
        return self._database.read(_allows, known)

    def spend(self, known: Pass) -> bool:
        """Spend a pass; False where it is of no use, as another was first, say."""
        return self._database.write(_spend, known)

    def close_desk(self) -> None:
        """Begin another epoch: no pass of an older one is of use any more."""
        self._database.write(_replace_epoch)


# Each runs in the store's native thread, and loads there what a worker does not load at its start.


def _read_epoch(connection: Connection) -> str:
    from blog.store.marks import get_mark

    return get_mark(connection, EPOCH) or ""


def _begin_epoch(connection: Connection) -> str:
    return _read_epoch(connection) or _replace_epoch(connection)


def _replace_epoch(connection: Connection) -> str:
    from blog.store.marks import set_mark

    # Random, not the next number: in a store that was lost it would begin at the same one again.
    epoch = secrets.token_urlsafe(12)
    set_mark(connection, EPOCH, epoch)
    return epoch


def _allows(connection: Connection, known: Pass) -> bool:
    from blog.store.marks import get_mark

    is_spent = get_mark(connection, SPENT + known.id) is not None
    return not is_spent and _read_epoch(connection) == known.epoch


def _spend(connection: Connection, known: Pass) -> bool:
    from blog.store.marks import claim

    is_of_now = _read_epoch(connection) == known.epoch
    return is_of_now and claim(connection, SPENT + known.id, known.expires)
