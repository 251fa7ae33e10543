"""Noticing that files of a folder changed, in a native thread that costs no idle time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

try:
    from watchfiles._rust_notify import RustNotify
except ImportError:  # a version beyond the bound of pyproject.toml
    RustNotify = None  # type: ignore[assignment, misc]

from blog.native import NativeStop, NativeThread

# An editor's save is several events: wait until nothing came for a step, at most the debounce.
DEBOUNCE_MS = 400
STEP_MS = 50
# A folder that was replaced as a whole (a deployment's link) sends no event; one `stat` tells.
LOOK_MS = 1000
# For file systems that have no events (network drives, some containers' mounts).
RESCAN_SECONDS = 30.0
MOST_RETRY_SECONDS = 16.0
# While the folder is missing or the kernel has no more watches.
POLL_SECONDS = 1.0


class FolderWatch(NativeThread):
    """Calls `scan(stop)` in a thread of its own: at once, after changes, and every 30 s.

    `scan` must not raise and should return soon after `stop.is_set()`. `report` is called in the
    same thread, once each time events cannot be had. `turn` is called in it, too: each second, and
    when the seconds it returned last are over. So there is one writer, and no second thread or
    timer.
    """

    def __init__(
        self,
        folder: Path,
        scan: Callable[[NativeStop], bool],
        report: Callable[[str], None],
        turn: Callable[[], float | None],
    ) -> None:
        super().__init__(self._watch_forever)
        self._folder = folder
        self._scan = scan
        self._report = report
        self._turn = turn
        self._without_events = False

    def _watch_forever(self) -> None:
        while not self.stop.is_set():
            if _identify(self._folder) is None:
                self._scan(self.stop)
                self.stop.wait(POLL_SECONDS)
                continue
            try:
                self._watch()
            # RuntimeError: watchfiles' own. The others: it is not the version that we know.
            except (OSError, RuntimeError, TypeError, AttributeError) as error:
                if _identify(self._folder) is not None:
                    self._go_without_events(error)

    def _watch(self) -> None:
        """Scan after every change, until the stop or until the folder is another one."""
        if RustNotify is None:
            raise OSError("found another watchfiles than viblog asks for")
        # Held open, the folder keeps its inode's number: one that is removed and made again at
        # once would get the same number, and pass for the one that the kernel watches.
        held = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._watch_held(_name_inode(os.fstat(held)))
        finally:
            os.close(held)

    def _watch_held(self, watched: tuple[int, int]) -> None:
        with RustNotify([str(self._folder)], False, False, 0, True, True) as notify:
            self._without_events = False
            rescan_seconds = RESCAN_SECONDS if self._scan(self.stop) else POLL_SECONDS
            scanned = time.monotonic()
            while True:
                changes = notify.watch(DEBOUNCE_MS, STEP_MS, self._turn_ms(), self.stop)
                if changes in ("stop", "signal"):
                    return
                if _identify(self._folder) != watched:
                    return
                if changes != "timeout" or time.monotonic() - scanned >= rescan_seconds:
                    is_whole = self._scan(self.stop)
                    # A folder that cannot be looked at may stay so for good: try soon at first,
                    # then less often.
                    soon = POLL_SECONDS if rescan_seconds == RESCAN_SECONDS else 2 * rescan_seconds
                    rescan_seconds = RESCAN_SECONDS if is_whole else min(soon, MOST_RETRY_SECONDS)
                    scanned = time.monotonic()

    def _go_without_events(self, error: Exception) -> None:
        if not self._without_events:
            self._without_events = True
            self._report(
                f"{self._folder}: changes cannot be watched ({error}); looking each second"
            )
        self._scan(self.stop)
        self.stop.wait(min(POLL_SECONDS, self._turn_ms() / 1000))

    def _turn_ms(self) -> int:
        """Let `turn` do what is due; return how long to wait for events, never 0 (for ever)."""
        seconds = self._turn()
        if seconds is None:
            return LOOK_MS
        return int(max(0.0, min(LOOK_MS - 1.0, seconds * 1000))) + 1


def _identify(folder: Path) -> tuple[int, int] | None:
    try:
        return _name_inode(folder.stat())
    except OSError:
        return None


def _name_inode(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
