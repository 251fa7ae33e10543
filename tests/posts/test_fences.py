"""Fenced code is code wherever an author puts it."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from time import process_time

import pytest

from blog.posts.markup.markdown import render_markdown
from blog.posts.reader import read_post


def write_html(body: str) -> str:
    """Render a body below a title of its own."""
    content = f"---\ntitle: T\n---\n{body}".encode()
    post = read_post(Path("a.md"), PurePosixPath("a.md"), content).post
    assert post is not None
    return render_markdown(post).html


def render(body: str) -> str:
    """Render a body; white space does not count."""
    return " ".join(write_html(body).split())


CODE = '<div class="codehilite"><pre><code>x </code></pre></div>'


@pytest.mark.parametrize(
    "fence",
    [
        "```\nx\n```",
        "~~~\nx\n~~~",
        "```\nx\n`````",
        "   ```\n   x\n   ```",
        "```\nx",
        '```{.text #here style="color: red"}\nx\n```',
    ],
)
def test_every_form_of_a_fence_gives_the_same_code(fence: str):
    assert render(fence) == CODE


def test_code_in_a_list_stays_in_its_item():
    in_list = "- a\n\n  ```\n  x\n  ```\n\n- b\n"
    assert render(in_list) == f"<ul> <li> <p>a</p> {CODE} </li> <li> <p>b</p> </li> </ul>"


@pytest.mark.parametrize("body", ["```\na\n    ```\nx\n```", "- ```\n  a\n      ```\n  x\n  ```"])
def test_a_fence_further_in_is_code(body: str):
    assert "a\n    ```\nx\n</code>" in write_html(body)


def test_code_that_a_list_item_never_closes_ends_with_the_item():
    assert render("- a\n\n    ```\n    x\n\n- b\n").count("<li>") == 2


def test_code_in_a_quote_stays_in_the_quote():
    quoted = "> a\n>\n> ```\n> x\n> ```\n>\n> b\n"
    assert render(quoted) == f"<blockquote> <p>a</p> {CODE} <p>b</p> </blockquote>"


def test_code_in_a_quote_in_a_list_stays_there():
    quoted = "- a\n\n  > ```\n  > x\n  > ```\n  >\n  > b\n\n- c\n"
    assert render(quoted) == (
        f"<ul> <li> <p>a</p> <blockquote> {CODE} <p>b</p> </blockquote> </li>"
        " <li> <p>c</p> </li> </ul>"
    )


def test_code_in_a_quote_in_a_quote_ends_with_it():
    quoted = f"<blockquote> <blockquote> {CODE} </blockquote> <p>b</p> </blockquote>"
    assert render("> > ```\n> > x\n> > ```\n> b\n") == quoted


@pytest.mark.parametrize("around", ["<pre>\n{}</pre>", "<!--\n{}-->", "- <pre>\n  {}</pre>"])
def test_a_fence_in_html_that_is_no_markdown_is_none(around: str):
    assert write_html(around.format("```\n") + "\n\n*b*").endswith("<p><em>b</em></p>")


@pytest.mark.parametrize("indent", ["    ", "- a\n\n      "], ids=["code", "code in a list"])
def test_a_tag_in_indented_code_hides_no_fence(indent: str):
    html = render(f"{indent}<!-- a\n\nb\n\n```\nx\n```\n\nc -->\n")
    assert CODE in html
    assert "&lt;!-- a" in html


def test_a_quote_may_be_nothing_but_code():
    assert render(">```\n>x\n>```") == f"<blockquote> {CODE} </blockquote>"


def test_code_keeps_its_own_indentation_and_its_marks():
    html = write_html("```\n  *a*\n# b\n```\n")
    assert "<code>  *a*\n# b\n</code>" in html


def test_a_fence_in_indented_code_is_code():
    assert "<code>``` x ``` </code>" in render("a\n\n    ```\n    x\n    ```\n")


def test_backticks_within_a_line_are_no_fence():
    assert render("``` a ``` b") == "<p><code>a</code> b</p>"


@pytest.mark.parametrize(
    "said",
    [
        'text hl_lines="1 3-4"',
        'text {hl_lines="1 3-4"}',
        "text {linenos=false, hl_lines=[1,'3-4']}",
        "text {1,3-4}",
        '{.text hl_lines="1 3-4 9-9999"}',
    ],
)
def test_lines_can_be_highlighted_in_the_forms_of_other_publishers(said: str):
    assert (
        '<span class="hll">a </span>b <span class="hll">c </span><span class="hll">d </span>'
        in (render(f"```{said}\na\nb\nc\nd\n```"))
    )


@pytest.mark.parametrize(
    "said", ["text {}", "text {x}", 'text hl_lines="b"', "text {0}", "text {-}"]
)
def test_lines_that_are_none_are_not_highlighted(said: str):
    assert "hll" not in render(f"```{said}\na\n```")


@pytest.mark.parametrize(
    ("said", "shown"),
    [("python", "Python"), ("mjs", "JavaScript"), ("MyOwn", "myown"), ("{.sh #a}", "Bash")],
)
def test_code_says_its_language(said: str, shown: str):
    assert f'<div class="codehilite" data-language="{shown}">' in render(f"```{said}\nx\n```")


def test_module_scripts_are_coloured_as_javascript():
    assert '<span class="k">import</span>' in render("```mjs\nimport a;\n```")


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ('python title="app.py"', "app.py"),
        ("python {title='my app.py' linenos=false}", "my app.py"),
        ("{.python filename=src/app.py}", "src/app.py"),
        ('title="a <b>"', "a &lt;b&gt;"),
    ],
)
def test_a_block_with_a_title_is_a_figure(said: str, title: str):
    html = render(f"```{said}\nx\n```")
    assert html.startswith(f'<figure class="code"><figcaption>{title}</figcaption><div')
    assert "data-line=" not in html
    assert ('data-language="Python"' in html) == ("python" in said)


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ("text linenums=1", ["1", "2"]),
        ('text linenums="9" title="linenos"', [" 9", "10"]),
        ("text {linenos=table, linenostart=9}", [" 9", "10"]),
        ("text,linenos", ["1", "2"]),
        ("text showLineNumbers {2}", ["1", "2"]),
        ('{.text .numberLines startFrom="9"}', [" 9", "10"]),
        ("text {linenos=false, linenostart=9}", []),
        ('text title="linenos.py"', []),
        ("text linenums=99999999", ["1", "2"]),
    ],
)
def test_lines_are_numbered_where_the_fence_says_so(said: str, numbers: list[str]):
    html = write_html(f"```{said}\na\nb\n```")
    assert re.findall(r'<span aria-hidden="true" data-line="([^"]+)"></span>', html) == numbers


def test_a_highlighted_line_has_its_number_inside_and_counts_from_the_first():
    html = write_html('```text linenums="7" hl_lines="2"\na\nb\n```')
    assert '<span class="hll"><span aria-hidden="true" data-line="8"></span>b\n</span>' in html


def test_only_code_that_is_wider_than_a_post_is_a_stop_of_the_tab_key():
    assert "tabindex" not in render(f"```\n{'x' * 64}\n```")
    assert '<pre tabindex="0">' in render(f"```\n{'x' * 65}\n```")
    assert '<pre tabindex="0">' in render("```\n" + "\tx" * 20 + "\n```")


def test_a_line_of_many_spaces_takes_linear_time():
    began = process_time()
    render(" " * 20_000 + "x<")
    assert process_time() - began < 2  # it takes 0.01 s, and took 11
