"""A post's HTML as it can be read elsewhere: in a feed reader, far from its page."""

from __future__ import annotations

import html
from html.parser import HTMLParser
from urllib.parse import urljoin

ADDRESSES = frozenset(["href", "src", "poster", "cite"])


def make_absolute(body: str, page_url: str) -> str:
    """Return the HTML with every address made absolute, and without the links beside headings."""
    rewriter = _Rewriter(page_url)
    rewriter.feed(body)
    rewriter.close()
    return "".join(rewriter.parts)


class _Rewriter(HTMLParser):
    """Copies HTML as it stands; only tags that hold a relative address are written anew."""

    def __init__(self, page_url: str) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self._page_url = page_url
        self._in_permalink = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a" and ("class", "permalink") in attrs:
            self._in_permalink = True
        self._add(self._write_tag(tag, attrs, ">"))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._add(self._write_tag(tag, attrs, " />"))

    def handle_endtag(self, tag: str) -> None:
        self._add(f"</{tag}>")
        if tag == "a":
            self._in_permalink = False

    def handle_data(self, data: str) -> None:
        self._add(data)

    def handle_entityref(self, name: str) -> None:
        self._add(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._add(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        """Leave it out: nobody reads it, and it is the author's own."""

    def _add(self, text: str) -> None:
        if not self._in_permalink:
            self.parts.append(text)

    def _write_tag(self, tag: str, attrs: list[tuple[str, str | None]], end: str) -> str:
        as_written = self.get_starttag_text() or ""
        absolute = [(name, self._resolve(name, value)) for name, value in attrs]
        if absolute == attrs:
            return as_written
        written = "".join(
            f" {name}" if value is None else f' {name}="{html.escape(value)}"'
            for name, value in absolute
        )
        return f"<{tag}{written}{end}"

    def _resolve(self, name: str, value: str | None) -> str | None:
        if value is None:
            return None
        if name == "srcset":
            return ", ".join(self._resolve_candidate(part) for part in value.split(","))
        return self._join(value) if name in ADDRESSES else value

    def _resolve_candidate(self, part: str) -> str:
        address, _, size = part.strip().partition(" ")
        return f"{self._join(address)} {size}".rstrip()

    def _join(self, address: str) -> str:
        try:
            return urljoin(self._page_url, address.strip())
        except ValueError:  # "http://[" is no address, and none of ours
            return address
