"""Lists are read as GitHub reads them."""

from __future__ import annotations

import re
from pathlib import Path
from time import perf_counter, process_time

import pytest

from blog.posts.markup.lists import Nesting
from blog.posts.markup.markdown import render_markdown, render_with_hints
from blog.posts.markup.outline import find_paragraph
from blog.posts.model import Post

DECORATION = re.compile(r' tabindex="0"|<div class="codehilite">|(?<=</pre>)</div>')


def write(body: str) -> Post:
    """Write a post."""
    return Post(id="a", title="T", description="", date=None, path=Path("a.md"), body=body)


def render(body: str) -> str:
    """Render a body; white space beside tags does not count."""
    html = DECORATION.sub("", render_markdown(write(body)).html)
    return re.sub(r"\s*(<[^>]+>)\s*", r"\1", html).replace("\n", " ")


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("We need:\n- a\n- b", "<p>We need:</p><ul><li>a</li><li>b</li></ul>"),
        ("We need:\n1. a\n2. b", "<p>We need:</p><ol><li>a</li><li>b</li></ol>"),
        ("# H\n2. a", '<ol start="2"><li>a</li></ol>'),
        ("> q\n- a", "<blockquote><p>q</p></blockquote><ul><li>a</li></ul>"),
        ("- a\n1. b", "<ul><li>a</li></ul><ol><li>b</li></ol>"),
        ("- a\n---\nb", "<ul><li>a</li></ul><hr><p>b</p>"),
        ("- a\n\n  p\n- b", "<ul><li><p>a</p><p>p</p></li><li><p>b</p></li></ul>"),
    ],
)
def test_a_list_needs_no_empty_line_above(body: str, html: str):
    assert render(body).endswith(html)


@pytest.mark.parametrize(
    "text",
    ["In\n1984. x", "a\n2) b", "a\n-b", "a\n**b** c", "a\n1.5 b", "a | b\n- | -", "$$a\n- b$$ c"],
)
def test_text_that_only_looks_like_a_list_stays_text(text: str):
    assert "<li>" not in render(text)


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("- a\n  - b\n  - c", "<ul><li>a<ul><li>b</li><li>c</li></ul></li></ul>"),
        ("1. a\n   - b\n2. c", "<ol><li>a<ul><li>b</li></ul></li><li>c</li></ol>"),
        ("- a\n    - b\n- c", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"),
        ("1. a\n  - b", "<ol><li>a</li></ol><ul><li>b</li></ul>"),
        (" - a\n  - b\n   - c", "<ul><li>a</li><li>b</li><li>c</li></ul>"),
        (
            "- a\n  - b\n    - c\n  - d",
            "<ul><li>a<ul><li>b<ul><li>c</li></ul></li><li>d</li></ul></li></ul>",
        ),
        (
            "- [x] a\n  - [ ] b",
            '<ul class="tasks"><li class="task"><label><input checked disabled type="checkbox">a'
            '</label><ul class="tasks"><li class="task"><label><input disabled type="checkbox">b'
            "</label></li></ul></li></ul>",
        ),
    ],
)
def test_an_item_below_the_text_of_another_is_inside_it(body: str, html: str):
    assert render(body) == html


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("- a\n\n  p", "<ul><li><p>a</p><p>p</p></li></ul>"),
        ("1. a\n\n   p\n\n2. b", "<ol><li><p>a</p><p>p</p></li><li><p>b</p></li></ol>"),
        ("- a\n\n    p", "<ul><li><p>a</p><p>p</p></li></ul>"),
        ("10. a\n\n   p", '<ol start="10"><li>a</li></ol><p>p</p>'),
        ("- a\n\n      c\n        d", "<ul><li><p>a</p><pre><code>c   d</code></pre></li></ul>"),
        ("- a\n  --\n- b", "<ul><li>a   --</li><li>b</li></ul>"),
        ("- a\n      # no heading", "<ul><li>a       # no heading</li></ul>"),
        ("- a\n  > q\n  > r", "<ul><li>a<blockquote><p>q r</p></blockquote></li></ul>"),
        (
            "- a\n  - b\n    ```\n    x\n    ```\n",
            "<ul><li>a<ul><li>b<pre><code>x</code></pre></li></ul></li></ul>",
        ),
    ],
)
def test_what_is_below_the_text_of_an_item_is_inside_it(body: str, html: str):
    assert render(body) == html


LOOSE = "<ul><li><p>a</p></li><li><p>b</p></li><li><p>c</p></li></ul>"


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("- a\n\n- b\n- c", LOOSE),
        ("- a\n- b\n\n- c", LOOSE),
        ("- a\n- b\n\n\n- c", LOOSE),
        ("> - a\n>\n> - b\n> - c", f"<blockquote>{LOOSE}</blockquote>"),
        ("- a\n  - b\n\n- c", "<ul><li><p>a</p><ul><li>b</li></ul></li><li><p>c</p></li></ul>"),
        ("- a\n\n  - b\n- c", "<ul><li><p>a</p><ul><li>b</li></ul></li><li><p>c</p></li></ul>"),
        ("- a\n  - b\n\n  c", "<ul><li><p>a</p><ul><li>b</li></ul><p>c</p></li></ul>"),
        ("1. a\n\n2. b\n3. c", LOOSE.replace("ul>", "ol>")),
        ("- a\n-\n\n- c", "<ul><li><p>a</p></li><li></li><li><p>c</p></li></ul>"),
    ],
)
def test_an_empty_line_inside_a_list_makes_all_its_items_paragraphs(body: str, html: str):
    assert render(body) == html


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("- a\n  ```\n  x\n  ```\n- b", "<ul><li>a<pre><code>x</code></pre></li><li>b</li></ul>"),
        ("- a\n\n\nb\n\n- c", "<ul><li>a</li></ul><p>b</p><ul><li>c</li></ul>"),
        ("- a\n- b\n\n1. c", "<ul><li>a</li><li>b</li></ul><ol><li>c</li></ol>"),
        ("-     x\n\n      y", "<ul><li><pre><code>x  y</code></pre></li></ul>"),
        ("- a\n  > q\n  >\n  > r", "<ul><li>a<blockquote><p>q</p><p>r</p></blockquote></li></ul>"),
        ("- a\n  # H\n  b\n- c", "b</li><li>c</li></ul>"),
    ],
)
def test_without_one_an_item_has_no_paragraphs(body: str, html: str):
    assert render(body).endswith(html)


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("- a\n-\n- b", "<ul><li>a</li><li></li><li>b</li></ul>"),
        ("*\n*", "<ul><li></li><li></li></ul>"),
        ("3.", '<ol start="3"><li></li></ol>'),
        ("-\n  a", "<ul><li>a</li></ul>"),
        ("- \n  a\n  - b", "<ul><li>a<ul><li>b</li></ul></li></ul>"),
        ("-\n\n  a", "<ul><li></li></ul><p>a</p>"),
        ("a\n*", "<p>a *</p>"),
        ("> -\n> b", "<blockquote><ul><li></li></ul><p>b</p></blockquote>"),
    ],
)
def test_an_item_may_be_empty(body: str, html: str):
    assert render(body) == html


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("- a\n* b\n* c", "<ul><li>a</li></ul><ul><li>b</li><li>c</li></ul>"),
        ("- a\n\n+ b", "<ul><li>a</li></ul><ul><li>b</li></ul>"),
        ("1. a\n2) b", '<ol><li>a</li></ol><ol start="2"><li>b</li></ol>'),
        ("- a\n  - b\n  * c", "<ul><li>a<ul><li>b</li></ul><ul><li>c</li></ul></li></ul>"),
    ],
)
def test_another_marker_begins_another_list(body: str, html: str):
    assert render(body) == html


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("- - a\n  - b\n- c", "<ul><li><ul><li>a</li><li>b</li></ul></li><li>c</li></ul>"),
        ("1. - a\n\n2. b", "<ol><li><ul><li>a</li></ul></li><li><p>b</p></li></ol>"),
        ("- > - a\n  > - b", "<blockquote><ul><li>a</li><li>b</li></ul></blockquote></li></ul>"),
        ("- > a\nb\n- c", "<ul><li><blockquote><p>a b</p></blockquote></li><li>c</li></ul>"),
        ("- # H\nb", "</ul><p>b</p>"),
        ("> # H\nb", "</blockquote><p>b</p>"),
        ("-     x\n- b", "<ul><li><pre><code>x</code></pre></li><li>b</li></ul>"),
    ],
)
def test_an_item_may_begin_with_anything(body: str, html: str):
    assert render(body).endswith(html)


@pytest.mark.parametrize(
    "body",
    [
        "- " * 30 + "a\n",
        "".join("  " * n + "- a\n" for n in range(30)),
        "> " * 15 + "- a",
        "x[^1]\n\n[^1]: - a\n\n      - b",
        "T\n:   - a\n    - b",
        '<p markdown="1">\n- a\n</p>',
        "[a]: /b\n- c",
        "    - a\n\n- b\n\n        - c",
    ],
)
def test_no_mark_of_a_list_is_ever_shown(body: str):
    html = render_markdown(write(body)).html
    assert "item:" not in html
    assert "\x02" not in html


def test_a_heading_may_stand_in_an_item():
    assert render("- a\n  ## H\n- b").count("<ul>") == 1


def test_dollars_in_code_begin_no_formula():
    assert render("- `$$`\n  - b") == "<ul><li><code>$$</code><ul><li>b</li></ul></li></ul>"


def test_a_parenthesis_may_follow_the_number():
    assert render("1) one\n2) two") == "<ol><li>one</li><li>two</li></ol>"


def test_a_table_needs_no_empty_line_above():
    html = render("Text:\n| a | b |\n|---|---|\n| 1 | 2 |\n- c")
    assert html.startswith("<p>Text:</p><div")
    assert html.count("<td>") == 2
    assert html.endswith("</div><ul><li>c</li></ul>")


def test_text_above_a_row_of_dashes_with_other_columns_is_no_table():
    assert "<table" not in render("Text:\na | b | c\n---|---")


def test_lists_in_quotes_and_alerts_are_the_same():
    inner = "<p>Text</p><ul><li>a<ul><li>b</li></ul></li></ul>"
    assert render("> Text\n> - a\n>   - b") == f"<blockquote>{inner}</blockquote>"
    assert inner in render("> [!NOTE]\n> Text\n> - a\n>   - b")


def test_code_in_a_list_in_a_quote_is_in_its_item():
    html = render("> - a\n>   ```\n>   x\n>   ```\n> - b")
    assert html.count("<ul>") == 1


@pytest.mark.parametrize("opening", ["!!! note", "Term\n:   Text", "x[^1]\n\n[^1]: Text"])
def test_notes_definitions_and_footnotes_hold_code_and_lists(opening: str):
    body = f"{opening}\n\n    ```\n    # y\n    ```\n\n    More:\n    - a\n      - b\n\nEnd"
    assert (
        "<pre><code># y</code></pre><p>More:</p><ul><li>a<ul><li>b</li></ul></li></ul>"
        in render(body)
    )


@pytest.mark.parametrize(
    "body",
    [
        "```\na:\n- b\n  - c\n```",
        "<pre>\na:\n- b\n  - c\n</pre>",
        "    a:\n    - b\n      - c\n",
    ],
)
def test_in_code_nothing_moves(body: str):
    assert "a:\n- b\n  - c\n" in render_markdown(write(body)).html


def test_html_whose_text_is_markdown_has_the_same_lists():
    html = render('<div markdown="1">\n\nText:\n- a\n  - b\n\n</div>')
    assert html == "<div><p>Text:</p><ul><li>a<ul><li>b</li></ul></li></ul></div>"


def test_a_backslash_at_the_end_of_a_line_breaks_it():
    assert render("a\\\nb") == "<p>a<br>b</p>"
    assert render("a\\\\\nb") == "<p>a\\ b</p>"
    assert render("`a\\\nb`") == "<p><code>a\\ b</code></p>"


def test_a_hint_names_the_line_of_the_file():
    hints = render_with_hints(write("Text:\n- a\n\n  ![b](/static/none.png)\n1) $\\frac$"))[1]
    assert {hint.line for hint in hints} >= {5}


def test_a_description_ends_where_a_list_begins():
    assert find_paragraph("We need:\n- a\n- b") == "We need:"
    assert find_paragraph("a\\\nb") == "a b"


@pytest.mark.parametrize(
    "piece",
    [
        "- a\n",
        "- a\n1. b\n",
        "- a\n  - b\n    - c\n",
        "- ",
        "* * * x\n",
        ":   - a\n",
        "|-",
        "a\n- b\n",
    ],
)
def test_following_lines_takes_linear_time(piece: str):
    nesting = Nesting()
    began = perf_counter()
    for line in (piece * (200_000 // len(piece))).split("\n"):
        nesting.follow("a|b", line)
        nesting.follow(line)
    assert perf_counter() - began < 3  # it takes 0.1 s


@pytest.mark.parametrize("piece", ["- a\n\n", "- - ", "> > - a\n", "-\n", "- a\n  - b\n\n  c\n"])
def test_lists_are_read_in_linear_time(piece: str):
    began = process_time()
    render(piece * (20_000 // len(piece)))
    assert process_time() - began < 4  # it takes 0.3 s
