"""Inline Markdown by CommonMark's rules, where Python-Markdown's differ.

Escapes (https://spec.commonmark.org/0.31.2/#backslash-escapes), labels of references, and which
asterisks mean something.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Mapping
from re import Match
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.inlinepatterns import (
    HTML_RE,
    BacktickInlineProcessor,
    Delimiter,
    DelimiterProcessor,
    HtmlInlineProcessor,
    ImageInlineProcessor,
    ImageReferenceInlineProcessor,
    LinkInlineProcessor,
    ReferenceInlineProcessor,
)
from markdown.treeprocessors import Treeprocessor, UnescapeTreeprocessor
from markdown.util import INLINE_PLACEHOLDER_RE, AtomicString

from blog.posts.markup.alts import AltText, register_alts

# A tag as CommonMark has it (6.6): `Map<String, Object>` has none. Python-Markdown takes any text
# without quotation marks for one.
_TAG = (
    r"""(?:/[a-zA-Z][a-zA-Z0-9-]*+\s*+|"""
    r"""[a-zA-Z][a-zA-Z0-9-]*+(?:\s+[a-zA-Z_:][\w.:-]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'"""
    r"""|[^\s"'=<>`]++))?+)*+\s*+/?)"""
)
_HTML = HTML_RE.replace(HTML_RE[3 : HTML_RE.index("|!--")], _TAG, 1)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_BRACKET = re.compile(r"[\[\]]")
_ESCAPED = UnescapeTreeprocessor.RE


def _write_ranges(signs: list[int]) -> str:
    """Write code points, in order, as the inside of a regular expression's set."""
    ranges: list[list[int]] = []
    for sign in signs:
        if ranges and ranges[-1][1] == sign - 1:
            ranges[-1][1] = sign
        else:
            ranges.append([sign, sign])
    return "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in ranges)


# Every placeholder (\x02…\x03) stands for something that begins and ends with a sign: code, a link.
# CJK signs are left out, and CJK letters have no spaces around them: as CommonMark is written,
# `**重点。**然后` would not be bold (https://github.com/commonmark/commonmark-spec/issues/650).
_SIGNS = r"!-/:-@\[-`{-~\x02\x03" + _write_ranges(
    [code for code in range(0x80, 0x2E80) if unicodedata.category(chr(code))[0] in "PS"]
)
_CJK = "\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
_CJK += "\U00020000-\U0003ffff"


class Asterisks(Delimiter):
    """Knows by its neighbours whether a run of asterisks can begin or end anything.

    https://spec.commonmark.org/0.31.2/#left-flanking-delimiter-run
    """

    def _build_patterns(self, token: str) -> str:
        pattern = str(super()._build_patterns(token))  # type: ignore[misc] # the stubs lack it
        begins = (
            rf"(?:(?<![^\s{_SIGNS}{_CJK}])\*++(?!\s|\Z)|\*++(?![\s{_SIGNS}]|\Z))"  # left-flanking
        )
        ends = rf"(?<=[^\s*])(?:\*++(?![^\s{_SIGNS}{_CJK}])|(?<![{_SIGNS}])\*++)"  # right-flanking
        self.boundary = re.compile(
            f"(?P<ambiguous>(?={ends}){begins})|(?P<end>{ends})|(?P<start>{begins})"
        )
        return pattern


class Emphasis(DelimiterProcessor):
    """Pairs the runs of `**a*b**`: the one in the middle must not pair with the last.

    https://spec.commonmark.org/0.31.2/#emphasis-and-strong-emphasis, rules 9 and 10, where the
    earlier run could be an end, too. Python-Markdown looks at the later one only.
    """

    def search(self, data: str, start: int) -> Match[str] | None:
        """Find the next run, and drop those that are between it and what it pairs with."""
        found: Match[str] | None = super().search(data, start)
        if found is not None and found.lastgroup != "start":
            opened = self.delimiters[data[found.start()]].stack
            size = len(found[0])
            barred = 0
            for run in reversed(opened):
                is_either, length = run[2:4]
                if not (is_either and self.rule_of_3(length, size)):
                    break
                barred += 1
            for _ in range(barred if barred < len(opened) else 0):
                opened.pop()
        return found


class _Code(AtomicString):
    """The text of a code span, with its source."""

    source = ""


class CodePattern(BacktickInlineProcessor):
    """Keeps the source of code, for it may be a reference's label."""

    def handleMatch(  # type: ignore[override] # noqa: N802 - Python-Markdown's name
        self, m: Match[str], data: str
    ) -> tuple[Element | str | None, int | None, int | None]:
        """Return the code, as Python-Markdown finds it."""
        found, start, end = super().handleMatch(m, data)
        if isinstance(found, Element):
            text = _Code(found.text)
            text.source = data[start:end]
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
    _left = 0  # what was behind the last bracket
    _ends: Mapping[int, int] = {}

    def getText(self, data: str, index: int) -> tuple[str, int, bool]:  # noqa: N802 - as above
        """Return the text, the place after it, and whether it has an end."""
        left = len(data) - index
        if data is not self._data:
            # A link that was found is a placeholder now, and what is behind it is as before.
            behind = self._data[len(self._data) - left :] if left <= self._left else None
            if behind is None or not data.endswith(behind):
                self._ends = _pair_brackets(data)
            self._data = data
        self._left = left
        end = self._ends.get(left + 1)
        if end is None:
            return "", len(data), False
        return data[index : len(data) - end], len(data) - end + 1, True

    def getLink(  # noqa: N802 - as above
        self, data: str, index: int
    ) -> tuple[str, str | None, int, bool]:
        """Return address, title, the place after them, and whether it is a link."""
        if data.find(")", index) < 0:
            return "", None, index, False
        return super().getLink(data, index)


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
    emphasis = Emphasis("*", "strong,em", md)
    emphasis.add("_", "strong,em", smart=True)
    md.inlinePatterns.register(emphasis, "em_strong", 60)
    emphasis.delimiters["*"] = Asterisks("*", "strong,em", smart=False, double=False)
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
