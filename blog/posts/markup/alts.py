"""The alternative text of an image: the words of its Markdown, without the marks."""

from __future__ import annotations

import re
from re import Match
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from markdown import Markdown
from markdown.inlinepatterns import InlineProcessor as Pattern
from markdown.treeprocessors import InlineProcessor, Treeprocessor
from markdown.util import HTML_PLACEHOLDER_RE, INLINE_PLACEHOLDER_RE, AtomicString

_MARK = re.compile(r"[*_~<>\[\]`]")


class AltText(Pattern):
    """Makes plain text of what earlier steps found in it: code, and links with code in them."""

    def unescape(self, text: str) -> str:
        """Return the text; the marks in code stay."""
        inline: Any = self.md.treeprocessors["inline"]

        def read(placeholder: Match[str]) -> str:
            node = inline.stashed_nodes.get(placeholder[1], "")
            if isinstance(node, str):
                return node
            words = self.unescape("".join(node.itertext()))
            is_code = isinstance(node.text, AtomicString)
            return _MARK.sub(_escape, words) if is_code else words

        return INLINE_PLACEHOLDER_RE.sub(read, text)


class AltStep(Treeprocessor):
    """Takes the marks out of images' texts, where the inline step (20) has left them."""

    def run(self, root: Element) -> None:
        """See to every image."""
        for image in root.iter("img"):
            alt = image.get("alt") or ""
            if _MARK.search(alt) or "\x02" in alt:
                image.set("alt", self._read(alt))

    def _read(self, alt: str) -> str:
        root = Element("div")
        SubElement(root, "p").text = alt
        InlineProcessor(self.md).run(root)
        return HTML_PLACEHOLDER_RE.sub(self._find_entity, "".join(root.itertext()))

    def _find_entity(self, placeholder: Match[str]) -> str:
        html = self.md.htmlStash.rawHtmlBlocks[int(placeholder[1])]
        return html if isinstance(html, str) and html[:1] == "&" else ""


def _escape(sign: Match[str]) -> str:
    return f"\x02{ord(sign[0])}\x03"


def register_alts(md: Markdown) -> None:
    """Have the texts read before their escapes are taken out (9)."""
    md.treeprocessors.register(AltStep(md), "page_alts", 18)
