"""Inline Markdown by CommonMark's rules, where Python-Markdown's differ.

Escapes (https://spec.commonmark.org/0.31.2/#backslash-escapes), code spans and labels of
references.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from re import Match
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.inlinepatterns import (
    HTML_RE,
    BacktickInlineProcessor,
    HtmlInlineProcessor,
    ImageInlineProcessor,
    ImageReferenceInlineProcessor,
    LinkInlineProcessor,
    ReferenceInlineProcessor,
)
from markdown.treeprocessors import Treeprocessor, UnescapeTreeprocessor
from markdown.util import INLINE_PLACEHOLDER_RE, AtomicString, code_escape

from blog.posts.markup.alts import AltText, register_alts
from blog.posts.markup.emphasis import EmphasisPattern

# A tag as CommonMark has it (6.6): `Map<String, Object>` has none. Python-Markdown takes any text
# without quotation marks for one.
_TAG = (
    r"""(?:/[a-zA-Z][a-zA-Z0-9-]*+\s*+|"""
    r"""[a-zA-Z][a-zA-Z0-9-]*+(?:\s+[a-zA-Z_:][\w.:-]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'"""
    r"""|[^\s"'=<>`]++))?+)*+\s*+/?)"""
)
_HTML = HTML_RE.replace(HTML_RE[3 : HTML_RE.index("|!--")], _TAG, 1)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_TICKS = re.compile("`+")
_NEW_LINE = re.compile(r"\n *")
# An address and a title with quotation marks or parentheses are no longer than this: all that
# follows one is searched for its other half, for each link anew.
_MAX_PAIRED = 1000
_PAIRED = re.compile("[\"'(]")
_SPACE = re.compile(r"\s")
_BRACKET = re.compile(r"[\[\]]")
_ESCAPED = UnescapeTreeprocessor.RE


class _Code(AtomicString):
    """The text of a code span, with its source."""

    source = ""


class CodePattern(BacktickInlineProcessor):
    """Keeps the source of code, for it may be a reference's label, and the spaces at one end.

    https://spec.commonmark.org/0.31.2/#code-spans
    """

    def find_code_spans(  # type: ignore[override] # the stubs know no code without an end
        self, start: int, text: str
    ) -> tuple[int, int | None]:
        """Return where the code begins that a run of backticks opens, and where it ends."""
        runs = _TICKS.finditer(text, start)
        opening = next(runs)
        for run in runs:
            if len(run[0]) == len(opening[0]):
                return opening.end(), run.start()
        return opening.end(), None

    def handleMatch(  # type: ignore[override] # noqa: N802 - Python-Markdown's name
        self, m: Match[str], data: str
    ) -> tuple[Element | str | None, int | None, int | None]:
        """Return the code."""
        found, start, end = super().handleMatch(m, data)
        if isinstance(found, Element):
            source = data[start:end]
            code = _NEW_LINE.sub(" ", source.strip("`"))
            if code.strip(" ") and code[0] == code[-1] == " ":
                code = code[1:-1]
            text = _Code(code_escape(code))
            text.source = source
            found.text = text
        return found, start, end


class References(dict[str, tuple[str, str]]):
    """The definitions of a text's references by their labels; of two with one, the first counts."""

    def __setitem__(self, label: str, definition: tuple[str, str]) -> None:
        address, title = definition
        definition = (_unescape_source(address), _unescape_source(title or ""))
        self.setdefault(_fold(label), definition)

    def find(self, label: str) -> tuple[str, str] | None:
        """Return address and title of a label; None for one that is defined nowhere."""
        return self.get(_fold(label))


class _Bracketed(LinkInlineProcessor):
    """Finds the ends of link texts by their brackets, all in one pass, since a text may be
    hostile.
    """

    _data = ""
    _left = 0  # how much there was from the last bracket on
    _ends: Mapping[int, int] = {}

    def getText(self, data: str, index: int) -> tuple[str, int, bool]:  # noqa: N802 - as above
        """Return the text, the place after it, and whether it has an end."""
        left = len(data) - index + 1  # from the bracket on
        if data is not self._data:
            # A link that was found is a placeholder now, and what is behind it is as before.
            behind = self._data[len(self._data) - left :] if left <= self._left else None
            if behind is None or not data.endswith(behind):
                self._ends = _pair_brackets(data)
            self._data = data
        self._left = left
        end = self._ends.get(left)
        if end is None:
            return "", len(data), False
        return data[index : len(data) - end], len(data) - end + 1, True

    def getLink(  # noqa: N802 - as above
        self, data: str, index: int
    ) -> tuple[str, str | None, int, bool]:
        """Return address, title, the place after them, and whether it is a link."""
        if data.find(")", index) < 0:
            return "", None, index, False
        near = data[index : index + _MAX_PAIRED]
        if _PAIRED.search(near, 1):
            address, title, end, is_link = super().getLink(near, 0)
            end += index
        else:
            address, title, end, is_link = super().getLink(data, index)
        if title is not None and not _SPACE.search(inside := data[index + 1 : end - 1].strip()):
            return inside, None, end, is_link  # a quotation mark of the address
        return address, title, end, is_link


def _pair_brackets(data: str) -> dict[int, int]:
    """Return for each bracket that is closed where that is: opening → closing, counted from the
    end.
    """
    ends: dict[int, int] = {}
    opened: list[int] = []
    for bracket in _BRACKET.finditer(data):
        if bracket[0] == "[":
            opened.append(bracket.start())
        elif opened:
            ends[len(data) - opened.pop()] = len(data) - bracket.start()
    return ends


class LinkPattern(_Bracketed):
    """Finds `[text](address)` unless the text has such a link itself: of nested links the inner one
    counts.

    https://spec.commonmark.org/0.31.2/#example-518
    """

    def handleMatch(  # type: ignore[override] # noqa: N802 - Python-Markdown's name
        self, m: Match[str], data: str
    ) -> tuple[Element | None, int | None, int | None]:
        """Return the link, or nothing."""
        link, start, end = super().handleMatch(m, data)
        if not isinstance(link, Element):
            return None, None, None
        text = link.text or ""
        has_link = "](" in text and self._has_link(text)
        return (None, None, None) if has_link else (link, start, end)

    def _has_link(self, text: str) -> bool:
        return any(
            text[start - 1 : start] != "!"
            and text[end + 1 : end + 2] == "("
            and self.getLink(text, end + 1)[3]
            for start, end in (
                (len(text) - start, len(text) - end) for start, end in _pair_brackets(text).items()
            )
        )


class ImageLinkPattern(AltText, _Bracketed, ImageInlineProcessor):
    """Finds `![text](address)`."""


class ReferencePattern(_Bracketed, ReferenceInlineProcessor):
    """Finds `[text][label]` and `[label][]`: the label follows at once, and may have code in it."""

    RE_LINK = re.compile(r"\[([^\[\]]*)\]")

    def __init__(self, pattern: str, md: Markdown, references: References) -> None:
        super().__init__(pattern, md)
        self._references = references
        self._inline: Any = md.treeprocessors["inline"]

    def handleMatch(  # type: ignore[override] # noqa: N802 - Python-Markdown's name
        self, m: Match[str], data: str
    ) -> tuple[Element | None, int | None, int | None]:
        """Return the link, or nothing where the label is defined nowhere."""
        text, index, handled = self.getText(data, m.end(0))
        label, end, handled = self.evalId(data, index, text) if handled else (None, 0, False)
        if not handled:
            return None, None, None
        definition = self._references.find(self._as_written(label or text))
        if definition is None:
            return None, None, None
        return self.makeTag(definition[0], definition[1], text), m.start(0), end

    def _as_written(self, label: str) -> str:
        return INLINE_PLACEHOLDER_RE.sub(self._find_source, label)

    def _find_source(self, placeholder: Match[str]) -> str:
        node = self._inline.stashed_nodes.get(placeholder[1], "")
        if isinstance(node, str):
            return _ESCAPED.sub(lambda escaped: "\\" + chr(int(escaped[1])), node)
        return node.text.source if isinstance(node.text, _Code) else "".join(node.itertext())


class ShortReferencePattern(ReferencePattern):
    """Finds `[label]`, unless it is the text of another label."""

    def evalId(self, data: str, index: int, text: str) -> tuple[str, int, bool]:  # noqa: N802
        """Return the text, which is the label."""
        following = self.RE_LINK.match(data, index)
        return text, index, not (following and following[1])


class ImagePattern(AltText, ReferencePattern, ImageReferenceInlineProcessor):
    """Finds `![text][label]` and `![label][]`."""


class ShortImagePattern(AltText, ShortReferencePattern, ImageReferenceInlineProcessor):
    """Finds `![label]`."""


class AttributeEscapeStep(Treeprocessor):
    """Takes the escapes out of attributes, before anybody looks at them."""

    def run(self, root: Element) -> None:
        for element in root.iter():
            for name, value in element.items():
                if value and "\x02" in value:
                    element.set(name, _unescape(value))


class EscapeStep(UnescapeTreeprocessor):
    r"""Takes the escapes out of texts; `\&copy;` is no ©."""

    def unescape(self, text: str) -> str:
        """Return a text with each sign that was escaped."""
        return _unescape(text)


def register_inlines(md: Markdown) -> None:
    """Register all patterns at the places of Python-Markdown's own."""
    md.ESCAPED_CHARS = list(string.punctuation)
    md.references = references = References()
    md.inlinePatterns.register(EmphasisPattern(md), "em_strong", 60)
    code = md.inlinePatterns["backtick"]
    md.inlinePatterns.register(CodePattern(code.pattern), "backtick", 190)
    md.inlinePatterns.register(HtmlInlineProcessor(_HTML, md), "html", 90)
    for name, kind, begin, priority in (
        ("reference", ReferencePattern, r"(?<!\!)\[", 170),
        ("image_reference", ImagePattern, r"\!\[", 140),
        ("short_reference", ShortReferencePattern, r"(?<!\!)\[", 130),
        ("short_image_ref", ShortImagePattern, r"\!\[", 125),
    ):
        md.inlinePatterns.register(kind(begin, md, references), name, priority)
    md.inlinePatterns.register(LinkPattern(r"(?<!\!)\[", md), "link", 160)
    md.inlinePatterns.register(ImageLinkPattern(r"\!\[", md), "image_link", 150)
    register_alts(md)
    md.treeprocessors.register(AttributeEscapeStep(md), "page_attributes", 9)
    md.treeprocessors.register(EscapeStep(md), "unescape", 0)
    definitions: Any = md.parser.blockprocessors["reference"]
    definitions.RE = _DEFINITION


# As Python-Markdown has it, and besides: an escaped bracket in the label, spaces in `<…>`.
_DEFINITION = re.compile(
    r"^[ ]{0,3}\[((?:\\.|[^\[\]\\])*)\]:[ ]*(?:\n[ ]*)?(<[^<>\n]*>|[^\s]+)[ ]*"
    r"(?:\n[ ]*)?(([\"'])(.*)\4[ ]*|\((.*)\)[ ]*)?$",
    re.MULTILINE,
)


def _fold(label: str) -> str:
    return " ".join(label.split()).casefold()


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda sign: "&amp;" if sign[1] == "38" else chr(int(sign[1])), text)


def _unescape_source(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)
