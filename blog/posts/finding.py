"""Which files of a folder are posts, and which are shown beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from blog.posts.model import Fault

SUFFIX = ".md"
# What a post shows or offers; anything else in the folder is nobody's to ask for.
MEDIA_SUFFIXES = (
    *(".avif", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp"),
    *(".mp4", ".webm", ".mp3", ".oga", ".ogg", ".wav", ".vtt", ".pdf"),
)


class Stamp(NamedTuple):
    """What differs once a file was written again; cheaper than reading it."""

    mtime_ns: int
    size: int
    inode: int


def is_hidden(name: str) -> bool:
    """Tell whether a name is hidden, or an editor's backup or lock (`.#a.md`, `#a.md#`, `a.md~`).

    Most backups do not end in `.md` and would be left out anyway.
    """
    return name.startswith((".", "#")) or name.endswith("~")


def is_media(name: str) -> bool:
    """Tell by its name whether a file is a picture, a film, a sound or a document."""
    return name.lower().endswith(MEDIA_SUFFIXES)


def find_files(folder: Path) -> Iterator[tuple[Path, Stamp | Fault]]:
    """Yield the path of every post and every media file with its stamp, or with what is wrong.

    Paths begin as `folder` does. Raises `OSError` if the folder itself cannot be listed.
    """
    inside = os.path.realpath(folder)
    pending = [str(folder)]
    while pending:
        place = pending.pop()
        try:
            with os.scandir(place) as listing:
                entries = list(listing)
        except OSError as error:
            if place == str(folder):
                raise
            yield Path(place), unreadable(Path(place), error)
            continue
        for entry in entries:
            if is_hidden(entry.name):
                continue
            if entry.is_symlink():
                yield from _follow(entry, inside)
            elif entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
            elif entry.name.endswith(SUFFIX) or is_media(entry.name):
                path = Path(entry.path)
                yield path, _stamp(path, entry)


def _follow(entry: os.DirEntry[str], inside: str) -> Iterator[tuple[Path, Stamp | Fault]]:
    """Yield a link's target if it is a post; a linked folder's posts are found where they are."""
    path = Path(entry.path)
    target = os.path.realpath(entry.path)
    is_post = entry.name.endswith(SUFFIX)
    if not Path(target).is_relative_to(inside):
        if is_post or Path(target).is_dir():
            yield (
                path,
                Fault(
                    path,
                    1,
                    f"a link to {target}, which is outside the folder",
                    "a file inside the folder of posts",
                    "copy the file into the folder",
                ),
            )
    elif (is_post or is_media(entry.name)) and not Path(target).is_dir():
        yield path, _stamp(path, entry)


def _stamp(path: Path, entry: os.DirEntry[str]) -> Stamp | Fault:
    try:
        found = entry.stat()
    except OSError as error:
        return unreadable(path, error)
    if not S_ISREG(found.st_mode):
        # To open a pipe would wait for someone to write into it.
        return Fault(path, 1, "neither a file nor a folder", "a Markdown file", "remove it")
    return Stamp(found.st_mtime_ns, found.st_size, found.st_ino)


def unreadable(path: Path, error: OSError) -> Fault:
    """Say that a file or folder cannot be read."""
    reason = error.strerror or type(error).__name__
    mend = "give the blog's user the right to read it, or remove it"
    return Fault(path, 1, f"it cannot be read ({reason})", "a readable file", mend)
