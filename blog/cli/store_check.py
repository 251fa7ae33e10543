"""How the store is doing: for `flask store check`, and a part of it for `flask doctor`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from blog.config import Settings
from blog.desk.keys import has_one_host
from blog.history.spans import Grain
from blog.store.database import Database, StoreUnavailable
from blog.store.place import find_file
from blog.store.upkeep import find_faults, name_network_file_system, tell_size
from flask_presence.cli.doctor import Finding, fail, warn

if TYPE_CHECKING:
    from sqlalchemy import Connection

# A day of counts of a large site is less than a megabyte; a migration copies tables.
LEAST_FREE_BYTES = 256 * 1024 * 1024


def examine_place(settings: Settings, database: Database) -> Iterator[Finding]:
    """Say whether the store can be where it is; looks at no row."""
    path = find_file(database.url)
    if path is None:
        return
    if kind := name_network_file_system(path):
        yield warn(
            "store",
            f"{path} is on a network file system ({kind})",
            "a disk of this machine",
            "SQLite loses data there: set BLOG_INSTANCE_DIR or BLOG_DATABASE_URL",
        )
    if not has_one_host(settings):
        yield warn(
            "store",
            "BLOG_REDIS_URL is of another machine, and the store a file of this one",
            "one store for all hosts",
            "Set BLOG_DATABASE_URL on all hosts if there are several: docs/history.md",
        )


def examine_store(database: Database, zone: ZoneInfo) -> Iterator[Finding]:
    """Read the whole store, and say what is in it."""
    path = find_file(database.url)
    if path is not None:
        if not path.exists():
            yield Finding("store", f"no {path}: nothing was counted yet")
            return
        yield from _examine_file(path)
    try:
        yield from database.read(lambda connection: list(_examine_rows(connection, zone)))
    except StoreUnavailable as error:
        yield fail("store", str(error), "an answer", "docs/history.md says what it needs")


def _examine_file(path: Path) -> Iterator[Finding]:
    faults = list(find_faults(path))
    for fault in faults:
        yield fail(
            "file", fault, "a whole database", "Stop the blog, and put a backup in its place"
        )
    if not faults:
        yield Finding("file", f"{path} is whole, {tell_size(path.stat().st_size)}")
    free = shutil.disk_usage(path.parent).free
    if free < LEAST_FREE_BYTES:
        yield warn("disk", f"{tell_size(free)} free", tell_size(LEAST_FREE_BYTES), "Make room")


def _examine_rows(connection: Connection, zone: ZoneInfo) -> Iterator[Finding]:
    from sqlalchemy import func, select, text

    from blog.history.exporting import start_of
    from blog.store.engines import read_version
    from blog.store.schema import counts

    if connection.dialect.name == "postgresql":
        size = connection.scalar(text("SELECT pg_database_size(current_database())"))
        yield Finding("size", tell_size(size or 0))
    yield Finding("version", f"{read_version(connection)}, as this program has it")
    asked = select(counts.c.grain, func.count(), func.min(counts.c.at)).group_by(counts.c.grain)
    for number, rows, first in connection.execute(asked.order_by(counts.c.grain)):
        grain = Grain(number)
        yield Finding(
            grain.name.lower().replace("_", " ") + "s",
            f"{rows} rows since {start_of(grain, first, zone):%Y-%m-%d %H:%M}",
        )
