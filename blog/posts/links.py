"""Where a post links to, and on which lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from blog.posts.markup.html_tags import Attributes, TagReader
from blog.posts.model import Post

_ATTRIBUTES = {
    "a": ("href",),
    "area": ("href",),
    "img": ("src",),
    "source": ("src",),
    "track": ("src",),
    "audio": ("src",),
    "video": ("src", "poster"),
}
# What stands before and after an address in Markdown and in HTML.
_BEFORE, _AFTER = r"(?<![\w/.#?=&%-])", r"(?![\w/.#?=&%-])"


@dataclass(frozen=True, slots=True)
class Links:
    """What a page's HTML names: `targets` how often, images among them, and its own anchors."""

    targets: Counter[str]
    images: frozenset[str]
    anchors: frozenset[str]


def find_links(html: str) -> Links:
    """Read the links, the images and the anchors of a piece of HTML."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return Links(reader.targets, frozenset(reader.images), frozenset(reader.anchors))


def find_lines(post: Post, target: str, count: int) -> Iterator[int]:
    """Yield the lines of the file that have an address, at most `count`; else the body's first.

    An address in code above a link may be taken for the link, since only the text is searched.
    """
    pattern = re.compile(_BEFORE + re.escape(target) + _AFTER)
    lines = enumerate(post.body.split("\n"), post.body_line)
    found = [number for number, line in lines if pattern.search(line)]
    yield from found[:count] or [post.body_line]


class _Reader(TagReader):
    def __init__(self) -> None:
        super().__init__()
        self.targets: Counter[str] = Counter()
        self.images: set[str] = set()
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        named = {name: value.strip() for name, value in attrs if value}
        self.anchors |= {named[name] for name in ("id", "name") if name in named}
        for attribute in _ATTRIBUTES.get(tag, ()):
            if target := named.get(attribute):
                self.targets[target] += 1
                if tag == "img" or attribute == "poster":
                    self.images.add(target)
