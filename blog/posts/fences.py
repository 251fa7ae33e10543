"""Fenced code wherever authors write it: in lists and quotes, indented, with titles, unclosed.

Python-Markdown's own step knows fences only at the margin, with a bare language, closed by an
equal fence; everything else it makes one line of inline code of. The rules here are CommonMark's:
https://spec.commonmark.org/0.31.2/#fenced-code-blocks
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from markdown import Markdown
from markdown.extensions.attr_list import get_attrs_and_remainder
from markdown.extensions.codehilite import CodeHilite, parse_hl_lines
from markdown.preprocessors import Preprocessor

_FENCE = re.compile(r"([ >]*)(`{3,}|~{3,})[ \t]*(.*)")
_ITEM = re.compile(r"( *)(?:[*+-]|\d{1,9}[.)])[ \t]")
_LANGUAGE = re.compile(r"\.?([\w#.+-]+)")
_HIGHLIGHTED = re.compile(r"hl_lines=([\"'])(.*?)\1")

# Names that blogs use and Pygments does not know.
_ALIASES = {"mjs": "js", "cjs": "js", "mts": "ts", "cts": "ts", "jsonc": "json5", "heex": "html"}
# Python-Markdown takes what stands below a list's item from so many spaces on.
_ITEM_INDENT = 4


@dataclass(frozen=True, slots=True)
class _Opening:
    """A line that begins code: what stands before the fence, the fence, and what it says."""

    quotes: int
    indent: int
    fence: str
    said: str


class FenceStep(Preprocessor):
    """Sets every fenced block aside, highlighted. Takes the place of `fenced_code_block`."""

    def __init__(self, md: Markdown, formatter: type[Any]) -> None:
        super().__init__(md)
        self._formatter = formatter

    def run(self, lines: list[str]) -> list[str]:
        """Replace each block by the placeholder of its HTML."""
        done: list[str] = []
        items: list[int] = []  # how far the items of open lists are indented, outermost first
        at = 0
        while at < len(lines):
            line = lines[at]
            opening = _read_opening(line)
            if opening is None or (opening.indent > 3 and not items):
                _follow_lists(items, line, not done or not done[-1].strip())
                done.append(line)
                at += 1
                continue
            code, at = _read_code(lines, at + 1, opening)
            holders = [indent for indent in items if indent < opening.indent]
            prefix = "> " * opening.quotes
            if holders and not opening.quotes:
                prefix = " " * (_ITEM_INDENT * (holders[-1] // _ITEM_INDENT + 1))
            elif not opening.quotes:
                items.clear()
            placeholder = self.md.htmlStash.store(self._highlight(code, opening.said))
            # A quote that ends with the code must not end with an empty line of its own, else
            # the paragraph that stands for the code is no longer taken for it.
            goes_on = opening.quotes and at < len(lines) and lines[at].lstrip().startswith(">")
            done += [prefix.rstrip(), prefix + placeholder, ">" * opening.quotes if goes_on else ""]
        return [*done, ""]

    def _highlight(self, code: str, said: str) -> str:
        language, lines = _read_said(said)
        block = CodeHilite(
            code,
            lang=_ALIASES.get(language, language) or None,
            guess_lang=False,
            hl_lines=lines,
            pygments_formatter=self._formatter,
        )
        return str(block.hilite(shebang=False))


def _read_opening(line: str) -> _Opening | None:
    found = _FENCE.fullmatch(line)
    # Backticks after backticks are code within a line.
    if found is None or (found[2][0] == "`" and "`" in found[3]):
        return None
    quotes = found[1].count(">")
    indent = len(found[1].rpartition(">")[2]) - (1 if quotes else 0)
    return _Opening(quotes, max(indent, 0), found[2], found[3].strip())


def _read_code(lines: list[str], at: int, opening: _Opening) -> tuple[str, int]:
    """Return the code and the place after it; the end of its list, quote or text closes it."""
    quote = re.compile(r" {0,3}>(?: |$)?" * opening.quotes)
    closing = re.compile(r" *" + re.escape(opening.fence[0]) + f"{{{len(opening.fence)},}}[ \t]*")
    code: list[str] = []
    while at < len(lines):
        quoted = quote.match(lines[at])
        if quoted is None:
            break
        line = lines[at][quoted.end() :]
        if closing.fullmatch(line):
            at += 1
            break
        indent = len(line) - len(line.lstrip(" "))
        if opening.indent > 3 and line.strip() and indent < opening.indent - 3:
            break
        code.append(line[min(indent, opening.indent) :])
        at += 1
    return "".join(f"{line}\n" for line in code), at


def _follow_lists(items: list[int], line: str, after_blank: bool) -> None:
    """Keep in `items` the indentation of the items that `line` may stand in."""
    item = _ITEM.match(line)
    if item:
        indent = len(item[1])
        while items and items[-1] >= indent:
            items.pop()
        items.append(indent)
    elif after_blank and line.strip() and not line.startswith((" ", "\t")):
        items.clear()


def _read_said(said: str) -> tuple[str, list[int]]:
    """Read the language and the lines to highlight; whatever else is said is for other tools."""
    if said.startswith("{"):
        attributes, rest = get_attrs_and_remainder(said[1:].rpartition("}")[0])
        classes = [value for name, value in attributes if name == "." and value]
        marked = [value for name, value in attributes if name == "hl_lines" and value]
        if classes and not rest:
            return classes[0].lower(), parse_hl_lines(marked[0]) if marked else []
    language = _LANGUAGE.match(said)
    highlighted = _HIGHLIGHTED.search(said)
    return (
        language[1].lower() if language else "",
        parse_hl_lines(highlighted[2]) if highlighted else [],
    )
