"""The files of authors as they are sent: without the place where a picture was taken."""

from __future__ import annotations

import os
from collections.abc import Iterable
from mmap import mmap
from pathlib import Path

from blog.native import NativeWork
from blog.pictures.cleaning import CannotCleanError, find_parts, read_parts
from blog.pictures.making import writing_whole
from blog.pictures.shelf import Mark, Shelf, find_mark, hash_content

# Requests that wait while one original is looked through, which takes up to 60 ms.
MAX_WAITING = 200


class Originals:
    """Finds what is sent of a picture's file: itself where it says nothing, else a clean copy.

    Each is read once, when it is first asked for, and once more when it changed. A copy is kept on
    the shelf. Any greenlet may ask.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._known: dict[Path, tuple[Mark, Path]] = {}
        self._work: NativeWork[Path | bytes] = NativeWork(at_once=1, max_waiting=MAX_WAITING)

    def find(self, path: Path) -> Path | bytes:
        """Return the file to send, or its content where no copy can be kept.

        Raises `CannotCleanError`, `OSError` for a file that is gone, and `BusyError` where too many
        wait.
        """
        kept = self._find_kept(path)
        return kept if kept is not None else self._work.run(lambda: self._clean(path))

    def close(self) -> None:
        """End the thread. Idempotent."""
        self._work.close()

    def _find_kept(self, path: Path) -> Path | None:
        known = self._known.get(path)
        if known is None or known[0] != find_mark(path):
            return None
        return known[1] if known[1] == path or known[1].exists() else None

    def _clean(self, path: Path) -> Path | bytes:
        """Clean a file; any thread may."""
        kept = self._find_kept(path)
        if kept is not None:  # by another, while this one waited
            return kept
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            mark = before.st_mtime_ns, before.st_size
            if not before.st_size:
                return path
            # Memory of its own, which the system has back at once. The file itself, if it were
            # mapped and its author cut it short, would end the worker.
            with mmap(-1, before.st_size) as content:
                file.readinto(content)
                parts = find_parts(content)
                served = path
                if parts != [(0, before.st_size)]:
                    served = self._shelf.clean_path(hash_content(content))
                    try:
                        self._keep(served, read_parts(content, parts), mark)
                    except OSError:
                        return b"".join(read_parts(content, parts))
        self._known[path] = (mark, served)
        return served

    def _keep(self, path: Path, pieces: Iterable[bytes], mark: Mark) -> None:
        """Write a copy so that nobody ever sees a part of it. Raises OSError."""
        self._shelf.folder.mkdir(parents=True, exist_ok=True)
        with writing_whole(path) as part:
            with part.open("wb") as file:
                file.writelines(pieces)
            # A browser that has the original is told when that changed.
            os.utime(part, ns=(mark[0], mark[0]))


__all__ = ["CannotCleanError", "Originals"]
