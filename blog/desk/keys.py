"""The key that signs what opens the desk: of the settings, else a file of the instance folder."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from urllib.parse import urlsplit

from blog.config import Settings
from blog.setting_kinds import MIN_SECRET_CHARS

KEY_FILE = "desk.key"
KEY_BYTES = 32
_LOCAL = {"localhost", "127.0.0.1", "::1"}


class DeskClosedError(Exception):
    """The desk cannot be opened by anybody; the message says why, in one line, and what to do."""


def find_key(settings: Settings) -> str:
    """Return the key; make it in the instance folder where there is none, and one host.

    Raises `DeskClosedError` where there is none that is known to the blog alone.
    """
    if settings.secret_key:
        return settings.secret_key
    if not has_one_host(settings):
        raise DeskClosedError(
            "found no BLOG_SECRET_KEY, expected one, since BLOG_REDIS_URL is of another machine:"
            " all hosts of the blog need the same key; make it once: openssl rand -hex 32"
        )
    return _read_or_make(settings.instance_dir / KEY_FILE)


def has_one_host(settings: Settings) -> bool:
    """Tell whether no other host can share the blog's Redis: it is one of this machine."""
    found = urlsplit(settings.redis_url)
    return found.scheme in ("", "unix") or found.hostname in _LOCAL


def _read_or_make(path: Path) -> str:
    try:
        with contextlib.suppress(FileExistsError):
            if not path.exists():
                _make(path)
        return _read(path)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise DeskClosedError(
            f"{path}: {reason}; expected a file that the blog can read and write; or set"
            " BLOG_SECRET_KEY"
        ) from error


def _make(path: Path) -> None:
    """Make the file, whole or not at all. Raises `FileExistsError` where another was first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    owner = path.parent.stat()
    draft = path.with_name(f".{KEY_FILE}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            if os.geteuid() == 0:  # a command of root's; the blog may be another user
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike a rename, this takes no other's place
    finally:
        draft.unlink()


def _read(path: Path) -> str:
    with path.open(encoding="ascii") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise DeskClosedError(
                f"{path}: found mode {mode:04o}, by which others may read the key, expected 0600;"
                " remove the file, since somebody may have read it"
            )
        key = file.read(1024).strip()
    if len(key) < MIN_SECRET_CHARS:
        raise DeskClosedError(
            f"{path}: found {len(key)} characters, expected a key of {MIN_SECRET_CHARS} or more;"
            " remove the file, and another is made"
        )
    return key
