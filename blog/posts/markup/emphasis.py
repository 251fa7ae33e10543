"""Emphasis, `*…*` and `**…**`, by CommonMark's rules, where Python-Markdown guesses.

https://spec.commonmark.org/0.31.2/#emphasis-and-strong-emphasis
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from re import Match, Pattern
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.inlinepatterns import InlineProcessor

_RUN = re.compile(r"\*+|_+")
# CJK letters have no spaces around them: as CommonMark is written, `**重点。**然后` would not be
# bold (https://github.com/commonmark/commonmark-spec/issues/650).
_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
    "\U00020000-\U0003ffff]"
)
# Marks further in are text: whoever reads a tree of elements recurses for each level.
_MAX_LEVELS = 50


@lru_cache(maxsize=4096)
def _name_kind(sign: str) -> str:
    """Tell "space", "sign", "cjk sign", "cjk" or "" by a character; an end is a space."""
    if not sign or sign.isspace():
        return "space"
    if _CJK.match(sign):
        return "cjk sign" if unicodedata.category(sign)[0] in "PS" else "cjk"
    # A placeholder (\x02…\x03) stands for what begins and ends with a sign: code, a link.
    is_sign = sign < "\u2e80" and (sign in "\x02\x03" or unicodedata.category(sign)[0] in "PS")
    return "sign" if is_sign else ""


@dataclass(slots=True)
class _Run:
    """Some asterisks or underscores side by side, and which of them are not used up."""

    sign: str
    start: int
    end: int
    length: int
    opens: bool
    closes: bool

    @classmethod
    def read(cls, data: str, found: Match[str]) -> _Run:
        """Tell by its neighbours what a run may do."""
        start, end = found.span()
        sign = data[start]
        before, after = _name_kind(data[start - 1 : start]), _name_kind(data[end : end + 1])
        near = ("space", "sign", "cjk sign", "cjk") if sign == "*" else ("space", "sign")
        if sign == "_":
            before, after = before.removeprefix("cjk "), after.removeprefix("cjk ")
        is_left = after != "space" and (after != "sign" or before in near)
        is_right = before != "space" and (before != "sign" or after in near)
        if sign == "_":  # not within words
            is_left, is_right = (
                is_left and (not is_right or before == "sign"),
                is_right and (not is_left or after == "sign"),
            )
        return cls(sign, start, end, end - start, is_left, is_right)

    def pairs_with(self, closing: _Run) -> bool:
        """Tell whether this run may open what the other one closes (rules 9 and 10)."""
        if self.sign != closing.sign:
            return False
        is_either = self.closes or closing.opens
        has_equal = self.length % 3 == 0 and closing.length % 3 == 0
        return not is_either or (self.length + closing.length) % 3 != 0 or has_equal


@dataclass(slots=True)
class _Span:
    """What stands between two marks: places of the marks, and the spans inside."""

    start: int
    inner: int
    inner_end: int
    end: int
    inside: list[_Span] = field(default_factory=list)


def _find_spans(data: str) -> list[_Span]:
    """Return the outermost spans in their order."""
    opened: list[_Run] = []
    # Before these places no run is left that may open what a run of such a kind closes.
    bottoms: dict[tuple[str, bool, int], int] = {}
    spans: list[_Span] = []
    for found in _RUN.finditer(data):
        run = _Run.read(data, found)
        kind = (run.sign, run.opens, run.length % 3)
        while run.closes and run.start < run.end:
            at = len(opened) - 1
            while at >= 0 and opened[at].start >= bottoms.get(kind, 0):
                if opened[at].pairs_with(run):
                    break
                at -= 1
            else:
                bottoms[kind] = run.start
                break
            del opened[at + 1 :]
            opening = opened[at]
            size = min(2, opening.end - opening.start, run.end - run.start)
            opening.end -= size
            spans.append(_Span(opening.end, opening.end + size, run.start, run.start + size))
            run.start += size
            if opening.start == opening.end:
                opened.pop()
        if run.opens and run.start < run.end:
            opened.append(run)
    return _nest(spans)


def _nest(spans: list[_Span]) -> list[_Span]:
    outermost: list[_Span] = []
    around: list[_Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        while around and around[-1].end <= span.start:
            around.pop()
        if len(around) < _MAX_LEVELS:
            (around[-1].inside if around else outermost).append(span)
            around.append(span)
    return outermost


def _write_element(data: str, span: _Span) -> Element:
    element = Element("strong" if span.inner - span.start == 2 else "em")
    end = span.inner
    last: Element | None = None
    for inside in span.inside:
        _add_text(element, last, data[end : inside.start])
        last = _write_element(data, inside)
        element.append(last)
        end = inside.end
    _add_text(element, last, data[end : span.inner_end])
    return element


def _add_text(element: Element, last: Element | None, text: str) -> None:
    # What is left of the marks is text, whatever it is beside now.
    text = _RUN.sub(lambda run: "".join(f"\x02{ord(sign)}\x03" for sign in run[0]), text)
    if last is None:
        element.text = text
    else:
        last.tail = text


class _SpanFinder:
    """Finds the outermost spans of a text: all of them at once, by which it stays linear."""

    def __init__(self) -> None:
        self._data = ""
        self._left: list[_Span] = []  # the first one last
        self._behind = ""

    def finditer(self, data: str, index: int) -> Iterator[tuple[Element, int, int]]:
        """Yield the element of the next span, if there is one, and its two ends."""
        if "*" not in data and "_" not in data:
            return
        # What was found last is a placeholder now, and what is behind that is as before.
        if not index or data[index:] != self._behind:
            self._data, self._left = (
                data,
                [span for span in reversed(_find_spans(data)) if span.start >= index],
            )
        if self._left:
            span = self._left.pop()
            moved = len(data) - len(self._data)
            self._behind = self._data[span.end :]
            yield _write_element(self._data, span), span.start + moved, span.end + moved


class EmphasisPattern(InlineProcessor):
    """Finds emphasis; everything that binds more tightly is a placeholder already."""

    def __init__(self, md: Markdown) -> None:
        super().__init__(_RUN.pattern, md)
        self._finder: Any = _SpanFinder()

    def getCompiledRegExp(self) -> Pattern[str]:  # noqa: N802 - Python-Markdown's name
        """Return what finds emphasis."""
        return self._finder  # type: ignore[no-any-return] # all that is asked of it

    def handleMatch(  # type: ignore[override] # noqa: N802 - Python-Markdown's name
        self, m: tuple[Element, int, int], data: str
    ) -> tuple[Element, int, int]:
        """Return what was found."""
        return m
