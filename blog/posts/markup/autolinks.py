"""Bare addresses as links, by GitHub's rules: https://github.github.com/gfm/#autolinks-extension-."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import Match, Pattern
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.inlinepatterns import AutolinkInlineProcessor, InlineProcessor
from markdown.treeprocessors import Treeprocessor, UnescapeTreeprocessor
from markdown.util import HTML_PLACEHOLDER_RE, INLINE_PLACEHOLDER_RE, AtomicString

from blog.posts.markup.attributes import ATTRIBUTES

# CJK signs end an address, and so does a bracket that was opened before it, and what is done
# already, except a sign that was escaped.
_SIGNS = r"[^\s<\[\]\x00-\x1f\u3000-\u303f\uff00-\uff65]"
_DONE = INLINE_PLACEHOLDER_RE.pattern.replace("(", "(?:", 1)
_REST = rf"{_SIGNS}+(?:(?:{_DONE}|\[{_SIGNS}*\]?){_SIGNS}*)*"
# A list of attributes is skipped together with the addresses among its values. A label may have
# letters of every script.
_ADDRESS = (
    rf"(?i:(?P<attributes>{ATTRIBUTES})"
    rf"|(?<![a-z])(?P<scheme>https?|ftp)://(?=[^\W_]){_REST}"
    rf"|(?<![^\s*_~(])www\.(?=[^\W_]){_REST}"
    r"|(?<![a-z0-9._+-])(?P<mail>(?:mailto:)?[a-z0-9._+-]++@[a-z0-9_-]++(?:\.[a-z0-9_-]++)++)(?!@))"
)
_AUTOLINK = r"<([A-Za-z][A-Za-z0-9.+-]{1,31}:[^\s<>\x00-\x1f]*)>"
_ENTITY = re.compile(r"&[A-Za-z]+;$")
_HOST = re.compile(r"[\w.-]+")
_MARK = "bare"


class _AddressFinder:
    """Searches only texts that contain a sign of an address, since the search takes long and
    most texts contain none.
    """

    _SIGN = re.compile(r"://|@|[wW]{3}\.")

    def __init__(self, pattern: Pattern[str]) -> None:
        self._pattern = pattern

    def finditer(self, data: str, index: int) -> Iterator[Match[str]]:
        """Yield what the pattern finds."""
        return self._pattern.finditer(data, index) if self._SIGN.search(data, index) else iter(())


class AutolinkPattern(InlineProcessor):
    """Finds bare addresses. Links (170 to 110) and HTML (90) have been set aside before."""

    ANCESTOR_EXCLUDES = ("a",)

    def __init__(self, pattern: str, md: Markdown) -> None:
        super().__init__(pattern, md)
        self._inline: Any = md.treeprocessors["inline"]
        self._finder: Any = _AddressFinder(super().getCompiledRegExp())

    def getCompiledRegExp(self) -> Pattern[str]:  # noqa: N802 - Python-Markdown's name
        """Return what finds addresses."""
        return self._finder  # type: ignore[no-any-return] # all that is asked of it

    def handleMatch(  # type: ignore[override] # noqa: N802 - Python-Markdown's name
        self, m: Match[str], data: str
    ) -> tuple[Element | None, int | None, int | None]:
        """Return the link, without the signs of the sentence that it stands in."""
        source = _cut(self._find_escapes(m[0]))
        shown = INLINE_PLACEHOLDER_RE.sub(self._read_escape, source)
        if m["attributes"] or not (_is_mail(shown) if m["mail"] else _has_host(shown)):
            return None, None, None
        default = "mailto:" if m["mail"] else "http://"
        is_whole = m["scheme"] or shown[:7].lower() == "mailto:"
        link = Element("a", {"href": shown if is_whole else default + shown, _MARK: ""})
        link.text = AtomicString(shown)
        return link, m.start(), m.start() + len(source)

    def _find_escapes(self, address: str) -> str:
        """Return the part of a text before what is done already and is no escaped sign."""
        for done in INLINE_PLACEHOLDER_RE.finditer(address):
            if not self._read_escape(done):
                return address[: done.start()]
        return address

    def _read_escape(self, done: Match[str]) -> str:
        node = self._inline.stashed_nodes.get(done[1])
        sign = UnescapeTreeprocessor.RE.fullmatch(node) if isinstance(node, str) else None
        return chr(int(sign[1])) if sign else ""


def _is_mail(shown: str) -> bool:
    return shown[-1].isalpha() and "." in shown.rpartition("@")[2]


def _has_host(shown: str) -> bool:
    """Tell whether an address has a host: a name with a dot after `www.`, and no `_` in its last
    parts.
    """
    host = _HOST.match(shown.partition("://")[2] or shown)
    labels = host[0].split(".") if host else []
    is_short = shown[:4].lower() == "www." and len(labels) < 3
    return bool(labels) and not is_short and "_" not in "".join(labels[-2:])


class BareLinkStep(Treeprocessor):
    """Undoes links that stand inside a link written as HTML."""

    def run(self, root: Element) -> None:
        """Walk through the text in its order, and follow where `<a>` begins and ends."""
        self._is_inside = False
        self._has_anchors = any(
            isinstance(piece, str) and piece[:2].lower() == "<a"
            for piece in self.md.htmlStash.rawHtmlBlocks
        )
        if self._has_anchors:
            self._walk(root)
        for link in root.iter("a"):
            link.attrib.pop(_MARK, None)

    def _walk(self, parent: Element) -> None:
        self._follow(parent.text)
        for child in parent:
            if self._is_inside and _MARK in child.attrib:
                child.tag = "span"
                child.attrib.clear()
            self._walk(child)
            self._follow(child.tail)

    def _follow(self, text: str | None) -> None:
        for found in HTML_PLACEHOLDER_RE.finditer(text or ""):
            piece = str(self.md.htmlStash.rawHtmlBlocks[int(found[1])]).lower()
            if re.match(r"<a[\s>]", piece):
                self._is_inside = "</a" not in piece
            elif piece.startswith("</a"):
                self._is_inside = False


def register_autolinks(md: Markdown) -> None:
    """Have bare addresses found after all other links and HTML, and before emphasis (60)."""
    md.inlinePatterns.register(AutolinkInlineProcessor(_AUTOLINK, md), "autolink", 120)
    md.inlinePatterns.register(AutolinkPattern(_ADDRESS, md), "bare_address", 85)
    md.treeprocessors.register(BareLinkStep(md), "bare_address", 19)


def _cut(address: str) -> str:
    """Take off what ends a sentence, and brackets that were not opened in the address."""
    surplus = address.count(")") - address.count("(")
    end = len(address)
    while end:
        sign = address[end - 1]
        if sign in "?!.,:*_~'\"" or (sign == ")" and surplus > 0):
            surplus -= sign == ")"
            end -= 1
        elif sign == ";":
            entity = _ENTITY.search(address, max(0, end - 40), end)
            end = entity.start() if entity else end - 1
        else:
            break
    return address[:end]
