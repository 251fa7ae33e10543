"""Drawn cards, kept in a folder that a site's workers share."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from tempfile import NamedTemporaryFile

from blog.cards.drawing import DRAWING_VERSION, Card, draw_card
from blog.cards.fonts import Fonts
from blog.native import NativeWork, make_lock

log = logging.getLogger(__name__)

# Some 30 kB each. Beyond that the oldest are removed, and drawn again when asked for.
MAX_KEPT = 2_000
# Requests that wait while one card is drawn; more are asked to come back. A drawing takes 50 ms.
MAX_WAITING = 19

_WHOLE_PNG = (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82")
# One card at a time is drawn in a process, also where a server has threads.
_at_work = make_lock()


@dataclass(frozen=True, slots=True)
class DrawnCard:
    """The bytes of a PNG, and when they were drawn."""

    png: bytes
    drawn_at: datetime


class Cards:
    """Draws cards, each once for all workers, and keeps the newest.

    A file's name is made of everything that its card shows: what is there is never stale, and two
    workers that draw one card write the same. `font` is a file in place of our own font, `serif` a
    folder with that of the pages; raises
    `CardFontError` for one that cannot be used.
    """

    def __init__(
        self, folder: Path, font: str = "", serif: Path | None = None, *, max_kept: int = MAX_KEPT
    ) -> None:
        self._folder = folder
        self._fonts = Fonts(font, serif)
        self._max_kept = max_kept
        self._work: NativeWork[tuple[bytes, OSError | None]] = NativeWork(
            at_once=1, max_waiting=MAX_WAITING
        )
        self._has_complained = False

    def version(self, card: Card) -> str:
        """Name a card by what it shows; empty where its title cannot be written in our font."""
        if not self._fonts.spell(card.title):
            return ""
        shown = repr((DRAWING_VERSION, self._fonts.version, card))
        return blake2b(shown.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def draw(self, card: Card, now: datetime) -> DrawnCard:
        """Return a card that has a version. Raises `BusyError` if too many requests wait for cards.

        Under gevent a native thread draws, so only requests for a new card wait.
        """
        path = self._folder / f"{self.version(card)}.png"
        kept = _read(path)
        if kept is not None:
            return kept
        png, error = self._work.run(lambda: self._draw(card, path))
        return self._finish(png, error, path, now)

    def _draw(self, card: Card, path: Path) -> tuple[bytes, OSError | None]:
        """Draw and keep a card; any thread may. Logging is for greenlets."""
        with _at_work:
            kept = _read(path)
            if kept is not None:  # by another, while this one waited
                return kept.png, None
            png = draw_card(card, self._fonts)
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                _write(path, png)
                self._remove_oldest()
            except OSError as error:
                return png, error
            return png, None

    def _finish(self, png: bytes, error: OSError | None, path: Path, now: datetime) -> DrawnCard:
        if error is not None and not self._has_complained:
            self._has_complained = True
            log.warning(
                "cards: %s cannot be written (%s), so that each card is drawn whenever it is "
                "asked for; give the blog's user the right to write there",
                self._folder,
                error.strerror or error,
            )
        return _read(path) or DrawnCard(png, now)

    def _remove_oldest(self) -> None:
        with os.scandir(self._folder) as listing:
            files = list(listing)
        if len(files) <= self._max_kept:
            return
        by_age: list[tuple[float, str]] = []
        for file in files:
            with suppress(OSError):  # another worker was quicker
                by_age.append((file.stat().st_mtime, file.path))
        # A tenth more than necessary, so that it is not done for each new card.
        for _, file_path in sorted(by_age)[: len(files) - self._max_kept * 9 // 10]:
            with suppress(OSError):
                Path(file_path).unlink()


def _read(path: Path) -> DrawnCard | None:
    """Read a kept card; None for none, or for half of one that a lost disk cache left."""
    try:
        png = path.read_bytes()
        drawn_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None
    begin, end = _WHOLE_PNG
    return DrawnCard(png, drawn_at) if png.startswith(begin) and png.endswith(end) else None


def _write(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees a part of it."""
    with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        try:
            file.write(content)
            file.close()
            os.replace(file.name, path)  # noqa: PTH105 - the name is a text
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise
