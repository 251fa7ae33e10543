"""Lists as CommonMark has them, written so that Python-Markdown reads the same.

Python-Markdown wants an empty line before a list, and four columns for each level in it. In
CommonMark a list may follow a line of text, and what stands in an item begins below the item's own
text (https://spec.commonmark.org/0.31.2/#list-items). So the lines are moved before they are read,
and each marker is followed by the number of its list: `list_blocks` reads nothing else as a list.
No extension does this: mdx_truly_sane_lists and mdx_better_lists know one fixed indentation each.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.preprocessors import Preprocessor

_TABLE_RULE = r"(?: *\|)?(?: *:?-+:? *\|)+(?: *:?-+:? *)?$"
# What may begin a list right below a line of text; "1984. " there is a year.
LIST_BELOW_TEXT = re.compile(rf"(?!{_TABLE_RULE}) {{0,3}}(?:[*+-]|1[.)]) +[^ ]")
_RULE = r"([-*_])(?: *\1){2,} *$"
_ITEM = re.compile(rf"(?!{_RULE})(?P<mark>[*+-]|\d{{1,9}}[.)])(?:(?P<gap> +)(?P<rest>.*)|$)")
# What ends a paragraph, and the lists that it does not stand in: a heading, a rule, a quote.
_BREAK = re.compile(rf"{_RULE}|#{{1,6}} |>")
# What holds text that is indented by four columns: an admonition, a definition, a footnote.
_HOLDER = re.compile(r"!!! ?[\w-]|\[\^[^\]]+\]: *$|(?::|\[\^[^\]]+\]:) +(?P<rest>.*)")
_CODE = re.compile(r"`[^`]*`")
QUOTED = re.compile(r"( *)> ?(.*)")

CODE_COLUMNS = 4
_NOWHERE = 10**9
# Python-Markdown recurses for every level, and reads a line once for each of its levels.
_MAX_LEVELS = 20
MAX_QUOTES = 10
# An empty line that a step puts in for Python-Markdown: it makes no list loose.
PUT_IN = " "


class Lists:
    """Gives the lists of one text numbers, and knows which of them are loose.

    A list is loose if an empty line stands between two of its items, or within one; items of other
    lists have no paragraphs (https://spec.commonmark.org/0.31.2/#loose).
    """

    def __init__(self) -> None:
        self.loose: set[int] = set()
        self._count = 0

    def open(self) -> int:
        """Return the number of one more list."""
        self._count += 1
        return self._count


def write_number(number: int | str) -> str:
    """Write what follows the marker of an item; authors cannot, since these signs are removed
    from their texts.
    """
    return f"\x02item:{number}\x03"


class _Holder(NamedTuple):
    """An item, or something else that later lines may stand in, and the columns it is about."""

    kind: str  # the sign of the marker, or nothing for what is no item
    begin: int  # code that is indented by more stands in it
    content: int  # text that is indented by so much stands in it
    number: int = 0  # of the list


class Nesting:
    """Follows the lines of a text, and knows in which items the next line may stand."""

    def __init__(self, lists: Lists | None = None) -> None:
        self._lists = lists or Lists()
        self._open: list[_Holder] = []  # outermost first
        # What the line above is: "blank", "text", "quote" (with text), "code", "break", or "mark"
        # for an item that has no text yet; and what the last one is that is not blank.
        self._above = self._last = "blank"
        self._is_parted = False  # by an empty line of the author's from what is above
        self._in_formula = False  # one of several lines, where a minus is no list's
        self.is_quote = False  # whether the last line is a quote's

    @property
    def is_below_text(self) -> bool:
        """Whether the next line goes on with a paragraph, if it begins nothing."""
        return self._above == "text"

    def find_code_column(self, indent: int) -> int | None:
        """Return where the text around a fence begins; None if the fence is too far from it.

        In an item it never is, since authors indent fences there by any number of spaces.
        """
        holder = next((one for one in reversed(self._open) if one.begin < indent), None)
        column = holder.content if holder else 0
        is_near = (holder and holder.kind) or indent - column < CODE_COLUMNS
        return column if is_near else None

    def count_levels(self, indent: int) -> int:
        """Count what a line with this indentation stands in."""
        level = 0
        while level < len(self._open) and self._open[level].content <= indent:
            level += 1
        return level

    def follow(self, line: str, below: str = "") -> list[str]:
        """Return a line as Python-Markdown is to read it, after an empty one where that is needed.

        The line below tells whether this one is the head of a table.
        """
        text = line.lstrip(" ")
        ends_quote, self.is_quote = self.is_quote and self._above == "break", False
        if not text:
            self._follow_blank(is_put_in=bool(line))
            return [line]
        indent = len(line) - len(text)
        level = self.count_levels(indent)
        inner = indent - (self._open[level - 1].content if level else 0)
        item = None if self._in_formula else self._read_item(text, level, inner)
        if "$$" in text:
            self._in_formula ^= _CODE.sub("", text).count("$$") % 2 == 1
        if item:
            lines = self._follow_item(item, indent, level)
        else:
            lines = self._follow_text(line, level, inner, below)
            if ends_quote and self._above == "text" and lines[0]:
                lines.insert(0, "")  # a quote goes on below a paragraph only
        self.is_quote = lines[-1].lstrip(" ")[0] == ">" and self._above in ("quote", "break")
        self._last = self._above
        self._is_parted = False
        return lines

    def _follow_blank(self, *, is_put_in: bool) -> None:
        if self._above == "mark":  # an item begins with one empty line at most
            self._open[-1] = self._open[-1]._replace(begin=_NOWHERE, content=_NOWHERE)
        self._above, self._in_formula = "blank", False
        self._is_parted |= not is_put_in

    def _read_item(self, text: str, level: int, inner: int) -> re.Match[str] | None:
        if level >= _MAX_LEVELS:
            return None
        # Six columns below an item, right under its text, were always good for one more level.
        if inner >= CODE_COLUMNS and not (
            level and self._above == "text" and inner < CODE_COLUMNS + 2
        ):
            return None
        if self._above == "text" and level == len(self._open) and not LIST_BELOW_TEXT.match(text):
            return None
        return _ITEM.match(text)

    def _follow_item(self, item: re.Match[str], indent: int, level: int) -> list[str]:
        holder = self._open[level] if level < len(self._open) else None
        number = holder.number if holder and holder.kind == item["mark"][-1] else 0
        self._loosen(level if number else level - 1)
        needs_blank = self._above != "blank" and not number
        del self._open[level:]
        written = self._write_item(item, indent, number or self._lists.open())
        margin = " " * (CODE_COLUMNS * level)
        lines = [margin + line for line in written]
        return ["", *lines] if needs_blank else lines

    def _write_item(self, item: re.Match[str], indent: int, number: int) -> list[str]:
        """Open an item, and those that begin in its own line; return the line as it is read."""
        mark, gap, rest = item["mark"], item["gap"] or "", item["rest"] or ""
        is_code = len(gap) > CODE_COLUMNS and rest
        width = len(mark) + (len(gap) if rest and not is_code else 1)
        self._open_item(mark[-1], indent, width, number)
        written = mark + write_number(number)
        if is_code:
            self._above = "code"
            return [f"{written} {gap[1:]}{rest}"]
        inside = _ITEM.match(rest) if len(self._open) < _MAX_LEVELS else None
        if inside:
            first, *more = self._write_item(inside, indent + width, self._lists.open())
            return [f"{written} {first}", *(" " * CODE_COLUMNS + line for line in more)]
        self._above = _name_kind(rest) if rest else "mark"
        # A quote gets a line of its own, so that the lists in it can be read.
        return [written, " " * CODE_COLUMNS + rest] if rest[:1] == ">" else [f"{written} {rest}"]

    def _follow_text(self, line: str, level: int, inner: int, below: str) -> list[str]:
        text = line.lstrip(" ")
        above, closes = self._above, level < len(self._open)
        closes_item = closes and bool(self._open[level].kind)
        is_break = inner < CODE_COLUMNS and _BREAK.match(text)
        holder = _HOLDER.match(text) if inner < CODE_COLUMNS else None
        if holder and closes_item and above == "text" and text[0] == ":":
            holder = None
        is_plain = not is_break and not holder
        if is_plain and closes and above in ("text", "quote"):
            # The line continues the paragraph above, wherever that is, and underlines no heading.
            return [f" {line}" if text[0] in "=-" else line]
        if not (above == "blank" and self._last == "code" and inner >= CODE_COLUMNS):
            self._loosen(level - 1)
        del self._open[level:]
        self._above = "text"
        if is_break or text.startswith("!!!"):
            self._above = _name_kind(text)
        elif inner >= CODE_COLUMNS and above != "text":
            self._above = "code"
        # What follows an item without an empty line would be read as a part of it.
        needs_blank = above != "blank" and (
            closes_item or (above == "text" and not closes and _is_table_head(text, below))
        )
        lines = [self._move(line, level, inner, is_plain=is_plain, above=above)]
        if holder:
            indent = len(line) - len(text)
            content = CODE_COLUMNS + (indent if level else 0)
            lines = self._open_holder(lines[0], holder["rest"], content)
        return ["", *lines] if needs_blank else lines

    def _move(self, line: str, level: int, inner: int, *, is_plain: bool, above: str) -> str:
        text = line.lstrip(" ")
        margin = " " * (CODE_COLUMNS * level)
        if self._above == "code":
            return margin + " " * inner + text if level else line
        if not level:
            return line if is_plain else text
        if is_plain and above == "text" and self._open[level - 1].kind:
            # Text that is indented further keeps its indentation: with less it could become a
            # heading or a quote.
            if inner >= CODE_COLUMNS:
                return margin + line
            # Never at the margin, where a row of dashes would make a heading of the item.
            outside = len(line) - len(text) - (self._open[level - 2].content if level > 1 else 0)
            return margin + " " * min(outside, 3) + text
        return margin + text if inner < CODE_COLUMNS else line

    def _loosen(self, level: int) -> None:
        """Note that the list at a level is loose, if an empty line was above."""
        if self._is_parted and level >= 0 and self._open[level].kind:
            self._lists.loose.add(self._open[level].number)

    def _open_item(self, kind: str, indent: int, width: int, number: int) -> None:
        # Four columns are enough everywhere, as Python-Markdown has it.
        enough = (self._open[-1].content if self._open else 0) + CODE_COLUMNS
        content = max(min(indent + width, enough), indent + 1)
        self._open.append(_Holder(kind, indent, content, number))

    def _open_holder(self, line: str, rest: str | None, content: int) -> list[str]:
        self._open.append(_Holder("", content - 1, content))
        # The text of an admonition begins on the next line.
        item = _ITEM.match(rest) if rest and len(self._open) < _MAX_LEVELS else None
        if item is None:
            return [line]
        first, *more = self._write_item(item, content, self._lists.open())
        margin = " " * (CODE_COLUMNS * len(self._open[:-1]))
        return [line.removesuffix(rest or "") + first, *(margin + text for text in more)]


def _name_kind(text: str) -> str:
    """Say what a line that begins something leaves to the next one."""
    quoted = QUOTED.fullmatch(text)
    if quoted:
        inside = quoted[2].lstrip(" >")
        return "break" if not inside or inside[0] == "\x02" or _BREAK.match(inside) else "quote"
    return "break" if _BREAK.match(text) or text.startswith("!!!") else "text"


class ListStep(Preprocessor):
    """Moves the lines of lists to where they are looked for.

    Runs when code (25) and HTML (20), whose lines must not move, have been set aside.
    """

    def __init__(self, md: Markdown, lists: Lists) -> None:
        super().__init__(md)
        self._lists = lists

    def run(self, lines: list[str]) -> list[str]:
        """Return the lines, and see to those inside HTML that are Markdown, too."""
        for element in self.md.htmlStash.rawHtmlBlocks:
            if isinstance(element, Element) and element.get("markdown") == "block":
                inside = (element.text or "").split("\n")
                element.text = "\n".join(_arrange(inside, self._lists))
        return _arrange(lines, self._lists)


def _arrange(lines: list[str], lists: Lists, quotes: int = MAX_QUOTES) -> list[str]:
    nesting = Nesting(lists)
    done: list[str] = []
    margin = ""
    quoted: list[str] = []
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        moved = nesting.follow(line, below)
        quote = QUOTED.fullmatch(moved[-1]) if quotes and nesting.is_quote else None
        if quoted and (quote is None or quote[1] != margin or len(moved) > 1):
            done += _quote(quoted, margin, lists, quotes)
            quoted = []
        if quote:
            margin = quote[1]
            quoted.append(quote[2])
            moved.pop()
        done += moved
    done = done + (_quote(quoted, margin, lists, quotes) if quoted else [])
    return ["" if line == PUT_IN else line for line in done]


def _quote(lines: list[str], margin: str, lists: Lists, quotes: int) -> list[str]:
    return [
        f"{margin}> {line}" if line else f"{margin}>" for line in _arrange(lines, lists, quotes - 1)
    ]


def _is_table_head(text: str, below: str) -> bool:
    return (
        "|" in text
        and re.match(_TABLE_RULE, below) is not None
        and _count_bars(text) == _count_bars(below)
    )


def _count_bars(row: str) -> int:
    return row.replace("\\|", "").strip(" ").strip("|").count("|")
