"""A block of code: what its fence says of it, and its HTML: file name, line numbers, colours."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markdown.extensions.codehilite import CodeHilite
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

MAX_SAID_CHARS = 200
# So many characters fit side by side into the column of a post on a desktop screen.
FITTING_CHARS = 64

_VALUE = r"(\"[^\"]*\"|'[^']*'|[^\s,}\"']+)"
_TITLE = re.compile(rf"(?<![\w.-])(?:title|filename|file|name)[ ]?=[ ]?{_VALUE}")
# A name alone, not `title=…` or `linenos=…`.
_LANGUAGE = re.compile(r"\{[ \t]*\.([\w#.+-]+)|\.?([\w#.+-]++)(?![ \t]*=)")
# `hl_lines="1 3-5"`, Hugo's `hl_lines=[1,"3-5"]`, and the `{1,3-5}` of many others.
_HIGHLIGHTED = re.compile(r"hl_lines ?= ?(\"[^\"]*\"|'[^']*'|\[[^\]]*\]|\d+)|\{([\d,\s-]+)\}")
_LINES = re.compile(r"(\d{1,4})(?:\s*-\s*(\d{1,4}))?")
# pymdownx, Hugo and Zola, Docusaurus, Pandoc; the number is that of the first line.
_NUMBERED = re.compile(
    r"(?<![\w-])(?:linenums|linenos|showLineNumbers|numberLines)(?![\w-])(?:[ ]?=[ ]?[\"']?(\w+))?"
)
_START = re.compile(r"(?<![\w-])(?:linenostart|startFrom)[ ]?=[ ]?[\"']?(\d{1,6})")
_NOT_NUMBERED = frozenset(["false", "no", "none", "0"])
_HIGHLIGHT_TAG = '<span class="hll">'

# Names that blogs use and Pygments does not know.
_ALIASES = {"mjs": "js", "cjs": "js", "mts": "ts", "cts": "ts", "jsonc": "json5", "heex": "html"}


@dataclass(frozen=True, slots=True)
class FenceWords:
    """The words after the opening fence that mean something here; other words are for other tools.

    `first_number` is the number of the first line, None where the lines have none; `highlighted`
    counts from 1 all the same.
    """

    language: str = ""
    title: str = ""
    first_number: int | None = None
    highlighted: tuple[int, ...] = ()

    @classmethod
    def read(cls, said: str) -> FenceWords:
        """Read the words behind a fence."""
        said = said[:MAX_SAID_CHARS]
        title = _TITLE.search(said)
        said = _TITLE.sub("", said)
        language = _LANGUAGE.match(said)
        marked: list[int] = []
        if found := _HIGHLIGHTED.search(said):
            for first, last in _LINES.findall(found[0]):
                marked += range(int(first), int(last or first) + 1)
        return cls(
            (language[1] or language[2] if language else "").lower(),
            title[1].strip("\"'").strip() if title else "",
            _read_first_number(said),
            tuple(marked),
        )


def _read_first_number(said: str) -> int | None:
    numbered = _NUMBERED.search(said)
    if numbered is None or numbered[1] in _NOT_NUMBERED:
        return None
    start = _START.search(said)
    number = start[1] if start else numbered[1] or ""
    return int(number) if number.isdecimal() and len(number) < 7 else 1


def write_code(code: str, words: FenceWords) -> str:
    """Return the HTML of a fenced block; one with a title is a figure."""
    known = _ALIASES.get(words.language, words.language)
    block = CodeHilite(
        code,
        lang=known or None,
        guess_lang=False,
        hl_lines=list(words.highlighted),
        pygments_formatter=CodeFormatter,
        first_number=words.first_number,
    )
    shown = html.escape(_name_language(known) if known else "")
    attribute = f' data-language="{shown}"' if shown else ""
    written = str(block.hilite(shebang=False)).replace(
        '<div class="codehilite">', f'<div class="codehilite"{attribute}>', 1
    )
    if not words.title:
        return written
    caption = f"<figcaption>{html.escape(words.title)}</figcaption>"
    return f'<figure class="code">{caption}{written}</figure>'


def _name_language(alias: str) -> str:
    """Return a language's own name; what Pygments does not know keeps what the author wrote."""
    if alias in ("text", "txt", "plain", "plaintext", "none"):
        return ""
    try:
        return str(get_lexer_by_name(alias).name)
    except ClassNotFound:
        return alias


class CodeFormatter(HtmlFormatter[str]):
    """Writes code whose lines may be numbered, and which the keyboard can scroll.

    Chromium and Firefox let the keyboard scroll whatever does scroll. For others a block that is
    wider than a post can have the focus; any other would only be one more stop of the Tab key.
    """

    def __init__(self, lang_str: str = "", first_number: int | None = None, **options: Any) -> None:
        # Python-Markdown passes the language to custom formatters; it has no use here.
        super().__init__(**options)
        self._first_number = first_number
        self._is_wide = False

    def format_unencoded(
        self, tokensource: Iterable[tuple[Any, str]], outfile: SupportsWrite[str]
    ) -> None:
        """Write the code of these tokens."""
        tokens = list(tokensource)
        lines = "".join(text for _, text in tokens).split("\n")
        self._is_wide = any(len(line.expandtabs(4)) > FITTING_CHARS for line in lines)
        super().format_unencoded(tokens, outfile)

    def wrap(self, source: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        """Wrap the lines in a block."""
        yield 0, '<pre tabindex="0"><code>' if self._is_wide else "<pre><code>"
        yield from source if self._first_number is None else self._number(source)
        yield 0, "</code></pre>"

    def _number(self, source: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        """Put the number of each line into an attribute, so that it is no part of the code."""
        lines = list(source)
        first = self._first_number or 0
        digits = len(str(first + len(lines) - 1))
        for number, (kind, line) in enumerate(lines, first):
            mark = f'<span aria-hidden="true" data-line="{number:>{digits}}"></span>'
            # A highlighted line has its number inside the mark.
            head = _HIGHLIGHT_TAG if line.startswith(_HIGHLIGHT_TAG) else ""
            yield kind, f"{head}{mark}{line[len(head) :]}"
