"""Where a store is, by BLOG_DATABASE_URL; and the way to say it without its password."""

from __future__ import annotations

import os
import re
from pathlib import Path

SQLITE = "sqlite:///"
POSTGRESQL = "postgresql+psycopg://"
EXPECTED = f"{SQLITE}file.db, {POSTGRESQL}user:password@host/name, or nothing"
FILE_NAME = "store.db"
# How long a writer waits for another one.
BUSY_SECONDS = 5.0
# How blog/store/prepare.py ends.
UNAVAILABLE, REFUSED = 3, 4

# What hosting platforms call it.
_POSTGRESQL = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://(?=\S+$)")


def read_url(text: str) -> str:
    """Return the address of a store in its long form; "" for none. Raises `ValueError`."""
    text = text.strip()
    if _POSTGRESQL.match(text):
        return _POSTGRESQL.sub(POSTGRESQL, text)
    if text and not (text.startswith(SQLITE) and text.removeprefix(SQLITE)):
        raise ValueError
    return text


def choose_url(url: str, folder: Path) -> str:
    """Return the address of a store, which is a file in a folder if none is said."""
    return url or f"{SQLITE}{folder / FILE_NAME}"


def find_file(url: str) -> Path | None:
    """Return the file of a store; None where it is a server's."""
    return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None


def name_place(url: str) -> str:
    """Return what a message may say of an address: neither user nor password."""
    if path := find_file(url):
        return str(path)
    return "PostgreSQL at " + url.removeprefix(POSTGRESQL).rpartition("@")[2].partition("?")[0]


def check_owner(path: Path) -> None:
    """Raise `PermissionError` where another user keeps a file, or the folder for it, from us.

    What else may be wrong with it the database says.
    """
    place = path
    while not (found := _find_owner(place)):
        place = place.parent
    owner, is_ours = found
    if not is_ours and owner != os.geteuid():
        raise PermissionError(
            f"{place} is of user {owner}, and the blog runs as user {os.geteuid()}, who may not"
            " read and write it; give it to that user, or run the blog as its owner"
        )


def _find_owner(place: Path) -> tuple[int, bool] | None:
    """Return whose it is, and whether we may use it; None where nothing is seen."""
    try:
        return place.stat().st_uid, os.access(place, os.R_OK | os.W_OK, effective_ids=True)
    except OSError:
        return None
