"""The first heading and the first paragraph of a Markdown text, without rendering it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from blog.posts.markup.formulas import CODE_FORMULA
from blog.posts.markup.html_blocks import WHOLE_TAGS
from blog.posts.markup.lists import LIST_BELOW_TEXT
from blog.posts.markup.plain_formulas import read_formula, replace_formulas
from blog.posts.signs import drop_controls

MAX_DESCRIPTION_CHARS = 200
# Enough to find a first paragraph in; a longer search would only slow the start down.
_SEARCHED_CHARS = 32 * 1024
# The patterns below take quadratic time on hostile text (`_a _a _a …`), so they see no more than
# this of a line or a paragraph; no more is ever shown.
_SHOWN_CHARS = 1000

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r" {0,3}#{1,6}(?:[ \t]+(.*?)(?:(?:^|[ \t])#+)?)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(?:=+|-+)[ \t]*$")
# What begins a block that is no paragraph: lists, quotes, tables, HTML, admonitions,
# formulas, rules, definitions of links and footnotes, the table of contents.
_OTHER_BLOCK = re.compile(
    r" {0,3}(?:[-*+][ \t]|\d{1,9}[.)][ \t]|>|\||<|!!!|\$\$|\[\^?[^\]]+\]:|\[TOC\]"
    r"|([-*_])(?:[ \t]*\1){2,}[ \t]*$)"
    r"|(?: {4}|\t)"
)
_TAG = re.compile(r" {0,3}<([A-Za-z][\w-]*)")
_EMPTY_LINE = re.compile(r"\n[ \t]*\n")
_INLINE_HTML = re.compile(r" {0,3}<(?:a|abbr|b|cite|code|em|i|kbd|q|s|small|span|strong|https?)\b")

# What a text must contain for the pattern to find anything. The look for it is cheap, and few texts
# have more than one kind of mark.
_MARKS = (
    ("![", re.compile(r"!\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])"), r"\1"),
    ("[^", re.compile(r"\[\^[^\]]+\]"), ""),
    ("[", re.compile(r"\[([^\[\]]*)\](?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^\]]*\])"), r"\1"),
    ("<", re.compile(r"<((?:https?|mailto):[^>\s]*)>"), r"\1"),
    ("<", re.compile(r"</?[A-Za-z!][^<>]*>"), ""),
    ("{", re.compile(r"(?:[ \t]|^)\{:?[ \t]*[.#][^{}]*\}[ \t]*$"), ""),
    ("*", re.compile(r"(?<!\\)(\*{1,3})(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    ("~~", re.compile(r"(?<!\\)(~~)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    ("_", re.compile(r"(?<![\\\w])(_{1,3})(?=\S)(.+?)(?<=\S)\1(?!\w)"), r"\2"),
    ("\\", re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),
)
# Only a whole run of backticks opens: trying its parts, too, takes cubic time.
_CODE = r"(?<!`)(?P<ticks>`+)(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)"
_CODES = re.compile(f"{CODE_FORMULA}|{_CODE}")
# What is set aside stands under its number, between characters that no text has.
_ASIDE = re.compile(r"\x00(\d+)\x00")


def find_heading(body: str) -> str:
    """Return the text of the first heading outside code, or nothing."""
    for kind, text in _blocks(body):
        if kind == "heading":
            return strip_marks(text)
    return ""


def find_paragraph(body: str) -> str:
    """Return the first paragraph of real text, shortened at a word, or nothing."""
    for kind, text in _blocks(body[:_SEARCHED_CHARS]):
        if kind == "paragraph" and (plain := strip_marks(text)):
            return shorten(plain)
    return ""


def shorten(text: str, limit: int = MAX_DESCRIPTION_CHARS) -> str:
    """Cut a text at a word so that it has at most `limit` characters, and say so with `…`."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    cut = head.rpartition(" ")[0] or head
    return cut.rstrip(" ,;:–—-") + "…"


def strip_marks(text: str) -> str:
    """Take Markdown's marks off inline text; code spans keep every character."""
    text = drop_controls(text[:_SHOWN_CHARS])
    # Code and formulas are set aside: marks around them (a link on code) go, those inside stay.
    aside: list[str] = []

    def set_aside(source: str) -> str:
        aside.append(source)
        return f"\x00{len(aside) - 1}\x00"

    def read_code(found: re.Match[str]) -> str:
        return set_aside(read_formula(found[1]) if found[1] else found["code"].strip())

    if "`" in text:
        text = _CODES.sub(read_code, text)
    text = replace_formulas(text, lambda tex: set_aside(read_formula(tex)))
    stripped = _ASIDE.sub(lambda found: aside[int(found[1])], _strip_prose(text))
    return " ".join(stripped.split())


def _strip_prose(text: str) -> str:
    for mark, pattern, replacement in _MARKS:
        if mark in text:
            text = pattern.sub(replacement, text)
    return html.unescape(text)


def _blocks(body: str) -> Iterator[tuple[str, str]]:
    """Yield ("heading" or "paragraph", its source text) in order, passing over other blocks."""
    paragraph: list[str] = []
    fence = ""
    other = False  # inside a block of another kind, which a blank line ends
    raw_end = 0  # of HTML, which is no text so far
    for start, line in _lines(body):
        if start < raw_end:
            continue
        if fence:
            closing = _FENCE.match(line)
            if closing and closing[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            continue
        opening = _FENCE.match(line)
        heading = None if opening else _ATX.match(line)
        if paragraph and _SETEXT.match(line):
            yield "heading", " ".join(paragraph)
            paragraph = []
            continue
        list_begins = LIST_BELOW_TEXT.match(line)
        if paragraph and (opening or heading or list_begins or not line.strip()):
            yield "paragraph", " ".join(paragraph)
            paragraph = []
        if opening:
            fence = opening[1]
        elif heading:
            yield "heading", heading[1] or ""
        elif not line.strip():
            other = False
        elif not other and line.lstrip().startswith("<!--"):
            raw_end = _find_end("-->", body, start)
            other = not raw_end and not paragraph
        elif other or (not paragraph and _OTHER_BLOCK.match(line) and not _INLINE_HTML.match(line)):
            if not other and (tag := _TAG.match(line)):
                raw_end = _find_end(f"</{tag[1]}>", body, start)
                # Behind an empty line there is Markdown; see `html_blocks`.
                if tag[1].lower() not in WHOLE_TAGS and "markdown" not in line:
                    last = raw_end or start + _SEARCHED_CHARS
                    empty = _EMPTY_LINE.search(body, start, last)
                    raw_end = empty.start() + 1 if empty else raw_end
            other = True
        else:
            paragraph.append(line.strip().removesuffix("\\"))
    if paragraph:
        yield "paragraph", " ".join(paragraph)


def _find_end(mark: str, body: str, start: int) -> int:
    """Return where HTML that begins at `start` has its end; 0 if it has none, or only far away."""
    return body.find(mark, start, start + _SEARCHED_CHARS) + 1


def _lines(body: str) -> Iterator[tuple[int, str]]:
    """Yield each line, shortened, and where it begins."""
    # Not splitlines(): a long post is read line by line only as far as needed.
    start = 0
    while (end := body.find("\n", start)) >= 0:
        yield start, body[start : min(end, start + _SHOWN_CHARS)]
        start = end + 1
    if start < len(body):
        yield start, body[start : start + _SHOWN_CHARS]
