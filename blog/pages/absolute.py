"""A post's HTML as it can be read elsewhere: in a feed reader, far from its page."""

from __future__ import annotations

from urllib.parse import urljoin

from blog.posts.html_tags import Attributes, TagReader, write_tag


def make_absolute(body: str, page_url: str) -> str:
    """Return the HTML with every address made absolute, and without the links beside headings."""
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

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        if tag == "a" and ("class", "permalink") in attrs:
            self._in_permalink = True
        self._add_tag(tag, attrs, ">")

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        self._add_tag(tag, attrs, " />")

    def handle_endtag(self, tag: str) -> None:
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
        self._add(write_tag(self.get_starttag_text() or "", tag, attrs, self._join, end))

    def _add(self, text: str) -> None:
        if not self._in_permalink:
            self.parts.append(text)

    def _join(self, address: str) -> str:
        try:
            return urljoin(self._page_url, address)
        except ValueError:  # "http://[" is no address, and none of ours
            return address
