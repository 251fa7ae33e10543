"""Hints for marks that other programs read and this blog does not: they are shown as written."""

from __future__ import annotations

import re
from collections.abc import Collection

from markdown import Markdown
from markdown.preprocessors import Preprocessor

from blog.posts.markup.hints import Hints, quote

_CODE = re.compile(r"`[^`]*`")
# A mark that every match has (a look for it takes no time), what finds it, what it is, the remedy.
_MARKS = (
    ("[[", re.compile(r"(?<!!)\[\[[^\[\]]+\]\](?![(\[])"), "a wiki link", "write [text](post.md)"),
    ("==", re.compile(r"(?<![=\w])==(?=[^\s=])[^=]+(?<=\S)==(?![=\w])"), "a mark", "use <mark>"),
    (
        "##",
        re.compile(r"^ {0,3}#{2,6}[^\s#!]"),
        "a heading without a space",
        "put a space behind #",
    ),
)
_DIAGRAM = re.compile(r"^[ >]*(?:`{3,}|~{3,})[ \t]*\{?[ \t]*\.?mermaid\b", re.MULTILINE)
_FRAME = re.compile(r"<iframe\b[^<>]{0,500}\bsrc\s*=\s*[\"']?([^\s\"'<>]+)", re.IGNORECASE)
_ORIGIN = re.compile(r"https://[^/?#]+")


class UnreadStep(Preprocessor):
    """Looks for such marks. Runs when code and HTML have been set aside (25 to 20)."""

    def __init__(self, md: Markdown, hints: Hints) -> None:
        super().__init__(md)
        self._hints = hints

    def run(self, lines: list[str]) -> list[str]:
        """Return the lines as they are."""
        for line in lines:
            for mark, pattern, what, mend in _MARKS:
                if mark in line and pattern.search(_CODE.sub("", line)):
                    self._hints.add(
                        line, f"{quote(line)}: {what}", "marks that are read here", mend
                    )
        return lines


def find_unread(body: str, rendered: str, frame_hosts: Collection[str], hints: Hints) -> None:
    """Add a hint for each kind of diagram or frame in a text that no page shows."""
    if "mermaid" in body:
        for found in _DIAGRAM.finditer(body):
            what = "a diagram in mermaid, which is shown as code"
            hints.add(found[0], what, "code", "put a picture of it beside the post")
    if "<iframe" in rendered.lower():
        for found in _FRAME.finditer(rendered):
            origin = _ORIGIN.match(found[1].lower())
            if origin and origin[0] in frame_hosts:
                continue
            what = f"a frame of {quote(found[1])}, which the security headers keep empty"
            mend = f"name {origin[0]} in BLOG_FRAME_HOSTS, or write a link" if origin else "link it"
            hints.add(found[1], what, "text, pictures or films", mend)
