"""Render a page or a frame once, with placeholders for the live numbers, filled in later.

A template shows the live numbers as `{{ live.total }}`. While it is rendered, `live` is a
`Placeholder`: it records what was asked of it and leaves a mark in the text. The text is then cut
at the marks. Filling the page asks the same of the real numbers, at any later time.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter, itemgetter, methodcaller
from typing import Any, NoReturn

from markupsafe import Markup, escape

Step = Callable[[Any], Any]
# The values of a page's placeholders, as HTML, in their order.
Texts = tuple[bytes, ...]


class Placeholder:
    """Stands for the live numbers in a template, and for whatever is reached from them.

    Attributes, items and calls give further placeholders; shown, one becomes a mark. It has no
    value yet, so a template can neither test it nor filter it.
    """

    __slots__ = ("_mark", "_steps")

    def __init__(self, mark: Callable[[tuple[Step, ...]], str], steps: tuple[Step, ...]) -> None:
        self._mark = mark
        self._steps = steps

    def __getattr__(self, name: str) -> Placeholder:
        if name.startswith(("_", "jinja_")):  # what Python and Jinja ask of any object
            raise AttributeError(name)
        return Placeholder(self._mark, (*self._steps, attrgetter(name)))

    def __getitem__(self, key: object) -> Placeholder:
        return Placeholder(self._mark, (*self._steps, itemgetter(key)))

    def __call__(self, *args: Any, **kwargs: Any) -> Placeholder:
        call = methodcaller("__call__", *args, **kwargs)
        return Placeholder(self._mark, (*self._steps, call))

    def __html__(self) -> str:
        """Return the mark; Jinja shows everything through this."""
        return self._mark(self._steps)

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError(
            "found a template that looks at a live number, expected one that only shows it: the"
            " page is cached, and the number filled in later. Make what depends on it a part of the"
            " fragment"
        )

    __bool__ = __str__ = __iter__ = __len__ = __contains__ = __int__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _refuse


@dataclass(frozen=True, slots=True)
class PageTemplate:
    """A rendered page: its fixed pieces, and the placeholders between them.

    `live` returns the real numbers. A page without placeholders is a single piece.
    """

    pieces: tuple[bytes, ...]
    placeholders: tuple[tuple[Step, ...], ...] = ()
    live: Callable[[], object] = object

    def read(self) -> Texts:
        """Return what replaces the placeholders now."""
        return self.read_from(self.live()) if self.placeholders else ()

    def read_from(self, live: object) -> Texts:
        """Return what replaces the placeholders where these are the numbers."""
        return tuple([_follow(live, steps) for steps in self.placeholders])

    def fill(self, texts: Texts) -> bytes:
        """Return the whole page."""
        return join(self.pieces, texts)


def render_with_placeholders(
    render: Callable[[Placeholder], str], live: Callable[[], object]
) -> PageTemplate:
    """Render a page with a placeholder for everything that it shows of `live()`."""
    # Nobody who writes a post, a title or a setting can guess it.
    secret = secrets.token_hex(16)
    found: list[tuple[Step, ...]] = []

    def mark(steps: tuple[Step, ...]) -> str:
        found.append(steps)
        return f"{secret}{len(found) - 1};"

    first, *others = render(Placeholder(mark, ())).split(secret)
    # In the order in which they are shown, which need not be that of rendering.
    shown = [part.partition(";") for part in others]
    return PageTemplate(
        (first.encode(), *(piece.encode() for _, _, piece in shown)),
        tuple(found[int(number)] for number, _, _ in shown),
        live,
    )


def join(pieces: tuple[bytes, ...], texts: Texts) -> bytes:
    """Return the pieces with the texts between them."""
    parts = [pieces[0]]
    for text, piece in zip(texts, pieces[1:], strict=True):
        parts += (text, piece)
    return b"".join(parts)


def _follow(live: object, steps: tuple[Step, ...]) -> bytes:
    found: Any = live
    for step in steps:
        found = step(found)
    # What is HTML already would be made anew by `escape`.
    return (found if isinstance(found, Markup) else escape(found)).encode()
