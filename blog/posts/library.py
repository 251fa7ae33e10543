"""The posts of one folder: read at start, kept up to date, rendered when first asked for."""

from __future__ import annotations

import errno
import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path, PurePosixPath
from typing import TypeVar

import gevent
import gevent.event
import gevent.lock
from gevent import monkey

from blog.native import NativeStop, make_lock
from blog.posts.finding import Stamp, describe_others, find_files, is_media, unreadable
from blog.posts.markup.markdown import Style, render_safely
from blog.posts.model import Fault, Post, RenderedPost
from blog.posts.reader import MAX_FILE_BYTES, Reading, describe_size, read_post
from blog.posts.state import Index, Shelf, build_index
from blog.posts.watching import FolderWatch

log = logging.getLogger(__name__)

# These errors mean that something does not exist; all others, that the system cannot tell.
GONE = (errno.ENOENT, errno.ENOTDIR)

# The key of a rendering: the state of a post, and of the pictures whose sizes its page has.
Place = tuple[Path, str, str]
Listener = Callable[[Index, Index], None]
T = TypeVar("T")

# One post at a time is rendered in a process. Pygments imports its lexers when first needed; under
# gevent the locks of the import system are gevent's, and two native threads that wait for one of
# them can both wait for ever (seen once in 60 starts that rendered 40 languages at once). It also
# keeps the loop quick: 300 posts at once held it up for 290 ms with ten threads, 90 ms with one.
# `_turn` makes greenlets wait; `_at_work` is for a thread whose greenlet was killed meanwhile.
_turn = gevent.lock.BoundedSemaphore(1)
_at_work = make_lock()


def _render_alone(post: Post, style: Style) -> RenderedPost:
    with _at_work:
        return render_safely(post, style)


class Library:
    """Every text (`*.md` and so on) below a folder. `index` is immutable and swapped as a whole.

    `load`, `turn` and the watch's thread never run at once: load first, then `start`. Everything
    else may be called by any greenlet, and only `render` waits: for its own post. A date without
    a time zone is one of `zone`. `clock` returns the present moment, aware; tests set their own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        zone: tzinfo = UTC,
        style: Style | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.folder = folder
        self.zone = zone
        self.style = style or Style(posts_dir=folder)
        self.clock = clock
        self._listeners: list[Listener] = []
        # Whether the folder is there and was listed; it stays so while it cannot be looked at.
        self.has_folder = False
        self._missing: list[Fault] = []
        self._media: dict[Path, int] = {}
        self._index = Index()
        self._readings: dict[Path, tuple[Stamp | Fault, Reading]] = {}
        self._logged: set[str] = set()
        self._rendered: dict[Place, RenderedPost] = {}
        self._rendering: dict[Place, gevent.event.AsyncResult[RenderedPost | None]] = {}
        self._watch: FolderWatch | None = None

    @property
    def index(self) -> Index:
        """What the folder holds, as last read, and as it is to be seen now."""
        return self._index

    def load(self, *, on_read: Callable[[int], None] | None = None) -> None:
        """Read what is new or changed. `on_read(count)` is told how many files were read."""
        self._scan(None, on_read)

    def turn(self) -> float | None:
        """Let what is due appear or go; return the seconds until the next time, None for never.

        The clock is asked, not a timer: it may be set, and a machine may sleep.
        """
        due = self._index.next_change
        if due is not None and due <= self.clock():
            self._swap()
            due = self._index.next_change
        return None if due is None else (due - self.clock()).total_seconds()

    def subscribe(self, listener: Listener) -> None:
        """Have `listener(before, after)` called after each swap of the index from now on.

        Under gevent, once the library was started, a greenlet of its own calls it; else the caller
        that caused the swap does, at once. Several swaps may be told at a time: look at `index` for
        the last.
        """
        self._listeners.append(listener)

    def find_files(self) -> Iterator[tuple[Path, Stamp | Fault | OSError]]:
        """Yield every text and every media file, as `blog.posts.finding` does."""
        return find_files(self.folder)

    def root_of(self, path: Path) -> Path:
        """Return the folder from which the name of a file counts."""
        return self.folder

    def arrange(self, posts: Sequence[Post]) -> tuple[Sequence[Post], Sequence[Fault]]:
        """Return what is shown of the texts that were read, and what is wrong with the others."""
        return posts, ()

    def start(self) -> None:
        """Begin to watch the folder, in a native thread, and to log what is wrong in it.

        A command logs nothing: `check` prints it.
        """
        if not self._readings and (others := describe_others(self.folder)):
            log.warning("posts: %s has %s", self.folder, others)
        self._log_faults()
        self._watch = FolderWatch(
            self.folder,
            self._scan_safely,
            lambda line: self._log(logging.WARNING, line),
            self._turn_safely,
        )
        self._watch.start()

    def close(self) -> None:
        """Stop watching."""
        if self._watch is not None and not self._watch.close():
            log.warning("posts: the watch of %s did not end within its time", self.folder)

    def render(self, post: Post) -> RenderedPost:
        """Return a post's HTML, rendered once and kept until the post changes.

        The fault of a post that cannot be rendered is logged and kept likewise; it is not tried
        again. Under gevent a native thread renders, so only requests for a post that nobody has
        read yet wait.
        """
        place = (post.path, post.fingerprint, self._index.media_version)
        kept = self._rendered.get(place)
        if kept is not None:
            return kept
        if not monkey.is_module_patched("socket"):
            return self._keep(place, render_safely(post, self.style))
        while (under_way := self._rendering.get(place)) is not None:
            shared = under_way.get()
            if shared is not None:
                return shared
            # The greenlet that rendered it was killed in the middle (its reader left): one that
            # waits takes over.
        result = self._rendering[place] = gevent.event.AsyncResult()
        try:
            with _turn:
                rendered = gevent.get_hub().threadpool.apply(_render_alone, (post, self.style))
        except Exception as error:
            result.set_exception(error)
            raise
        else:
            result.set(self._keep(place, rendered))
            return rendered
        finally:
            del self._rendering[place]
            if not result.ready():
                result.set(None)

    def _keep(self, place: Place, rendered: RenderedPost) -> RenderedPost:
        if rendered.fault is not None:
            log.error("%s", rendered.fault)
        self._rendered[place] = rendered
        return rendered

    def _scan_safely(self, stop: NativeStop) -> bool:
        try:
            return self._scan(stop, None)
        except Exception as error:  # noqa: BLE001 - the watch must go on: a change may mend it
            self._log_crash(error)
            return True

    def _turn_safely(self) -> float | None:
        try:
            return self.turn()
        except Exception as error:  # noqa: BLE001 - as above
            self._log_crash(error)
            return None

    def _log_crash(self, error: Exception) -> None:
        trace = "".join(traceback.format_exception(error))
        self._log(logging.ERROR, f"posts: {self.folder} could not be read again\n{trace}")

    def _log(self, level: int, line: str) -> None:
        self._call(log.log, level, "%s", line)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        if self._watch is None:
            function(*arguments)
        else:
            self._watch.call(function, *arguments)

    def _log_faults(self) -> None:
        """Log each fault that was not there before."""
        lines = {str(fault) for fault in self._index.faults}
        for line in sorted(lines - self._logged):
            self._log(logging.WARNING, line)
        self._logged = lines

    def _scan(self, stop: NativeStop | None, on_read: Callable[[int], None] | None) -> bool:
        """Read what is new or changed; return whether all could be looked at.

        A file that cannot be looked at (too many open files, an error of the disk, no right to it)
        stays as it was read last. Only one that does not exist is dropped.
        """
        readings: dict[Path, tuple[Stamp | Fault, Reading]] = {}
        faults: list[Fault] = []
        media: dict[Path, int] = {}
        is_whole = True
        count = 0

        def keep(place: Path, error: OSError) -> None:
            nonlocal is_whole
            is_folder = place == self.folder
            faults.append((_describe_missing if is_folder else unreadable)(place, error))
            if error.errno in GONE:
                self.has_folder = self.has_folder and not is_folder
                return
            is_whole = False
            readings.update(_below(place, self._readings))
            media.update(_below(place, self._media))

        try:
            for path, stamp in self.find_files():
                if stop is not None and stop.is_set():
                    return True
                if isinstance(stamp, OSError):
                    keep(path, stamp)
                    continue
                if is_media(path.name):
                    if isinstance(stamp, Stamp):
                        media[path] = stamp.size
                    continue
                known = self._readings.get(path)
                if known is not None and known[0] == stamp:
                    readings[path] = known
                    continue
                try:
                    readings[path] = (stamp, self._read(path, stamp))
                except OSError as error:
                    keep(path, error)
                    continue
                count += 1
                if on_read is not None:
                    on_read(count)
        except OSError as error:
            keep(self.folder, error)
        else:
            self.has_folder = True
        state = (readings, faults, media)
        if state != (self._readings, self._missing, self._media) or not self._index.version:
            self._readings, self._missing, self._media = state
            self._swap()
        return is_whole

    def _read(self, path: Path, stamp: Stamp | Fault) -> Reading:
        if isinstance(stamp, Fault):
            return Reading(None, (stamp,))
        if stamp.size > MAX_FILE_BYTES:
            return Reading(None, (describe_size(path, stamp.size),))
        place = PurePosixPath(path.relative_to(self.root_of(path)))
        return read_post(path, place, path.read_bytes(), self.zone)

    def _swap(self) -> None:
        readings = [reading for _, reading in self._readings.values()]
        posts, faults_of_all = self.arrange([one.post for one in readings if one.post is not None])
        faults = [*self._missing, *(fault for reading in readings for fault in reading.faults)]
        before = self._index
        index = build_index(
            posts,
            [*faults, *faults_of_all],
            self.clock(),
            self._media,
            Shelf(self.folder, self.style.root),
        )
        if index.version == before.version:
            return
        self._index = index
        live = {(post.path, post.fingerprint, index.media_version) for post in posts}
        # A copy, since a request may add to the original meanwhile; what it adds is lost at the
        # next change.
        self._rendered = {place: kept for place, kept in self._rendered.items() if place in live}
        if self._watch is not None:
            self._log_faults()
        for listener in self._listeners:
            self._call(listener, before, index)


def _below(place: Path, known: dict[Path, T]) -> dict[Path, T]:
    return {path: one for path, one in known.items() if path.is_relative_to(place)}


def _describe_missing(folder: Path, error: OSError) -> Fault:
    reason = error.strerror or type(error).__name__
    found = f"the folder cannot be listed ({reason})"
    mend = "make it; it is then picked up"
    if error.errno not in GONE:
        mend = "let the blog's user list it; until then its posts stay as they were"
    return Fault(folder, 1, found, "a folder of Markdown files", mend)
