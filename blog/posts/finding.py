"""Which files of a folder are posts, and which are shown beside them."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath
from stat import S_ISREG
from typing import NamedTuple
from unicodedata import normalize

from blog.posts.model import Fault
from blog.posts.signs import on_one_line

# In any case: macOS and Windows make no difference either.
SUFFIXES = (".md", ".markdown", ".mdown", ".mkd")
# What a post shows or offers; anything else in the folder is nobody's to ask for.
MEDIA_SUFFIXES = (
    *(".avif", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp"),
    *(".mp4", ".webm", ".mp3", ".oga", ".ogg", ".wav", ".vtt", ".pdf"),
)
MAX_ENDINGS_NAMED = 6
# Python's stand-ins for the bytes of a name that is no UTF-8.
_HALVES = re.compile("[\udc80-\udcff]")


class Stamp(NamedTuple):
    """What changes when a file is written again; cheaper than reading the file."""

    mtime_ns: int
    size: int
    inode: int


def is_text(name: str) -> bool:
    """Tell by its name whether a file is a post or a page."""
    return name.lower().endswith(SUFFIXES)


def drop_suffix(name: str) -> str:
    """Return the name of a text's file without what says that it is one."""
    found = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(found)]


def is_hidden(name: str) -> bool:
    """Tell whether a name is hidden, or an editor's backup or lock (`.#a.md`, `#a.md#`, `a.md~`).
    Most backups have another ending than posts and would be left out anyway.
    """
    return name.startswith((".", "#")) or name.endswith("~")


def is_media(name: str) -> bool:
    """Tell by its name whether a file is a picture, a film, a sound or a document."""
    return name.lower().endswith(MEDIA_SUFFIXES)


def find_files(folder: Path) -> Iterator[tuple[Path, Stamp | Fault | OSError]]:
    """Yield the path of every post and every media file with its stamp, or with what is wrong.

    An `OSError` comes with what could not be looked at, a file or a folder in the folder. Raises
    one if the folder itself cannot be listed. Paths begin as `folder` does.
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
            yield Path(place), error
            continue
        for entry in entries:
            if is_hidden(entry.name):
                continue
            if _HALVES.search(entry.name):
                yield from _refuse_name(entry)
            elif entry.is_symlink():
                yield from _follow(entry, inside)
            elif entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
            elif is_text(entry.name) or is_media(entry.name):
                path = Path(entry.path)
                yield path, _stamp(path, entry)


def describe_others(folder: Path) -> str:
    """Say what a folder without posts has instead; empty where that is nothing."""
    endings: Counter[str] = Counter()
    for _, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_hidden(name)]
        shown = (PurePath(name).suffix.lower() for name in names if not is_hidden(name))
        endings.update(f"in {suffix}" if suffix else "without an ending" for suffix in shown)
    if not endings:
        return ""
    most = sorted(endings.items(), key=lambda item: (-item[1], item[0]))[:MAX_ENDINGS_NAMED]
    looked_for = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
    seen = ", ".join(f"{count} {ending}" for ending, count in most)
    return f"no file that ends in {looked_for}, but {seen}"


def find_on_disk(path: Path) -> Path:
    """Return the path under which a file exists, in whichever form of Unicode; `path` if none does.
    Archives and some programs of macOS write names decomposed, which looks the same.
    """
    if str(path).isascii() or os.path.lexists(path):
        return path
    found = Path(path.anchor)
    for name in path.parts[1 if path.anchor else 0 :]:
        if os.path.lexists(found / name):
            found /= name
            continue
        try:
            names = [] if name.isascii() else [other.name for other in found.iterdir()]
        except OSError:
            return path
        same = [other for other in names if normalize("NFC", other) == normalize("NFC", name)]
        if not same:
            return path
        found /= same[0]
    return found


def _follow(entry: os.DirEntry[str], inside: str) -> Iterator[tuple[Path, Stamp | Fault | OSError]]:
    """Yield a link's target if it is a post; posts in a linked folder are found under the link's
    path.
    """
    path = Path(entry.path)
    target = os.path.realpath(entry.path)
    is_post = is_text(entry.name)
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


def _refuse_name(entry: os.DirEntry[str]) -> Iterator[tuple[Path, Fault]]:
    """Refuse a name that is no UTF-8, such as one from an old archive: no address can lead to
    it.
    """
    if is_text(entry.name) or is_media(entry.name) or entry.is_dir():
        found, mend = "a name that is no UTF-8", "rename it"
        yield (
            Path(entry.path),
            Fault(Path(on_one_line(entry.path)), 1, found, "a name of letters and digits", mend),
        )


def _stamp(path: Path, entry: os.DirEntry[str]) -> Stamp | Fault | OSError:
    try:
        found = entry.stat()
    except OSError as error:
        return error
    if not S_ISREG(found.st_mode):
        # To open a pipe would wait for someone to write into it.
        return Fault(path, 1, "neither a file nor a folder", "a Markdown file", "remove it")
    return Stamp(found.st_mtime_ns, found.st_size, found.st_ino)


def unreadable(path: Path, error: OSError) -> Fault:
    """Say that a file or folder cannot be read."""
    reason = error.strerror or type(error).__name__
    mend = "give the blog's user the right to read it, or remove it"
    return Fault(path, 1, f"it cannot be read ({reason})", "a readable file", mend)
