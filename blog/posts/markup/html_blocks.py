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
from blog.posts.markup.lists import PUT_IN, Nesting

_NAMES = (
    "address article aside blockquote body caption center col colgroup dd details dialog dir div dl"
    " dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr iframe legend li main"
    " menu nav ol optgroup option p param search section summary table tbody td tfoot th thead"
    " title tr track ul"
)
_BLOCK = re.compile(rf"( *)</?(?:{_NAMES.replace(' ', '|')})(?=[\s/>]|$)", re.IGNORECASE)
# Any other tag, alone on its line below no text, begins a block, too.
_ATTRIBUTE = r"""\s++[A-Za-z_:][\w.:-]*+(?:\s*+=\s*+(?:[^\s"'=<>`]++|"[^"]*+"|'[^']*+'))?+"""
_ALONE = re.compile(rf"( *)(?:<[A-Za-z][\w-]*+(?:{_ATTRIBUTE})*+\s*+/?>|</[A-Za-z][\w-]*+\s*+>)$")
# What ends elsewhere than at an empty line.
WHOLE_TAGS = ("pre", "script", "style", "textarea")
_WHOLE = re.compile(
    rf" {{0,3}}(?:<({'|'.join(WHOLE_TAGS)})(?=[\s>]|$)|<!--|<\?|<!\[CDATA\[|<![A-Z])", re.IGNORECASE
)
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
    """Puts HTML back, and takes the paragraphs away that stood for blocks of it."""

    def stash_to_string(self, text: str | Element) -> str:
        """Return what was set aside."""
        return text if isinstance(text, _Piece) else str(super().stash_to_string(text))

    def isblocklevel(self, html: str) -> bool:
        """Tell whether a piece is a block."""
        return isinstance(html, _Piece) or bool(super().isblocklevel(html))


class HtmlBlockStep(Preprocessor):
    """Sets aside each piece of HTML that ends, at an empty line, before its elements do.

    A piece that begins with a tag of running text, such as `<img>`, is always set aside, and so is
    one in a list: Python-Markdown would end the list there.
    """

    _missing: set[str]

    def run(self, lines: list[str]) -> list[str]:
        """Replace each such piece by a placeholder."""
        if not any(_BLOCK.match(line) or _ALONE.match(line.rstrip()) for line in lines):
            return lines
        done: list[str] = []
        nesting = Nesting()
        self._missing = set()
        at = 0
        while at < len(lines):
            line = lines[at]
            after = self._find_end(lines, at)
            found = _find_block(line, nesting) if after == at else None
            column = nesting.find_code_column(len(found[1])) if found else None
            if found is None or column is None:
                after = max(after, at + 1)
            else:
                after = _find_empty(lines, at, column)
                piece = lines[at:after]
                if column or not _BLOCK.match(line) or not _is_whole("\n".join(piece)):
                    html = "\n".join(text[_count_spaces(text, len(found[1])) :] for text in piece)
                    placeholder = " " * column + self.md.htmlStash.store(_Piece(html.strip()))
                    above = [PUT_IN] if done and done[-1].strip() else []
                    for text in (*above, placeholder, PUT_IN):
                        nesting.follow(text)
                    done += [*above, placeholder, PUT_IN]
                    at = after
                    continue
            for text in lines[at:after]:
                nesting.follow(text)
            done += lines[at:after]
            at = after
        return done

    def _find_end(self, lines: list[str], at: int) -> int:
        """Return the place after what is left to Python-Markdown as a whole; `at` if nothing is."""
        line = lines[at]
        if whole := _WHOLE.match(line):
            end = f"</{whole[1].lower()}>" if whole[1] else _ENDS.get(whole[0].strip().upper(), ">")
            return self._find_line(lines, at, end)
        if _MARKDOWN.search(line) and _BLOCK.match(line) and (tag := _TAG.search(line)):
            return _find_closing(lines, at, tag[2].lower())
        return at

    def _find_line(self, lines: list[str], at: int, end: str) -> int:
        if end not in self._missing:
            for n in range(at, len(lines)):
                if end in lines[n].lower():
                    return n + 1
            self._missing.add(end)  # nor is there one further down
        return at + 1


class _Extractor(BoundedTags, HTMLExtractorExtra):
    """Python-Markdown's, which takes long for tags that never end."""


class ElementStep(Preprocessor):
    """Sets elements aside, and those whose text is Markdown as such."""

    def run(self, lines: list[str]) -> list[str]:
        """Replace each by a placeholder."""
        extractor = _Extractor(self.md)
        extractor.feed("\n".join(lines))
        extractor.close()
        return "".join(extractor.cleandoc).split("\n")


def _find_block(line: str, nesting: Nesting) -> re.Match[str] | None:
    if "<" not in line:
        return None
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


def _count_spaces(line: str, most: int) -> int:
    return min(len(line) - len(line.lstrip(" ")), most)


def _is_whole(html: str) -> bool:
    """Tell whether all elements that begin in a piece end in it, and none else."""
    opened: list[str] = []
    for tag in _TAG.finditer(html):
        name = tag[2].lower()
        if name in _VOID or tag[3].endswith("/"):
            continue
        if not tag[1]:
            opened.append(name)
        elif opened and opened[-1] == name:
            opened.pop()
        else:
            return False
    return not opened


def register_html_blocks(md: Markdown) -> None:
    """Have blocks found after code (25) and before elements (20)."""
    md.preprocessors.register(HtmlBlockStep(md), "page_html", 22)
    md.preprocessors.register(ElementStep(md), "html_block", 20)
    md.postprocessors.register(PiecesStep(md), "raw_html", 30)
