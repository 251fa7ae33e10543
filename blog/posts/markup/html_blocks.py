"""Blocks of HTML, which an empty line ends: what follows is Markdown, as in a `<details>`.

Python-Markdown takes an element whole, to its closing tag. That stays so where no empty line is in
between, and where the tag says `markdown`. https://spec.commonmark.org/0.31.2/#html-blocks
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.extensions.md_in_html import HTMLExtractorExtra, MarkdownInHTMLPostprocessor
from markdown.preprocessors import Preprocessor

from blog.posts.markup.html_tags import BoundedTags
from blog.posts.markup.lists import CODE_COLUMNS, MAX_QUOTES, PUT_IN, QUOTED, Nesting

_NAMES = (
    "address article aside base basefont blockquote body caption center col colgroup dd details"
    " dialog dir div dl dt fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6"
    " head header hr html iframe legend li link main menu menuitem nav noframes ol optgroup option"
    " p param search section summary table tbody td tfoot th thead title tr track ul"
)
# Blocks for Python-Markdown but not in CommonMark; one that is never closed would swallow the rest.
_NO_BLOCKS = frozenset(
    ["canvas", "group", "hgroup", "map", "math", "noscript", "object", "output", "progress"]
) | {"video"}
_BLOCK = re.compile(rf"( *)</?(?:{_NAMES.replace(' ', '|')})(?=[\s/>]|$)", re.IGNORECASE)
# Any other tag, alone on its line below no text, begins a block, too.
_ATTRIBUTE = r"""\s++[A-Za-z_:][\w.:-]*+(?:\s*+=\s*+(?:[^\s"'=<>`]++|"[^"]*+"|'[^']*+'))?+"""
_ALONE = re.compile(rf"( *)(?:<[A-Za-z][\w-]*+(?:{_ATTRIBUTE})*+\s*+/?>|</[A-Za-z][\w-]*+\s*+>)$")
_MAY_BEGIN = re.compile(r"(?:[ >]|[*+-] |\d{1,9}[.)] )*<")
_MARKED = re.compile(r"( *)(?:(?:[*+-]|\d{1,9}[.)]) +)+(?=<)")
# Blocks that do not end at an empty line.
WHOLE_TAGS = ("pre", "script", "style", "textarea")
_WHOLE = re.compile(
    rf"(?:<({'|'.join(WHOLE_TAGS)})(?=[\s>]|$)|<!--|<\?|<!\[CDATA\[|<![A-Z])", re.IGNORECASE
)
_DECLARED = re.compile(r"<\?|<!\[CDATA\[|<![A-Z]", re.IGNORECASE)
_ENDS = {"<!--": "-->", "<?": "?>", "<![CDATA[": "]]>"}
_TAG = re.compile(r"<(/?)([A-Za-z][\w-]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>")
_MARKDOWN = re.compile(r"\smarkdown(?=[\s=>]|$)", re.IGNORECASE)
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source"]
) | {"track", "wbr"}


class _Piece(str):
    """A block of HTML, whichever tag it begins with: no paragraph stands around it."""

    __slots__ = ()


class PiecesStep(MarkdownInHTMLPostprocessor):
    """Puts HTML back, and removes the paragraphs around placeholders of blocks."""

    def stash_to_string(self, text: str | Element) -> str:
        """Return what was set aside."""
        return text if isinstance(text, _Piece) else str(super().stash_to_string(text))

    def isblocklevel(self, html: str) -> bool:
        """Tell whether a piece is a block."""
        return isinstance(html, _Piece) or bool(super().isblocklevel(html))


class HtmlBlockStep(Preprocessor):
    """Sets aside each piece of HTML that an empty line ends before its elements are closed. Other
    pieces are set aside, too, except elements followed by text on the same line, which is Markdown
    here. A piece in a list or a quote always is, since Python-Markdown would end the list or quote
    there.
    """

    _missing: set[str]

    def __init__(self, md: Markdown, quotes: int = MAX_QUOTES) -> None:
        super().__init__(md)
        self._quotes = quotes

    def run(self, lines: list[str]) -> list[str]:
        """Replace each such piece by a placeholder."""
        if not any(_MAY_BEGIN.match(line) for line in lines):
            return lines
        done: list[str] = []
        nesting = Nesting()
        self._missing = set()
        at = 0
        while at < len(lines):
            if self._quotes and ">" in lines[at] and (quote := _read_quote(lines, at, nesting)):
                margin, inside = quote
                at += len(inside)
                inside = HtmlBlockStep(self.md, self._quotes - 1).run(inside)
                if inside[-1] == PUT_IN:
                    inside.pop()  # else what stands for HTML would stay in a paragraph
                read = [f"{margin}> {text}" if text else f"{margin}>" for text in inside]
            elif (mark := _MARKED.match(lines[at])) and (
                after := self._find_end_of_first(lines, at, mark, nesting)
            ):
                first = lines[at][mark.end() :]
                piece = self._store([first, *lines[at + 1 : after]], mark.end())
                read = [mark[0] + piece, PUT_IN]
                at = after
            else:
                after, column = self._find_piece(lines, at, nesting)
                read = lines[at:after]
                if column is None and _WHOLE.match(read[0].lstrip(" ")):
                    nesting.follow(read[0])
                    done += read
                    read = [PUT_IN]
                if column is not None:
                    above = [PUT_IN] if done and done[-1].strip() else []
                    piece = self._store(read, _count_spaces(read[0]))
                    read = [*above, " " * column + piece, PUT_IN]
                at = after
            for text in read:
                nesting.follow(text)
            done += read
        return done

    def _find_piece(self, lines: list[str], at: int, nesting: Nesting) -> tuple[int, int | None]:
        """Return the place after what begins here, and the column of a piece to be set aside."""
        line = lines[at]
        if "<" not in line:
            return at + 1, None
        margin = _count_spaces(line)
        column = nesting.find_code_column(margin)
        if column is None or margin - column >= CODE_COLUMNS:
            return at + 1, None
        is_inside = column > 0 or self._quotes < MAX_QUOTES  # a list or a quote
        if whole := _WHOLE.match(line[margin:]):
            after = find_line(lines, at, end := _name_end(whole), self._missing)
            is_piece = end in lines[after - 1].lower() and (is_inside or _DECLARED.match(whole[0]))
            return after, column if is_piece else None
        if _MARKDOWN.search(line) and _BLOCK.match(line) and (tag := _TAG.search(line)):
            return _find_closing(lines, at, tag[2].lower()), None  # left to Python-Markdown whole
        if not _find_block(line, nesting):
            return at + 1, None
        after = _find_empty(lines, at, column)
        if is_inside or not _BLOCK.match(line):
            return after, column
        has_text = _has_text_behind("\n".join(lines[at:after]))
        return after, None if has_text else column

    def _find_end_of_first(
        self, lines: list[str], at: int, mark: re.Match[str], nesting: Nesting
    ) -> int:
        """Return the place after the piece that an item begins with; 0 if there is none."""
        if nesting.find_code_column(len(mark[1])) is None:
            return 0
        text = lines[at][mark.end() :]
        if whole := _WHOLE.match(text):
            after = find_line(lines, at, end := _name_end(whole), self._missing)
            return after if end in lines[after - 1].lower() else 0
        is_piece = _BLOCK.match(text) or _ALONE.match(text.rstrip())
        return _find_empty(lines, at, mark.end()) if is_piece and not _MARKDOWN.search(text) else 0

    def _store(self, piece: list[str], margin: int) -> str:
        html = "\n".join(text[_count_spaces(text, margin) :] for text in piece)
        return self.md.htmlStash.store(_Piece(html.strip()))


class _Extractor(BoundedTags, HTMLExtractorExtra):
    """Python-Markdown's, which takes long for tags that never end, and adds a semicolon to `&#96`,
    which is text.
    """

    def handle_charref(self, name: str) -> None:
        """Add a reference to a character as it was written."""
        end = self.line_offset + self.offset + len(name) + 2
        semicolon = ";" if self.rawdata[end : end + 1] == ";" else ""
        self.handle_empty_tag(f"&#{name}{semicolon}", is_block=False)


class ElementStep(Preprocessor):
    """Sets elements aside, and those whose text is Markdown as such."""

    def run(self, lines: list[str]) -> list[str]:
        """Replace each by a placeholder."""
        extractor = _Extractor(self.md)
        extractor.feed("\n".join(lines))
        extractor.close()
        return "".join(extractor.cleandoc).split("\n")


def find_line(lines: list[str], at: int, end: str, missing: set[str]) -> int:
    """Return the place after the next line with `end`, in small letters; else after this line.

    `missing` holds the ends that no line further down has.
    """
    if end not in missing:
        for n in range(at, len(lines)):
            if end in lines[n].lower():
                return n + 1
        missing.add(end)
    return at + 1


def _name_end(whole: re.Match[str]) -> str:
    return f"</{whole[1].lower()}>" if whole[1] else _ENDS.get(whole[0].strip().upper(), ">")


def _read_quote(lines: list[str], at: int, nesting: Nesting) -> tuple[str, list[str]] | None:
    """Return what stands before a quote that begins here, and its lines as they are inside."""
    first = QUOTED.fullmatch(lines[at])
    if first is None or nesting.find_code_column(len(first[1])) is None:
        return None
    inside: list[str] = []
    for line in lines[at:]:
        quote = QUOTED.fullmatch(line)
        if quote is None or quote[1] != first[1]:
            break
        inside.append(quote[2])
    return first[1], inside


def _find_block(line: str, nesting: Nesting) -> re.Match[str] | None:
    return _BLOCK.match(line) or (None if nesting.is_below_text else _ALONE.match(line.rstrip()))


def _find_closing(lines: list[str], at: int, name: str) -> int:
    tag = re.compile(rf"<(/?){name}(?=[\s/>]|$)", re.IGNORECASE)
    depth = 0
    for n in range(at, len(lines)):
        for found in tag.finditer(lines[n]):
            depth += -1 if found[1] else 1
        if depth <= 0:
            return n + 1
    return len(lines)


def _find_empty(lines: list[str], at: int, column: int) -> int:
    """Return the place of the next empty line, or of the one that ends the list before."""
    for n in range(at + 1, len(lines)):
        if not lines[n].strip() or _count_spaces(lines[n], column) < column:
            return n
    return len(lines)


def _count_spaces(line: str, most: int = 10**9) -> int:
    return min(len(line) - len(line.lstrip(" ")), most)


def _has_text_behind(html: str) -> bool:
    """Tell whether all elements of a piece are whole, and Markdown is behind them or between."""
    opened: list[str] = []
    end, has_text = 0, False
    for tag in _TAG.finditer(html):
        has_text |= not opened and bool(html[end : tag.start()].strip())
        end = tag.end()
        name = tag[2].lower()
        if name in _VOID or tag[3].endswith("/"):
            continue
        if not tag[1]:
            opened.append(name)
        elif opened and opened[-1] == name:
            opened.pop()
        else:
            return False
    return not opened and (has_text or bool(html[end:].strip()))


def register_html_blocks(md: Markdown) -> None:
    """Have blocks found after code (25) and before elements (20)."""
    md.block_level_elements = [tag for tag in md.block_level_elements if tag not in _NO_BLOCKS]
    md.preprocessors.register(HtmlBlockStep(md), "page_html", 22)
    md.preprocessors.register(ElementStep(md), "html_block", 20)
    md.postprocessors.register(PiecesStep(md), "raw_html", 30)
