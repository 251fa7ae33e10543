"""The live elements of a page: how each stands in its HTML, and in the frame that brings news."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from markupsafe import Markup

from ..streams.event import encode_event
from ..tracking import ROOM, Roster
from .blocks import Block, Blocks, Name
from .own_meta import read_added
from .readers import put_last

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
Fetch = Callable[[str, dict[str, Any]], dict[str, Any]]


class Element(NamedTuple):
    """Something live that a page shows.

    `block` says it, in `template`; without one the application's words do. A list has the `first`
    so many of a topic, 0 for all, where at most `room` are there.
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
        """The class of the HTML elements that show it: no topic needs an escape in CSS."""
        return _class_of(self)


class Elements:
    """Writes the live elements of an application's pages."""

    def __init__(
        self,
        count: Callable[..., int],
        roster: Roster,
        blocks: Blocks,
        counter_words: Words,
        total_words: Words,
    ) -> None:
        self._count = count
        self._roster = roster
        self._blocks = blocks
        self._words = {COUNTER: counter_words, TOTAL: total_words}
        self.fetch: Fetch | None = None
        # What was made of a topic, until somebody comes, goes or changes there.
        self._lists: dict[Element, tuple[int, Markup]] = {}

    def find_block(self) -> Block:
        """Return the block by which the template that is being rendered says an element."""
        return self._blocks.find_here()

    def write(self, element: Element, block: Block | None = None) -> Markup:
        """Return an element as it stands in a page. `block` is the one that says it, if any."""
        if element.kind == LIST:
            return self._write_list(element, block)
        return Markup('<span class="{}">{}</span>').format(
            element.css_class, self._write_number(element, self._count_of(element), block)
        )

    def write_frame(self, elements: Iterable[Element]) -> bytes:
        """Return the event that brings elements up to date; one whose template changed stays."""
        parts = []
        for element in elements:
            block = None
            if element.template:
                block = self._blocks.find(Name(element.template, element.digest))
                if block is None:
                    continue
            parts.append(self._write_partial(element, block))
        return encode_event("\n".join(parts))

    def _write_partial(self, element: Element, block: Block | None) -> Markup:
        name = element.css_class
        if element.kind == LIST:
            made = self._write_list(element, block)
            return _LIST_PARTIAL.format(name=name, version=_version_of(made), made=made)
        count = self._count_of(element)
        number = self._write_number(element, count, block)
        return _NUMBER_PARTIAL.format(name=name, count=count, number=number)

    def _write_number(self, element: Element, count: int, block: Block | None) -> Markup:
        write = block.write if block is not None else self._words[element.kind]
        return _NUMBER.format(count=count, words=write(count))

    def _count_of(self, element: Element) -> int:
        return self._count(page=element.topic) if element.kind == COUNTER else self._count()

    def _write_list(self, element: Element, block: Block | None) -> Markup:
        version = self._roster.version(element.topic)
        made = self._lists.get(element)
        if made is None or made[0] != version:
            made = version, self._make_list(element, block)
            put_last(self._lists, element, made)
        return made[1]

    def _make_list(self, element: Element, block: Block | None) -> Markup:
        assert block is not None, element  # noqa: S101 - a list has one
        topic, count = element.topic, self._roster.count(element.topic)
        words = Markup("")
        if count <= element.room and (element.room != ROOM or self._roster.is_room(topic)):
            metas = self._find_metas(topic, element.first or element.room)
            words = block.write(*(metas, count)[: block.arity])
        digest = hashlib.blake2b(words.encode(), digest_size=6).hexdigest()
        return _LIST.format(tag=element.tag, name=element.css_class, version=digest, words=words)

    def _find_metas(self, topic: str, most: int) -> list[dict[str, Any]]:
        """Return the metas of who came first, with what `fetch` knows of them."""
        first = self._roster.first(topic, most)
        metas = [read_added(presence.meta) for presence in first]
        if self.fetch is None or not first:
            return metas
        by_key: dict[str, Any] = {}
        for presence, meta in zip(first, metas, strict=True):
            by_key.setdefault(presence.key, {"metas": []})["metas"].append(meta)
        fetched = self.fetch(topic, by_key)
        waiting = {key: deque(entry["metas"]) for key, entry in fetched.items()}
        return [
            {**_beside_metas(fetched[p.key]), **waiting[p.key].popleft()}
            for p in first
            if waiting.get(p.key)
        ]


def _beside_metas(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "metas"}


def _version_of(made: Markup) -> str:
    """Return the version that a list says it is, in its own first tag."""
    return made[: made.index('">')].rpartition(" v")[2]


@lru_cache(maxsize=1024)
def _class_of(element: Element) -> str:
    if element.kind == TOTAL and not element.template:
        return "presence-total"
    text = element.topic
    if element.template or element.kind != COUNTER:
        text = repr(tuple(element))
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=6).hexdigest()
    return f"presence-{digest}"
