"""Look at the store before the blog starts. Loads nothing: gunicorn's master asks."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from blog.store.place import REFUSED, check_owner, choose_url, find_file
from blog.store.versions import NEWEST

# Longer than a migration of two years of counts takes.
PREPARE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Prepared:
    """What there is to say, in a line, "" for nothing; and whether the blog can start.

    Unless it `is_well`, nothing can be kept for now.
    """

    said: str = ""
    can_start: bool = True
    is_well: bool = True


def prepare_store(url: str, folder: Path) -> Prepared:
    """Have the tables made or migrated where they are not as this program knows them.

    The blog cannot start with an address that cannot be used, nor with a schema that is newer. A
    file in the folder that nobody asked for is made when there is something to keep, and costs its
    history only.
    """
    chosen = choose_url(url, folder)
    path = find_file(chosen)
    try:
        if path is not None:
            check_owner(path)
    except PermissionError as error:
        return Prepared(f"{path}: {error}", can_start=not url, is_well=False)
    if path is not None and (_is_newest(path) or not (url or path.exists())):
        return Prepared()
    import subprocess  # no start of most blogs needs it

    code = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join([code, *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "blog.store.prepare"],
            input=chosen,
            env=os.environ | {"PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            text=True,
            timeout=PREPARE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Prepared(f"no answer for {PREPARE_SECONDS} s", can_start=not url, is_well=False)
    said = " ".join(done.stdout.split()).removeprefix("store: ")
    is_fatal = done.returncode == REFUSED or (done.returncode != 0 and url != "")
    return Prepared(said, can_start=not is_fatal, is_well=done.returncode == 0)


def _is_newest(path: Path) -> bool:
    if not path.exists():
        return False
    import sqlite3

    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            found = file.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:  # no database, or no such table
        return False
    return bool(found == (NEWEST,))
