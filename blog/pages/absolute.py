"""A post's HTML as it can be read elsewhere: in a feed reader, far from its page."""

from __future__ import annotations

import re
from urllib.parse import urljoin

from blog.posts.markup.html_tags import Attributes, TagReader, join_tag, write_tag

# Code and its parts: no feed reader would run it, and some would show it as text.
_CODE_ELEMENTS = frozenset(["script", "style"])
_CODE_ATTRIBUTE = re.compile(r"on[a-z]+|srcdoc")
_ADDRESSES = frozenset(["action", "data", "formaction", "href", "src", "xlink:href"])
# Browsers pass over white space in it.
_CODE_ADDRESS = re.compile(r"[\x00-\x20]*" + r"\s*".join("javascript:"), re.IGNORECASE)


def make_absolute(body: str, page_url: str) -> str:
    """Return the HTML with every address made absolute.

    What is for the page only is left out: the links beside headings, comments, scripts and styles.
    """
    rewriter = _Rewriter(page_url, body.split("\n"))
    rewriter.feed(
        f"{body}\n"
    )  # Python's parser loses an ampersand that is nearly the last character
    rewriter.close()
    return "".join(rewriter.parts).removesuffix("\n")


class _Rewriter(TagReader):
    """Copies HTML as it stands; only tags that hold a relative address are written anew."""

    def __init__(self, page_url: str, lines: list[str]) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self._page_url = page_url
        self._lines = lines
        self._in_permalink = False
        self._in_code = False

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        self._in_code = self._in_code or tag in _CODE_ELEMENTS
        if tag == "a" and ("class", "permalink") in attrs:
            self._in_permalink = True
        self._add_tag(tag, attrs, ">")

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        if tag not in _CODE_ELEMENTS:
            self._add_tag(tag, attrs, " />")

    def handle_endtag(self, tag: str) -> None:
        if tag in _CODE_ELEMENTS:
            self._in_code = False
            return
        self._add(f"</{tag}>")
        if tag == "a":
            self._in_permalink = False

    def handle_data(self, data: str) -> None:
        self._add(data)

    def handle_entityref(self, name: str) -> None:
        line, column = self.getpos()
        # "AT&T" has no semicolon, and must not get one.
        has_end = self._lines[line - 1].startswith(";", column + 1 + len(name))
        self._add(f"&{name};" if has_end else f"&{name}")

    def handle_charref(self, name: str) -> None:
        self._add(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        """Leave it out: nobody reads it, and it is the author's own."""

    def _add_tag(self, tag: str, attrs: Attributes, end: str) -> None:
        kept = [(name, value) for name, value in attrs if not _is_code(name, value)]
        as_written = self.get_starttag_text() or ""
        if kept != attrs:
            as_written = join_tag(tag, kept, end)
        self._add(write_tag(as_written, tag, kept, self._join, end))

    def _add(self, text: str) -> None:
        if not (self._in_permalink or self._in_code):
            self.parts.append(text)

    def _join(self, address: str) -> str:
        try:
            return urljoin(self._page_url, address)
        except ValueError:  # "http://[" is no address, and none of ours
            return address


def _is_code(name: str, value: str | None) -> bool:
    is_address = name in _ADDRESSES and _CODE_ADDRESS.match(value or "")
    return bool(is_address or _CODE_ATTRIBUTE.fullmatch(name))
