"""The Markdown pipeline: any body is HTML that an XML parser or a browser's takes, and soon."""

from __future__ import annotations

import time
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import strategies as st

from blog.posts.markup.markdown import render_markdown
from blog.posts.model import Post
from tests.fuzz.budget import fuzz

SIGNS = ["# ", "## ", "- ", "1. ", "> ", "> [!NOTE]\n", "```", "~~~\n", "```python\n", "    ", "| "]
SIGNS += [
    "|-|-|\n",
    "[",
    "]",
    "(",
    ")",
    "![",
    "[^1]",
    "[^1]: ",
    "*",
    "**",
    "_",
    "~~",
    "`",
    "$",
    "$$",
]
SIGNS += [
    "\\",
    "\\frac{",
    "}",
    "{#a}",
    "{: .b }",
    "- [ ] ",
    ": ",
    "!!! note\n",
    "&",
    "&amp",
    "<!--",
]
SIGNS += ["-\n", "* a\n", "+ ", "2) ", "  - a\n", "\n  b\n", "- > - ", "-      a\n", "> -\n", "~"]
SIGNS += ["a@b.c", 'src="http://a"', "ftp://a;", "[[a](/b)](/c)", "<a:b>", "](", ")"]
SIGNS += ["\n", "\n\n", " ", "---\n", "a", "http://a", "\x00", "\x02", "\x03", "\u2028", "é", "\t"]
# Words in braces, addresses that cannot be parsed, references, variables, marks that are not read.
SIGNS += ["{id}", "{href}", "{src}", "{style}", "{: id }", "{.a b}", '{a="b"}', "{a='", "${A}"]
SIGNS += ["](https://[a)", "](//[b)", "[a]: http://[c\n", "[a]", "[`a`]", "[`a`]: /b\n", "[b][a]"]
SIGNS += [
    "https://[d]",
    "www.a.b",
    "https://a.b/(c",
    "&copy;",
    "\\[",
    "\\]",
    "\\|",
    "\\&",
    "**",
    "==a==",
]
SIGNS += [
    "[[a]]",
    "[^1]:\n    ```\n",
    "- ```\n",
    "#",
    "##a",
    "](b.md#c)",
    "/%00.png)",
    "![](a%00.png)",
]
# Raw HTML passes through as it is, well formed or not: a post is its author's. Not so the rest.
HTML = [
    "<",
    ">",
    "<b>",
    "</b>",
    "<div>",
    "</div>",
    "<a href=",
    '<p markdown="1">',
    "<p markdown>",
    "<details>\n<summary>a</summary>\n\n",
    "</details>\n",
    "<a>",
    "</a>",
    "<a href>",
    "<img src>",
    "<img srcset>",
    '<img src="http://[a">',
    '<a href="//[b">',
    '<a "',
    "<b c='",
    "<pre>\n",
    "\\<",
    "<?",
    "<![CDATA[",
]
VOID = {"br", "hr", "img", "input", "col", "wbr", "source"}


def bodies(signs: list[str], longest: int) -> st.SearchStrategy[str]:
    piece = st.sampled_from(signs) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    repeated = st.tuples(piece, st.integers(1, longest)).map(lambda pair: pair[0] * pair[1])
    return st.lists(piece | repeated, max_size=40).map("".join)


def render(body: str) -> str:
    """Render, with a bound on CPU in proportion to the size."""
    post = Post(id="x", title="x", description="", date=None, path=Path("posts/x.md"), body=body)
    began = time.process_time()
    rendered = render_markdown(post).html
    spent = time.process_time() - began
    assert spent < 1 + len(body) / 4_000, f"{spent:.1f} s for {len(body)} characters"
    assert "\x02" not in rendered, "a mark of ours is left"
    return rendered


class Nesting(HTMLParser):
    """Fails where an element is closed that is not the innermost."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag}: {names}"
        assert not [name for name in names if name.startswith("on")], names
        if tag not in VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.opened, f"</{tag}> closes nothing"
            assert self.opened.pop() == tag


def test_any_markdown_without_html_is_well_nested():
    def check(body: str) -> None:
        body = body.replace("<", "")
        parser = Nesting()
        parser.feed(render(body))
        parser.close()
        assert parser.opened == []

    fuzz(check, bodies([sign for sign in SIGNS if "<" not in sign], 200))


def test_any_markdown_with_html_is_rendered():
    def check(body: str) -> None:
        render(body).encode()

    fuzz(check, bodies([*SIGNS, *HTML], 200))
