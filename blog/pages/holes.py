"""A page with holes: rendered once; what changes while nobody writes is filled in for each answer.

A template shows the live numbers as `{{ live.total }}`. For it `live` is no number but a `Hole`,
which notes what was asked of it and leaves a mark in the text. The marks are then cut out. To read
the numbers is to ask the same of the real ones, at any later time and as often as one likes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from operator import attrgetter, itemgetter, methodcaller
from typing import Any, NoReturn

from markupsafe import escape

# Under this name a view leaves the page that it answered with in its WSGI environment, for the
# cache in front: only where everyone who asks for this address gets the same.
ENVIRON_KEY = "viblog.page"

Step = Callable[[Any], Any]
# What fills a page's holes, as HTML, in the order of the holes.
Texts = tuple[str, ...]


class Hole:
    """Stands for live numbers in a template, and for whatever is reached from them.

    Attributes, items and calls give further holes; shown, it becomes a mark. It has no value yet,
    so a template can neither decide by it nor put it through a filter.
    """

    __slots__ = ("_mark", "_steps")

    def __init__(self, mark: Callable[[tuple[Step, ...]], str], steps: tuple[Step, ...]) -> None:
        self._mark = mark
        self._steps = steps

    def __getattr__(self, name: str) -> Hole:
        if name.startswith(("_", "jinja_")):  # what Python and Jinja ask of any object
            raise AttributeError(name)
        return Hole(self._mark, (*self._steps, attrgetter(name)))

    def __getitem__(self, key: object) -> Hole:
        return Hole(self._mark, (*self._steps, itemgetter(key)))

    def __call__(self, *args: Any, **kwargs: Any) -> Hole:
        return Hole(self._mark, (*self._steps, methodcaller("__call__", *args, **kwargs)))

    def __html__(self) -> str:
        """Return the mark; Jinja shows everything through this."""
        return self._mark(self._steps)

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError(
            "found a template that looks at a live number, expected one that only shows it: the"
            " page is kept, and the number filled in later. Make what depends on it a part of the"
            " fragment"
        )

    __bool__ = __str__ = __iter__ = __len__ = __contains__ = __int__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _refuse


class HoledPage:
    """A rendered page: its fixed pieces, one more than holes, and how to read what fills each."""

    def __init__(
        self,
        pieces: tuple[bytes, ...],
        holes: tuple[tuple[Step, ...], ...],
        live: Callable[[], object],
    ) -> None:
        self.pieces = pieces
        self._holes = holes
        self._live = live

    def read(self) -> Texts:
        """Return what fills the holes now."""
        if not self._holes:
            return ()
        live = self._live()
        return tuple([_follow(live, steps) for steps in self._holes])

    def fill(self, texts: Texts) -> bytes:
        """Return the whole page."""
        parts = [self.pieces[0]]
        for text, piece in zip(texts, self.pieces[1:], strict=True):
            parts += (text.encode(), piece)
        return b"".join(parts)


def punch(render: Callable[[Hole], str], live: Callable[[], object]) -> HoledPage:
    """Render a page with a hole for everything that it shows of `live()`."""
    # Nobody who writes a post, a title or a setting can guess it.
    secret = secrets.token_hex(16)
    holes: list[tuple[Step, ...]] = []

    def mark(steps: tuple[Step, ...]) -> str:
        holes.append(steps)
        return f"{secret}{len(holes) - 1};"

    first, *others = render(Hole(mark, ())).split(secret)
    # In the order in which they are shown, which need not be that of rendering.
    shown = [part.partition(";") for part in others]
    return HoledPage(
        (first.encode(), *(piece.encode() for _, _, piece in shown)),
        tuple(holes[int(number)] for number, _, _ in shown),
        live,
    )


def _follow(live: object, steps: tuple[Step, ...]) -> str:
    found: Any = live
    for step in steps:
        found = step(found)
    return str(escape(found))
