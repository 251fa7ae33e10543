"""The words of a Markdown text, without its marks. Fast, and in linear time for any text."""

from __future__ import annotations

import html
import re

from blog.posts.markup.plain_formulas import replace_formulas

# Of a longer post the beginning is found; a pattern over this much takes a few milliseconds, and
# for so long it holds up everything else in the process.
MAX_PLAIN_CHARS = 200_000

# Every quantifier inside a pair of marks is bounded: an opening mark without its closing one must
# not be looked for to the end of the text.
_STEPS = (
    (re.compile(r"^ {0,3}(?:`{3,}|~{3,}).*$", re.M), " "),
    (re.compile(r"^ {0,3}\[[^\]\n]{1,200}\]:[^\n]*$", re.M), " "),
    (re.compile(r"!?\[([^\[\]\n]{0,300})\](?:\([^()\n]{0,500}\)|\[[^\[\]\n]{0,100}\])"), r"\1"),
    (
        re.compile(
            r"</?(?:a|abbr|b|code|em|i|kbd|mark|s|small|span|strong|su[bp]|u)\b[^<>]{0,300}>"
        ),
        "",
    ),
    (re.compile(r"</?[A-Za-z][^<>]{0,300}>|<!--"), " "),
    (re.compile(r"\{[:.#%][^{}\n]{0,200}\}"), " "),
    (re.compile(r"^[ \t]{0,12}(?:#{1,6}[ \t]|(?:>[ \t]?){1,9}|[-*+][ \t]|\|)", re.M), " "),
    (re.compile(r"[*`]+|~~"), ""),
    (re.compile(r"\|+|(?<![^\s|])[-=:]{3,}(?![^\s|])"), " "),
    (re.compile(r"(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)"), ""),
    (re.compile(r"\\(?=[^\w\s])"), ""),
)
# Two of these mark what was found (see store.py), and no text needs any.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


def read_plain(body: str) -> str:
    """Return the text that a reader sees of a post's Markdown, near enough to be searched."""
    text = replace_formulas(drop_controls(body[:MAX_PLAIN_CHARS]))
    for pattern, replacement in _STEPS:
        text = pattern.sub(replacement, text)
    return " ".join(html.unescape(text).split())


def drop_controls(text: str) -> str:
    """Return a text without control characters."""
    return _CONTROLS.sub(" ", text)
