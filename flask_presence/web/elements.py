"""The live elements of a page: how each stands in its HTML, and in the frame that brings news."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from markupsafe import Markup

from ..streams.event import encode_event
from ..tracking import ROOM
from .blocks import Block, Blocks, Name
from .lists import Listed, Lists, version_of

COUNTER, TOTAL, LIST = "counter", "total", "list"
_NUMBER = Markup('<span class="n{count}">{words}</span>')
_NUMBER_PARTIAL = Markup(
    '<hx-partial hx-target=".{name} > :not(.n{count})" hx-swap="outerHTML">{number}</hx-partial>'
)
_LIST = Markup('<{tag} class="{name} v{version}">{words}</{tag}>')
# Morphed: who has come to something in it by the keyboard stays there.
_LIST_PARTIAL = Markup(
    '<hx-partial hx-target=".{name}:not(.v{version})" hx-swap="outerMorph">{made}</hx-partial>'
)

Words = Callable[[int], str]


class Element(NamedTuple):
    """Something live that a page shows.

    The block of `template` with that `digest` renders it, else the application's words do. A list
    shows the `first` so many of a topic, 0 for all, as long as at most `room` are there.
    """

    kind: str
    topic: str = ""
    template: str = ""
    digest: str = ""
    room: int = ROOM
    first: int = 0
    tag: str = "div"

    @property
    def css_class(self) -> str:
        """The class of the HTML elements that show it; no topic needs escaping in CSS."""
        return _class_of(self)


class Elements:
    """Writes the live elements of an application's pages."""

    def __init__(
        self,
        count: Callable[..., int],
        lists: Lists,
        blocks: Blocks,
        counter_words: Words,
        total_words: Words,
    ) -> None:
        self._count = count
        self.lists = lists
        self._blocks = blocks
        self._words = {COUNTER: counter_words, TOTAL: total_words}

    def find_block(self) -> Block:
        """Return the block with which the template being rendered words an element."""
        return self._blocks.find_here()

    def write(self, element: Element, block: Block | None = None, *, at_least: int = 0) -> Markup:
        """Return an element as it stands in a page. `block` words it, if given.

        A number is shown as `at_least` that: 1 if the page's reader is about to count.
        """
        if element.kind == LIST:
            return _write_list(element, self.lists.write(_listed(element, block)))
        count = max(at_least, self._count_of(element))
        return Markup('<span class="{}">{}</span>').format(
            element.css_class, self._write_number(element, count, block)
        )

    def write_frame(self, elements: Iterable[Element]) -> bytes:
        """Return the event that updates elements; one whose template changed stays as it is."""
        parts = []
        for element in elements:
            block = None
            if element.template:
                block = self._blocks.find(Name(element.template, element.digest))
                if block is None:
                    continue
            part = self._write_partial(element, block)
            if part is not None:
                parts.append(part)
        return encode_event("\n".join(parts))

    def _write_partial(self, element: Element, block: Block | None) -> Markup | None:
        name = element.css_class
        if element.kind == LIST:
            words = self.lists.write_now(_listed(element, block))
            if words is None:
                return None
            made = _write_list(element, words)
            return _LIST_PARTIAL.format(name=name, version=version_of(words), made=made)
        count = self._count_of(element)
        number = self._write_number(element, count, block)
        return _NUMBER_PARTIAL.format(name=name, count=count, number=number)

    def _write_number(self, element: Element, count: int, block: Block | None) -> Markup:
        write = block.write if block is not None else self._words[element.kind]
        return _NUMBER.format(count=count, words=write(count))

    def _count_of(self, element: Element) -> int:
        return self._count(page=element.topic) if element.kind == COUNTER else self._count()


def _listed(element: Element, block: Block | None) -> Listed:
    assert block is not None, element  # noqa: S101 - a list has one
    return Listed(element.topic, element.room, element.first, block)


def _write_list(element: Element, words: Markup) -> Markup:
    return _LIST.format(
        tag=element.tag, name=element.css_class, version=version_of(words), words=words
    )


@lru_cache(maxsize=1024)
def _class_of(element: Element) -> str:
    if element.kind == TOTAL and not element.template:
        return "presence-total"
    text = element.topic
    if element.template or element.kind != COUNTER:
        text = repr(tuple(element))
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=6).hexdigest()
    return f"presence-{digest}"
