"""Lists as CommonMark has them, written so that Python-Markdown reads the same.

Python-Markdown wants an empty line before a list, and four columns for each level in it. In
CommonMark a list may follow a line of text, and what stands in an item begins below the item's own
text (https://spec.commonmark.org/0.31.2/#list-items). So the lines are moved before they are read.
No extension does this: mdx_truly_sane_lists and mdx_better_lists know one fixed indentation each.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.etree.ElementTree import Element

from markdown.preprocessors import Preprocessor

_TABLE_RULE = r"(?: *\|)?(?: *:?-+:? *\|)+(?: *:?-+:? *)?$"
# What may begin a list right below a line of text; "1984. " there is a year.
LIST_BELOW_TEXT = re.compile(rf"(?!{_TABLE_RULE}) {{0,3}}(?:[*+-]|1[.)]) +[^ ]")
_RULE = r"([-*_])(?: *\1){2,} *$"
_ITEM = re.compile(rf"(?!{_RULE})(?P<mark>[*+-]|\d{{1,9}}[.)])(?P<gap> +)(?P<rest>.*)")
# What ends a paragraph, and the lists that it does not stand in: a heading, a rule, a quote.
_BREAK = re.compile(rf"{_RULE}|#{{1,6}} |>")
# What holds text that is indented by four columns: an admonition, a definition, a footnote.
_HOLDER = re.compile(r"!!! ?[\w-]|\[\^[^\]]+\]: *$|(?::|\[\^[^\]]+\]:) +(?P<rest>.*)")
_CODE = re.compile(r"`[^`]*`")
_QUOTED = re.compile(r"( {0,3})> ?(.*)")

_COLUMNS = 4
# Python-Markdown calls itself for every level, and reads a line as often as it has levels.
_MAX_LEVELS = 20
_MAX_QUOTES = 4


class _Holder(NamedTuple):
    """An item, or something else that later lines may stand in, and the columns it is about."""

    kind: str  # "ul", "ol", or nothing for what is no item
    begin: int  # code that is indented by more stands in it
    content: int  # text that is indented by so much stands in it


class Nesting:
    """Follows the lines of a text, and knows what the next one may stand in."""

    def __init__(self) -> None:
        self._open: list[_Holder] = []  # outermost first
        self._above = "blank"  # what the line above is: "blank", "text", "code" or "break"
        # The level of the item that began at the last empty line, if one did. Python-Markdown
        # takes what follows as a part of it, less indented than after an empty line.
        self._start: int | None = None
        self._in_formula = False  # one of several lines, where a minus is no list's

    @property
    def is_below_text(self) -> bool:
        """Whether the next line goes on with a paragraph, if it begins nothing."""
        return self._above == "text"

    def find_code_column(self, indent: int) -> int | None:
        """Return where the text begins that a fence stands in; None if it is too far from it.

        In an item it never is: there authors indent fences by any number of spaces.
        """
        holder = next((one for one in reversed(self._open) if one.begin < indent), None)
        column = holder.content if holder else 0
        is_near = (holder and holder.kind) or indent - column < _COLUMNS
        return column if is_near else None

    def count_levels(self, indent: int) -> int:
        """Count what a line with this indentation stands in."""
        level = 0
        while level < len(self._open) and self._open[level].content <= indent:
            level += 1
        return level

    def follow(self, line: str, below: str = "") -> list[str]:
        """Return a line as Python-Markdown shall see it, after an empty one if it needs that.

        The line below tells whether this one is a table's head.
        """
        text = line.lstrip(" ")
        if not text:
            self._above, self._start, self._in_formula = "blank", None, False
            return [line]
        indent = len(line) - len(text)
        level = self.count_levels(indent)
        inner = indent - (self._open[level - 1].content if level else 0)
        item = None if self._in_formula else self._read_item(text, level, inner)
        self._in_formula ^= _CODE.sub("", text).count("$$") % 2 == 1
        if item:
            return self._follow_item(item, indent, level)
        return self._follow_text(line, level, inner, below)

    def _read_item(self, text: str, level: int, inner: int) -> re.Match[str] | None:
        # Six columns below an item, right under its text, were always good for one more level.
        if inner >= _COLUMNS and not (level and self._above == "text" and inner < _COLUMNS + 2):
            return None
        if self._above == "text" and level == len(self._open) and not LIST_BELOW_TEXT.match(text):
            return None
        return _ITEM.match(text)

    def _follow_item(self, item: re.Match[str], indent: int, level: int) -> list[str]:
        mark, gap, rest = item["mark"], item["gap"], item["rest"]
        kind = "ul" if mark in "*+-" else "ol"
        is_first = level == len(self._open)
        needs_blank = self._above != "blank" and (
            self._start is None
            or self._start > level
            or not (is_first or self._open[level].kind == kind)
        )
        if needs_blank or self._above == "blank":
            self._start = level
        self._above = "text"
        del self._open[level:]
        self._open_item(
            kind, indent, len(mark) + (len(gap) if rest and len(gap) <= _COLUMNS else 1)
        )
        moved = " " * (_COLUMNS * level or indent) + mark.replace(")", ".") + gap + rest
        return ["", moved] if needs_blank else [moved]

    def _follow_text(self, line: str, level: int, inner: int, below: str) -> list[str]:
        text = line.lstrip(" ")
        indent = len(line) - len(text)
        above, closes = self._above, level < len(self._open)
        is_break = inner < _COLUMNS and _BREAK.match(text)
        holder = _HOLDER.match(text) if inner < _COLUMNS else None
        self._above = "text"
        if above == "text" and closes and not is_break and not holder:
            return [line]  # goes on with the paragraph above, wherever that is
        del self._open[level:]
        if is_break or text.startswith("!!!"):
            self._above = "break"
        elif inner >= _COLUMNS and above != "text":
            self._above = "code"
        # A heading or a rule would end the item for Python-Markdown, and a quote does not.
        needs_blank = above != "blank" and (
            (is_break and (closes or (self._start is not None and text[0] != ">")))
            or (above == "text" and not closes and _is_table_head(text, below))
        )
        if needs_blank:
            self._start = None
        if self._above == "code":
            line = " " * (_COLUMNS * level + inner) + text if level else line
        elif level and self._start is not None:
            # Text that is further in is left alone: at less it could become a heading, or a quote.
            if inner < _COLUMNS:
                # Never at the margin, where a row of dashes would make a heading of the item.
                outside = indent - (self._open[level - 2].content if level > 1 else 0)
                extra = 0 if self._above == "break" and text[0] == "!" else min(outside, 3)
                line = " " * (_COLUMNS * (level - 1) + extra) + text
        elif level or is_break:
            line = " " * (_COLUMNS * level) + text
        if holder:
            self._open_holder(holder["rest"], _COLUMNS + (indent if level else 0))
        return ["", line] if needs_blank else [line]

    def _open_item(self, kind: str, indent: int, width: int) -> None:
        if len(self._open) < _MAX_LEVELS:
            # Four columns are enough everywhere, as Python-Markdown has it.
            enough = (self._open[-1].content if self._open else 0) + _COLUMNS
            content = max(min(indent + width, enough), indent + 1)
            self._open.append(_Holder(kind, indent, content))

    def _open_holder(self, rest: str | None, content: int) -> None:
        self._open.append(_Holder("", content - 1, content))
        if rest is None:
            return  # an admonition: its text begins on the next line
        self._start = None
        if item := _ITEM.match(rest):
            self._start = len(self._open)
            self._open_item("ul" if item["mark"] in "*+-" else "ol", content, 2)


class ListStep(Preprocessor):
    """Moves the lines of lists to where Python-Markdown looks for them.

    Runs when code (25) and HTML (20), whose lines must not move, have been set aside.
    """

    def run(self, lines: list[str]) -> list[str]:
        """Return the lines, and see to those inside HTML that are Markdown, too."""
        for element in self.md.htmlStash.rawHtmlBlocks:
            if isinstance(element, Element) and element.get("markdown") == "block":
                element.text = "\n".join(_arrange((element.text or "").split("\n")))
        return _arrange(lines)


def _arrange(lines: list[str], quotes: int = _MAX_QUOTES) -> list[str]:
    nesting = Nesting()
    done: list[str] = []
    quoted: list[str] = []
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        quote = _QUOTED.fullmatch(line) if quotes else None
        if quote and not nesting.count_levels(len(quote[1])):
            quoted.append(quote[2])
            done += nesting.follow(line)[:-1]
            continue
        done += _quote(quoted, quotes)
        quoted = []
        done += nesting.follow(line, below)
    return done + _quote(quoted, quotes)


def _quote(lines: list[str], quotes: int) -> list[str]:
    return [f"> {line}" if line else ">" for line in _arrange(lines, quotes - 1)] if lines else []


def _is_table_head(text: str, below: str) -> bool:
    return (
        "|" in text
        and re.match(_TABLE_RULE, below) is not None
        and _count_bars(text) == _count_bars(below)
    )


def _count_bars(row: str) -> int:
    return row.replace("\\|", "").strip(" ").strip("|").count("|")
