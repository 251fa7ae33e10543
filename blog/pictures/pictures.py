"""The copies of all pictures beside texts: one worker has them made, every worker knows them."""

from __future__ import annotations

import logging
import re
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from blog.native import STOP_SECONDS, NativeThread
from blog.pictures.picture import Picture, is_picture
from blog.pictures.program import make_copies
from blog.pictures.shelf import Mark, Notes, Shelf, find_mark, hash_file, read_picture
from blog.posts import Library

log = logging.getLogger(__name__)

# How soon a new picture, or one that another worker has made ready, is noticed.
LOOK_SECONDS = 0.5
# How often each file is looked at, though no text or name changed: a picture may be written over.
RESCAN_SECONDS = 30.0
# After an error (a full disk), before it is tried again.
AGAIN_SECONDS = 30.0
# While many are made, pages are renewed this often, and not for each.
PUBLISH_SECONDS = 2.0


class Pictures:
    """Knows the copies of every picture beside the texts of some libraries, and in a folder.

    `known` is immutable and swapped as a whole: pages that were made with another one are old. A
    native thread keeps it up to date; of a site's workers one at a time makes what is missing.
    """

    def __init__(self, libraries: Sequence[Library], static_dir: Path | None, shelf: Shelf) -> None:
        self.static_dir = static_dir
        self.shelf = shelf
        self.known: Mapping[Path, Picture] = {}
        self._libraries = libraries
        self._notes = Notes()
        self._noted: Mark | None = None  # the notes as last read
        self._seen: Sequence[object] = ()
        self._unused: set[str] = set()
        self._look_at = 0.0
        self._has_complained = False
        self._thread = NativeThread(self._run)

    def find(self, path: Path) -> Picture | None:
        """Return what is known of a file; None for none of ours, and for one that is too new."""
        return self.known.get(path)

    def find_copy(self, path: Path, width: int) -> Path | None:
        """Return the file of a picture's copy, if there is one of that width."""
        picture = self.known.get(path)
        is_made = picture is not None and width in picture.widths
        return self.shelf.copy_path(picture.digest, width) if picture and is_made else None

    def bring_up_to_date(self) -> None:
        """Look, and make what is missing. For programs; a site's thread does it. Raises OSError."""
        self._look_at = 0.0
        self._look()

    def start(self) -> None:
        """Take up what was made before, and begin to make what is missing, in a native thread."""
        self._read_notes(self._find_marks())
        self._publish()
        self._thread.start()

    def close(self) -> None:
        """Stop the thread, and the process that it may have under way. Idempotent."""
        if not self._thread.close():
            log.warning("pictures: the making did not end within %d s", STOP_SECONDS)

    def _run(self) -> None:
        stop = self._thread.stop
        while not stop.is_set():
            try:
                self._look()
            except OSError as error:
                self._complain(error)
                self._wait_again()
            except Exception:  # noqa: BLE001 - the other pictures may be fine
                trace = traceback.format_exc()
                self._thread.call(log.error, "pictures: copies cannot be made\n%s", trace)
                self._wait_again()
            else:
                if self._has_complained:
                    self._has_complained = False
                    self._thread.call(log.info, "pictures: copies are kept again")
                stop.wait(LOOK_SECONDS)

    def _wait_again(self) -> None:
        self._look_at = 0.0
        self._thread.stop.wait(AGAIN_SECONDS)

    def _complain(self, error: OSError) -> None:
        if not self._has_complained:
            self._has_complained = True
            self._thread.call(
                log.warning,
                "pictures: no copies can be kept in %s (%s), so that readers get the originals; "
                "make room, and give the blog's user the right to write there",
                self.shelf.folder,
                error.strerror or error,
            )

    def _look(self) -> None:
        """Have made what is missing, where anything may be."""
        sources = [library.index for library in self._libraries]
        is_same = len(sources) == len(self._seen) and all(
            one is other for one, other in zip(sources, self._seen, strict=True)
        )
        if is_same and time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + RESCAN_SECONDS
        self._seen = sources
        marks = self._find_marks()
        self._read_notes(marks)
        self._publish()
        missing = self._list_missing(marks)
        if not missing and not self._unused and not self._list_unused():
            return
        with self.shelf.own() as is_ours:
            if is_ours:
                self._read_notes(marks)
                self._make(self._list_missing(marks), marks)
                self._clear()
            elif missing:
                self._look_at = 0.0  # soon again: another worker makes them

    def _find_marks(self) -> dict[Path, Mark]:
        """Look at every picture: the newest comes first."""
        paths = {
            path
            for library in self._libraries
            for path in library.index.media.values()
            if is_picture(path.name)
        }
        if self.static_dir is not None:
            paths |= {path for path in self.static_dir.rglob("*.*") if is_picture(path.name)}
        marks = {path: mark for path in paths if (mark := find_mark(path))}
        return dict(sorted(marks.items(), key=lambda item: item[1], reverse=True))

    def _read_notes(self, marks: Mapping[Path, Mark]) -> None:
        """Take up what is noted, by whichever worker, of the files as they are now."""
        noted = find_mark(self.shelf.notes_path)
        if noted != self._noted:
            self._noted = noted
            read = self.shelf.read_notes()
            self._notes = Notes(
                {**self._notes.marks, **read.marks}, {**self._notes.made, **read.made}
            )
        made = {p: self._notes.made[p] for p, m in marks.items() if self._notes.marks.get(p) == m}
        self._notes = Notes({path: marks[path] for path in made}, made)

    def _list_missing(self, marks: Mapping[Path, Mark]) -> list[Path]:
        names = self.shelf.list_names()
        return [
            path
            for path in marks
            if path not in self._notes.made
            or not self._list_copies(self._notes.made[path]) <= names
        ]

    def _list_copies(self, picture: Picture) -> set[str]:
        return {self.shelf.copy_path(picture.digest, width).name for width in picture.widths}

    def _make(self, missing: Sequence[Path], marks: Mapping[Path, Mark]) -> None:
        published = time.monotonic()
        for path in missing:
            try:
                digest = hash_file(path)
            except OSError:  # taken away meanwhile, or not to be read; it is looked at again
                continue
            picture = self._make_one(path, digest)
            if picture is None:  # the stop came first
                break
            self._note(path, marks[path], picture)
            if time.monotonic() - published > PUBLISH_SECONDS:
                self._publish()
                published = time.monotonic()
        if missing:
            self._publish()

    def _make_one(self, path: Path, digest: str) -> Picture | None:
        same = next((p for p in self._notes.made.values() if p.digest == digest), None)
        if same is not None and self._list_copies(same) <= self.shelf.list_names():
            return same
        found = make_copies(path, self.shelf.folder, digest, self._thread.stop)
        return None if found is None else read_picture({**found, "digest": digest})

    def _note(self, path: Path, mark: Mark, picture: Picture) -> None:
        marks, made = dict(self._notes.marks), dict(self._notes.made)
        marks[path], made[path] = mark, picture
        self._notes = Notes(marks, made)
        self.shelf.write_notes(self._notes)
        self._noted = find_mark(self.shelf.notes_path)

    def _publish(self) -> None:
        if self.known != self._notes.made:
            self.known = self._notes.made

    def _list_unused(self) -> set[str]:
        used = {picture.digest for picture in self._notes.made.values()}
        names = self.shelf.list_names()
        return {name for name in names if re.split(r"[-.]", name, maxsplit=1)[0] not in used}

    def _clear(self) -> None:
        """Remove what has been of no use for two looks: a folder may be away for a moment."""
        unused = self._list_unused()
        self.shelf.remove(unused & self._unused)
        self._unused = unused - self._unused
