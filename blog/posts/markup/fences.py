"""Fenced code wherever authors write it: in lists and quotes, indented, with titles, unclosed.

Python-Markdown's own step knows fences only at the margin, with a bare language, closed by an equal
fence; it turns every other fence into one line of inline code. The rules here are CommonMark's:
https://spec.commonmark.org/0.31.2/#fenced-code-blocks
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown import Markdown
from markdown.preprocessors import Preprocessor

from blog.posts.markup.code_blocks import FenceWords, write_code
from blog.posts.markup.formulas import Formulas
from blog.posts.markup.html_blocks import WHOLE_TAGS, find_line
from blog.posts.markup.lists import CODE_COLUMNS, PUT_IN, Nesting

# A fence may stand first in an item, a definition or a footnote.
_MARK = r"(?:[*+-]|\d{1,9}[.)]|:|\[\^[^\]]+\]:) +"
_FENCE = re.compile(rf"([ >]*)((?:{_MARK})?)(`{{3,}}|~{{3,}}|\$\$(?=[ \t]*$))[ \t]*(.*)")
# What is between such tags is no Markdown.
_RAW = re.compile(
    rf"( *+)[ >]*+(?:{_MARK})*<(?:({'|'.join(WHOLE_TAGS)})(?=[\s>]|$)|!--)", re.IGNORECASE
)
_LIST_ITEM = re.compile(rf"[ >]*{_MARK}")


@dataclass(frozen=True, slots=True)
class _Opening:
    """A line that begins code: what stands before the fence, the fence, and what it says."""

    margin: str
    quotes: int
    indent: int
    mark: str
    fence: str
    said: str


class FenceStep(Preprocessor):
    """Sets every fenced block aside, highlighted. Takes the place of `fenced_code_block`.

    A block in the language `math`, or between lines of `$$`, is a formula.
    """

    def __init__(self, md: Markdown, formulas: Formulas) -> None:
        super().__init__(md)
        self._formulas = formulas

    def run(self, lines: list[str]) -> list[str]:
        """Replace each block by the placeholder of its HTML."""
        done: list[str] = []
        nesting = Nesting()
        missing: set[str] = set()
        at = 0
        while at < len(lines):
            if "<" in lines[at] and (raw := _RAW.match(lines[at])) and not _is_code(raw, nesting):
                end = f"</{raw[2].lower()}>" if raw[2] else "-->"
                after = find_line(lines, at, end, missing)
                nesting.follow(lines[at])
                done += lines[at:after]
                at = after
                continue
            opening = _read_opening(lines[at])
            column = nesting.find_code_column(opening.indent) if opening else None
            if opening and nesting.find_code_column(len(opening.margin)) is None:
                column = None
            if opening is None or column is None:
                nesting.follow(lines[at])
                done.append(lines[at])
                at += 1
                continue
            code, after, is_closed = _read_code(lines, at + 1, opening)
            if opening.fence == "$$" and not is_closed:
                nesting.follow(lines[at])
                done.append(lines[at])  # two dollars, and not the rest of the post
                at += 1
                continue
            at = after
            quoted = opening.margin + ">" * opening.quotes + " "
            prefix = " " * column
            if opening.quotes:
                prefix = opening.margin + "> " * opening.quotes + " " * opening.indent
            placeholder = self.md.htmlStash.store(self._write(code, opening))
            block = [prefix + opening.mark + placeholder]
            if not opening.mark and (not done or done[-1].strip()):
                block.insert(0, quoted + PUT_IN if opening.quotes else PUT_IN)
            # A quote that ends with the code must not end with an empty line of its own, or the
            # placeholder of the code would no longer be recognised. Two empty lines would end a
            # footnote.
            below = lines[at].strip() if at < len(lines) else "the end"
            if below and not (opening.mark and _LIST_ITEM.match(below)):
                around = min(_count_quotes(below), opening.quotes)
                block.append(opening.margin + ">" * around + " " + PUT_IN if around else PUT_IN)
            for line in block:
                nesting.follow(line)
            done += block
        return [*done, ""]

    def _write(self, code: str, opening: _Opening) -> str:
        words = FenceWords.read(opening.said)
        if opening.fence == "$$" or words.language == "math":
            return self._formulas.write_block(code)
        return write_code(code, words)


def _read_opening(line: str) -> _Opening | None:
    found = _FENCE.fullmatch(line)
    # Backticks after backticks are code within a line.
    if found is None or (found[3][0] == "`" and "`" in found[4]):
        return None
    quotes = found[1].count(">")
    indent = len(found[1].rpartition(">")[2]) - (1 if quotes else 0)
    margin = found[1][: found[1].find(">")] if quotes else ""
    return _Opening(margin, quotes, max(indent, 0), found[2], found[3], found[4].strip())


def _count_quotes(line: str) -> int:
    return line[: len(line) - len(line.lstrip("> "))].count(">")


def _is_code(raw: re.Match[str], nesting: Nesting) -> bool:
    """Tell whether a line that begins with a tag is one of code that is indented."""
    column = nesting.find_code_column(len(raw[1]))
    return column is None or len(raw[1]) - column >= CODE_COLUMNS


def _read_code(lines: list[str], at: int, opening: _Opening) -> tuple[str, int, bool]:
    """Return the code, the place after it, and whether it was closed by its own fence.

    The end of its list, quote or text closes it, too.
    """
    quote = re.compile(f" {{0,{len(opening.margin)}}}" + r" {0,3}>(?: |$)?" * opening.quotes)
    indent_of_code = opening.indent + len(opening.mark)
    # Indented further, it is a fence inside the code.
    closing = re.compile(
        rf" {{0,{indent_of_code + 3}}}"
        + re.escape(opening.fence[0])
        + f"{{{len(opening.fence)},}}[ \t]*"
    )
    code: list[str] = []
    is_closed = False
    while at < len(lines):
        quoted = quote.match(lines[at])
        if quoted is None:
            break
        line = lines[at][quoted.end() :]
        if closing.fullmatch(line):
            at, is_closed = at + 1, True
            break
        indent = len(line) - len(line.lstrip(" "))
        if indent_of_code > 3 and line.strip() and indent < indent_of_code - 3:
            break
        code.append(line[min(indent, indent_of_code) :])
        at += 1
    return "".join(f"{line}\n" for line in code), at, is_closed
