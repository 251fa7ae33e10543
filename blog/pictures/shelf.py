"""The folder of the copies, and what is noted of them: shared by a site's workers and restarts."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from mmap import mmap
from pathlib import Path
from typing import Any

from blog.pictures.making import MAKING_VERSION, write_whole
from blog.pictures.picture import Picture

READ_BYTES = 1024 * 1024
LOCK_NAME, NOTES_NAME = ".lock", "notes.json"

# Time and size of a file: what differs once it was written again.
Mark = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Notes:
    """Which file has which content, and what was made of it: `marks` and `made` by its path."""

    marks: Mapping[Path, Mark] = field(default_factory=dict)
    made: Mapping[Path, Picture] = field(default_factory=dict)


class Shelf:
    """A folder of files whose names begin with the digest of a picture's content.

    So what is there is never stale, and who makes it twice writes the same. Every worker reads the
    notes; only who owns the shelf writes them, and takes away what is of no use.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes_path = folder / NOTES_NAME

    def copy_path(self, digest: str, width: int) -> Path:
        """Return where the copy of a width is."""
        return self.folder / f"{digest}-{width}.webp"

    def clean_path(self, digest: str) -> Path:
        """Return where the original is without what its camera said."""
        return self.folder / f"{digest}.clean"

    @contextmanager
    def own(self) -> Iterator[bool]:
        """Own the shelf for a while; gives False where another process does. Raises OSError.

        The system takes the lock from a process that dies.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK_NAME).open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def read_notes(self) -> Notes:
        """Return what is noted; nothing where there are no notes, or some of another version."""
        try:
            noted = json.loads(self.notes_path.read_bytes())
            if noted["version"] != MAKING_VERSION:
                return Notes()
            files = {Path(path): entry for path, entry in noted["files"].items()}
            marks = {path: (int(e["mark"][0]), int(e["mark"][1])) for path, e in files.items()}
            made = {path: read_picture(entry["picture"]) for path, entry in files.items()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return Notes()
        return Notes(marks, made)

    def write_notes(self, notes: Notes) -> None:
        """Write the notes. Raises OSError."""
        files = {
            str(path): {"mark": notes.marks[path], "picture": asdict(picture)}
            for path, picture in notes.made.items()
        }
        content = json.dumps({"version": MAKING_VERSION, "files": files})
        write_whole(self.notes_path, content.encode("ascii"))

    def list_names(self) -> set[str]:
        """Return the names of all copies and originals, and of what was left half written."""
        try:
            names = {path.name for path in self.folder.iterdir()}
        except OSError:
            return set()
        return names - {LOCK_NAME, NOTES_NAME}

    def remove(self, names: Collection[str]) -> None:
        """Remove files; one that is gone already is fine."""
        for name in names:
            with suppress(OSError):
                (self.folder / name).unlink()


def read_picture(entry: Mapping[str, Any]) -> Picture:
    """Read what was written of a picture. Raises LookupError, TypeError or ValueError."""
    return Picture(
        digest=str(entry["digest"]),
        width=int(entry["width"]),
        height=int(entry["height"]),
        widths=tuple(map(int, entry["widths"])),
        is_original_shown=bool(entry["is_original_shown"]),
        problem=str(entry["problem"]),
    )


def find_mark(path: Path) -> Mark | None:
    """Return time and size of a file; None where it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def hash_file(path: Path) -> str:
    """Name the content of a file, and how copies are made of it. Raises OSError."""
    digest = begin_digest()
    with path.open("rb") as file:
        while part := file.read(READ_BYTES):
            digest.update(part)
    return digest.hexdigest()


def hash_content(content: bytes | mmap) -> str:
    """Name a content as `hash_file` does."""
    digest = begin_digest()
    digest.update(content)
    return digest.hexdigest()


def begin_digest() -> blake2b:
    """Begin a digest of a picture's content."""
    return blake2b(digest_size=16, key=f"copies {MAKING_VERSION}".encode("ascii"))
