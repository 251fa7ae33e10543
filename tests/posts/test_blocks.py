"""Headings, tables, footnotes and HTML blocks, as readers of GitHub and Hugo know them."""

from __future__ import annotations

from pathlib import Path

import pytest

from blog.posts.markup.markdown import render_markdown
from blog.posts.model import Post


def render(body: str) -> str:
    post = Post(id="a", title="The title", description="", date=None, path=Path("a.md"), body=body)
    return render_markdown(post).html


@pytest.mark.parametrize("text", ["#hashtag", "#1 is the best", "##Heading", "#", "####### seven"])
def test_a_heading_has_a_space_behind_its_signs(text: str):
    shown = "" if text == "#" else f"<p>{text}</p>"
    assert render(f"{text}\n").startswith(shown or '<h2 id="_1">')


@pytest.mark.parametrize(
    ("heading", "text"),
    [("# C#", "C#"), ("## A ##", "A"), (r"# A \#", "A #"), ("# A #b", "A #b"), ("# # A", "# A")],
)
def test_a_heading_loses_only_the_signs_that_close_it(heading: str, text: str):
    assert f">{text}<a aria-label=" in render(heading)


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (r"`x\|y`", "<code>x|y</code>"),
        (r"``a`\|b``", "<code>a`|b</code>"),
        ("`x|y`", "<code>x|y</code>"),
        (r"a \| b", "a | b"),
        (r"`a\\b`", r"<code>a\\b</code>"),
    ],
)
def test_an_escaped_bar_in_a_cell_is_a_bar(cell: str, shown: str):
    assert f"<td>{shown}</td>" in render(f"| a | b |\n|---|---|\n| {cell} | z |")


@pytest.mark.parametrize(
    ("below", "shown"),
    [
        ("> a", "<blockquote>\n<p>a</p>"),
        ("# a", '<h2 id="a">'),
        ("***", "<hr>"),
        ("- a", "<ul>"),
        ("a", "<td>a</td>"),
    ],
)
def test_a_block_ends_a_table_and_a_line_of_text_does_not(below: str, shown: str):
    for bars in ("| x | y |\n|---|---|\n| 1 | 2 |", "| x |\n|---|\n| 1 |"):
        rendered = render(f"{bars}\n{below}")
        assert "<th>x</th>" in rendered
        assert "<td>1</td>" in rendered
        assert shown in rendered


def test_an_escaped_bar_in_code_outside_of_tables_stays():
    assert render(r"`x\|y`") == r"<p><code>x\|y</code></p>"


CODE = '<div class="codehilite"><pre><code>x\n</code></pre></div>'


@pytest.mark.parametrize(
    "note",
    [
        "[^1]:\n    ```\n    x\n    ```",
        "[^1]:\n\n    ```\n    x\n    ```",
        "[^1]: ```\n    x\n    ```",
        "[^1]:\n    ~~~\n    x\n    ~~~\n\n    More.",
    ],
)
def test_a_footnote_may_begin_with_code(note: str):
    shown = render(f"Text[^1]\n\n{note}")
    assert f'<li id="fn:1">\n{CODE}' in shown
    assert "`" not in shown


@pytest.mark.parametrize(
    "body",
    ["- ```\n  x\n  ```\n- b", "1. ~~~\n   x\n   ~~~\n2. b", "T\n:   ```\n    x\n    ```\n:   b"],
)
def test_an_item_may_begin_with_code(body: str):
    shown = render(body)
    assert CODE in shown
    assert "b" in shown.partition(CODE)[2]
    assert "```" not in shown


def test_footnotes_are_numbered_as_they_are_referred_to():
    shown = render("- x[^b]\n\nA[^a] b[^b]\n\n[^a]: One\n[^b]: Two")
    assert shown.index("Two&#160;") < shown.index("One&#160;")
    assert 'href="#fn:b">1</a>' in shown
    assert 'href="#fn:a">2</a>' in shown


def test_a_footnote_that_nobody_refers_to_is_not_shown():
    assert render("Text\n\n[^a]: One") == "<p>Text</p>"
    assert "One" not in render("Text[^b]\n\n[^a]: One\n[^b]: Two")


def test_of_two_footnotes_with_one_name_the_first_counts():
    shown = render("Text[^a]\n\n[^a]: One\n\n[^a]: Two")
    assert "One" in shown
    assert "Two" not in shown


PICTURE = '<img alt="p" decoding="async" loading="lazy" src="/a.png">'


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (
            "<details>\n<summary>M</summary>\n\n- **b**\n- ![p](/a.png)\n\n</details>\n\n*c*",
            "<details>\n<summary>M</summary>\n<ul>\n<li><strong>b</strong></li>\n"
            f"<li>{PICTURE}</li>\n</ul>\n</details>\n<p><em>c</em></p>",
        ),
        ('<p align="center">\n\n*b*\n\n</p>', '<p align="center">\n<p><em>b</em></p>\n</p>'),
        ("<div>\n*b*\n</div>", "<div>\n*b*\n</div>"),
        ("<pre>\n<div>\n\n*b*\n</pre>", "<pre>\n<div>\n\n*b*\n</pre>"),
        ("<!--\n<div>\n\n*b*\n-->", "<!--\n<div>\n\n*b*\n-->"),
        (
            "<table>\n<tr><td>\n\n*b*\n\n</td></tr>\n</table>",
            "<table>\n<tr><td>\n<p><em>b</em></p>\n</td></tr>\n</table>",
        ),
        (
            '<div markdown="1">\n\n*b*\n\n<div>\n\n</div>\n\n</div>',
            "<div>\n<p><em>b</em></p>\n<div>\n\n</div>\n\n</div>",
        ),
    ],
)
def test_an_empty_line_ends_a_block_of_html(body: str, shown: str):
    assert render(body).replace("\n\n</div>", "\n</div>") == shown.replace("\n\n</div>", "\n</div>")


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('<img src="/a.png">\n\n*b*', '<img src="/a.png">\n<p><em>b</em></p>'),
        ('<a href="/b">\n  <img src="/a">\n</a>', '<a href="/b">\n  <img src="/a">\n</a>'),
        ("</span >\n*b*", "</span >\n*b*"),
        ("<my-box a=1 b='2' c>  \n\n*b*", "<my-box a=1 b='2' c>\n<p><em>b</em></p>"),
        ("# A\n<b>\n*c*\n</b>", "<b>\n*c*\n</b>"),
        ("- a\n\n  <b>\n  *c*\n  </b>", "<b>\n*c*\n</b>\n</li>"),
        # Not alone in its line, or below a line of text: a part of a paragraph.
        ("<b>a</b>\n*c*", "<p><b>a</b>\n<em>c</em></p>"),
        ("a\n<b>\n*c*\n</b>", "<p>a\n<b>\n<em>c</em>\n</b></p>"),
        ("<https://a.example/>", "<p><a"),
        ("<!-- c -->\n<b a='/'/>\n\n*c*", "<!-- c -->\n\n<b a='/'/>\n<p><em>c</em></p>"),
        ("<video>\n<source>\n</video>\n\n*c*", "<video>\n<source>\n</video>\n<p><em>c</em></p>"),
        ("<canvas></canvas> *c*", "<p><canvas></canvas> <em>c</em></p>"),
        ("a\n<object>\n*c*", "<p>a\n<object>\n<em>c</em></p>"),
        ("<?>\n*c*", "<?>\n<p><em>c</em></p>"),
        ("<!X a [\n# b\n]>\n*c*", "<!X a [\n# b\n]>\n<p><em>c</em></p>"),
        ("<!X a\n\n*c*", "<p>&lt;!X a</p>\n<p><em>c</em></p>"),
    ],
)
def test_a_tag_alone_in_its_line_begins_a_block(body: str, shown: str):
    assert shown in render(body)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("> a\n> <div>*x*</div>\n>\n> b", "<p>a</p>\n<div>*x*</div>\n<p>b</p>"),
        (
            "> <details>\n> <summary>M</summary>\n>\n> - *a*\n>\n> </details>",
            "<details>\n<summary>M</summary>\n<ul>\n<li><em>a</em></li>\n</ul>\n</details>",
        ),
        ("> > <div>\n> > *x*\n> > </div>\n> b", "<div>\n*x*\n</div>\n</blockquote>"),
        ("- a\n  > <div>*x*</div>", "<blockquote>\n<div>*x*</div>\n</blockquote>"),
        ("> ```\n> <div>\n> ```", "&lt;div&gt;"),
        ("> a <b>*c*</b>", "<p>a <b><em>c</em></b></p>"),
    ],
)
def test_a_block_of_html_may_stand_in_a_quote(body: str, shown: str):
    assert shown in render(body)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("a\n  <div>*b*</div>\n\nc", "<p>a</p>\n<div>*b*</div>\n<p>c</p>"),
        ("<p>a</p>\n<br>\n\nb", "<p>a</p>\n<br>\n<p>b</p>"),
        ("<ul><li>a</li></ul>\n<ul>\n</ul>\n\nb", "</ul>\n<ul>\n</ul>\n<p>b</p>"),
        # They never end, and would take all that follows.
        ("<canvas>\n</canvas-->\n\n*b*", "<canvas>\n</canvas-->\n<p><em>b</em></p>"),
        ("<video controls>\n\n*b*", "<video controls>\n<p><em>b</em></p>"),
        ("<link rel=a>\n\n*b*", "<link rel=a>\n<p><em>b</em></p>"),
        # Text behind an element is Markdown, not so in CommonMark.
        ("<div>a</div>\n*b*", "<div>a</div>\n<p><em>b</em></p>"),
        ("<div>a</div> *b*\n<br>", "<em>b</em>"),
    ],
)
def test_no_paragraph_holds_a_block_of_html(body: str, shown: str):
    assert shown in render(body)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("- a\n  <div>x</div>\n- b", "<li>a<div>x</div>\n</li>\n<li>b</li>"),
        (
            "- a\n\n  <details>\n\n  *c*\n\n  </details>\n\n- b",
            "<details>\n<p><em>c</em></p>\n</de",
        ),
        ("1. a\n\n    <div>\n    x\n    </div>\n\n2. b", "<div>\nx\n</div>\n</li>"),
        (
            "- <div>\n  *a*\n\n  *b*\n\n  </div>\n- c",
            "<div>\n*a*\n<p><em>b</em></p>\n</div>\n</li>",
        ),
        ("- <pre>`a`\n\n  *b*</pre>\n- c", "<li>\n<pre>`a`\n\n*b*</pre>\n</li>"),
        ("- a\n\n  <pre>\n  `a`\n\n  b</pre>\n- c", "<pre>\n`a`\n\nb</pre>\n</li>"),
        ("- a\n\n  - b\n    <!--\n\n    x -->\n- c", "<!--\n\nx -->\n</li>\n</ul>\n</li>"),
        ("1. <!-- *a* --> *b*\n2. c", "<li>\n<!-- *a* --> *b*\n</li>"),
        ("- <b>\n  *a*\n  </b>\n- c", "<li>\n<b>\n*a*\n</b>\n</li>"),
        ("- <b>*a*</b>\n- c", "<li><b><em>a</em></b></li>"),
        ("- a\n\n      <p>*b*</p>\n- c", "<code>&lt;p&gt;*b*&lt;/p&gt;\n</code>"),
    ],
)
def test_a_block_of_html_stays_in_its_list(body: str, shown: str):
    rendered = render(body)
    assert shown in rendered
    assert rendered.count("<ul>") + rendered.count("<ol>") == (2 if "  - b" in body else 1)
    assert "<br>" not in rendered
