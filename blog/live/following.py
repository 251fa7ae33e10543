"""While an author writes (`make dev`): every open page follows what is saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from html import escape
from pathlib import Path

import gevent

from blog.posts import Fault, Library
from flask_presence.streams.event import encode_event

LOOK_SECONDS = 0.2

# `#following` is on every page, with the version of what the page was made of. Where that is
# another, it gets an element that fetches the page's own address, whatever that is, and morphs its
# <main>: what is the same stays, and with it the scroll, the focus and the selection. `#following`
# is exchanged, too, which removes the element. Where the answer has no `#following` (the bare page
# of an error), the element stays, and the next frame tries again. A stylesheet is exchanged by its
# address.
_FOLLOW = (
    '<hx-partial hx-target="#following:not(.{version})" hx-swap="innerHTML">'
    '<div hx-get="" hx-trigger="load" hx-sync="main:replace" hx-target="main" hx-select="main"'
    ' hx-swap="outerMorph" hx-select-oob="#following"></div></hx-partial>'
)
_RESTYLE = (
    "<hx-partial hx-target=\"link[href^='{path}']:not([href='{url}'])\""
    ' hx-swap="outerMorph"><link rel="stylesheet" href="{url}"></hx-partial>'
)


class Following:
    """Knows what the pages are made of, and what is to be mended in it.

    Posts and pages are watched by their libraries, code by gunicorn, which starts another
    worker. Templates and the stylesheet, a dozen files, are looked at here.
    """

    def __init__(
        self,
        templates: Iterable[Path],
        code: Iterable[Path],
        libraries: Iterable[Library],
        style_urls: Callable[[], tuple[str, ...]],
    ) -> None:
        self._libraries = tuple(libraries)
        self._templates = tuple(templates)
        self._style_urls = style_urls
        self._styles: tuple[str, ...] = ()
        self._stamp = ""
        self._empty: set[Path] = set()
        # The code as this worker loaded it: code saved from now on is run by another worker.
        self._code = _make_stamp(path for folder in code for path in folder.rglob("*.py"))
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self.look()

    @property
    def version(self) -> str:
        """Name what pages are made of now, as a class of HTML."""
        parts = [self._code, self._stamp, *(library.index.version for library in self._libraries)]
        return f"v-{blake2b('/'.join(parts).encode(), digest_size=6).hexdigest()}"

    def list_faults(self) -> Iterator[tuple[Fault, str]]:
        """Yield what is to be mended, each with the line of the file that it is in."""
        for library in self._libraries:
            for fault in library.index.faults:
                yield fault, _read_line(fault.path, fault.line)

    def opening(self, page: str) -> bytes:
        """Return nothing: every frame has all."""
        return b""

    def change(self, page: str) -> bytes:
        """Return the event that has a page fetched anew where it is not of the newest version."""
        styles = [
            _RESTYLE.format(path=url.partition("?")[0], url=url)
            for url in map(escape, self._styles)
        ]
        return encode_event("\n".join([_FOLLOW.format(version=self.version), *styles]))

    def look(self) -> bool:
        """Look at the templates and the stylesheet; tell whether one is another than before."""
        before = self._stamp, self._styles
        templates = [path for folder in self._templates for path in folder.rglob("*.html")]
        # Most editors empty a file before they write it. A page that is fetched in between would
        # have no <main>, and lose the one that is shown for good.
        were_empty, self._empty = self._empty, {path for path in templates if _is_empty(path)}
        if self._empty <= were_empty:
            self._stamp = _make_stamp(templates)
        self._styles = self._style_urls()
        return (self._stamp, self._styles) != before

    def start(self, on_change: Callable[[], None]) -> None:
        """Begin to look; `on_change` is called when there is news."""
        self._greenlet = gevent.spawn(self._look_forever, on_change)

    def close(self) -> None:
        """Look no more. Idempotent."""
        if self._greenlet is not None:
            self._greenlet.kill()

    def _look_forever(self, on_change: Callable[[], None]) -> None:
        while True:
            gevent.sleep(LOOK_SECONDS)
            if self.look():
                on_change()


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return False


def _make_stamp(paths: Iterable[Path]) -> str:
    """Name the present state of some files; one that is just being exchanged is not there."""
    stamp = blake2b(digest_size=6)
    for path in sorted(paths):
        try:
            found = path.stat()
        except OSError:
            continue
        stamp.update(f"{path}\0{found.st_mtime_ns}\0{found.st_size}\n".encode())
    return stamp.hexdigest()


def _read_line(path: Path, line: int) -> str:
    """Return a line of a file; "" where it has none, or cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return lines[line - 1].strip() if line <= len(lines) else ""
