"""What a store that is a file needs now and then: a backup, and a look at whether it is whole."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from blog.store.place import BUSY_SECONDS

# How a file of SQLite begins.
BEGINNING = b"SQLite format 3\0"
# What a backup copies before it lets others write.
PAGES_AT_ONCE = 4096
MOST_FAULTS = 5
# File systems on which SQLite's locks, or its shared memory, do not work as it needs them.
NETWORK_FILE_SYSTEMS = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph", "glusterfs", "lustre"),
    *("beegfs", "ocfs2", "gfs2", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone"),
}


class UpkeepError(Exception):
    """It cannot be done; one line says why, and what to do."""


def back_up(store: Path, target: Path) -> int:
    """Copy a store, which may be in use, into a file; return its size in bytes.

    The file is there whole or not at all, and its owner's alone; it may replace an earlier backup.
    Raises `UpkeepError`.
    """
    if not store.exists():
        raise UpkeepError(f"found no {store}: nothing was counted yet")
    if target.exists() and (target.samefile(store) or not _is_sqlite(target)):
        raise UpkeepError(f"{target} is there already, and no backup; choose another name")
    draft = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        _copy(store, draft)
        _write_through(draft)
        draft.replace(target)
        _write_through(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise UpkeepError(f"{target}: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return target.stat().st_size


def tell_size(size: int) -> str:
    """Return a number of bytes as people say it."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _copy(store: Path, draft: Path) -> None:
    with closing(open_to_read(store)) as source, closing(sqlite3.connect(draft)) as copy:
        source.backup(copy, pages=PAGES_AT_ONCE)
        copy.execute("PRAGMA journal_mode = DELETE")  # else a reader needs two files more


def _write_through(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_sqlite(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(BEGINNING)) == BEGINNING


def open_to_read(path: Path) -> sqlite3.Connection:
    """Return a connection that changes nothing. Raises `sqlite3.Error`."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def find_faults(path: Path) -> Iterator[str]:
    """Yield what is wrong with a file, some lines at most: it reads all of it."""
    try:
        with closing(open_to_read(path)) as file:
            for (said,) in file.execute(f"PRAGMA integrity_check({MOST_FAULTS})"):
                if said != "ok":
                    yield " ".join(said.split())
    except sqlite3.Error as error:
        yield str(error)


def empty_log(path: Path) -> None:
    """Overwrite what the write-ahead log has of deleted rows, where nobody reads just now."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def name_network_file_system(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """Name the network file system that a file is on; "" for a disk, and where none can tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    place, kind = path.absolute(), ""
    found = Path("/")
    for line in lines:  # the last that is mounted on a folder is what is seen there
        before, _, after = line.partition(" - ")
        folder = Path(before.split(" ")[4].encode().decode("unicode_escape"))
        if place.is_relative_to(folder) and len(folder.parts) >= len(found.parts):
            found, kind = folder, after.split(" ")[0]
    return kind if kind in NETWORK_FILE_SYSTEMS else ""
