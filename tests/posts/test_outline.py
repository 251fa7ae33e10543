"""A post's title and description are found in its text when the front matter has none."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from blog.posts.markup.markdown import render_markdown
from blog.posts.markup.outline import find_heading, find_paragraph, shorten, strip_marks
from blog.posts.model import Post
from blog.posts.reader import read_post


@pytest.mark.parametrize(
    ("body", "heading"),
    [
        ("# A", "A"),
        ("text\n\n## A ##\n", "A"),
        ("A\n===", "A"),
        ("A\nb\n---", "A b"),
        ("```\n# no\n```\n\n# A", "A"),
        ("~~~~\n~~~\n# no\n~~~~\n# A", "A"),
        ("# [A](b) & `c_d_` *e* {#id}", "A & c_d_ e"),
        ("    # code\n", ""),
        ("#hashtag\n\n#1 is best", ""),
        ("# C#", "C#"),
        ("# A\\#", "A#"),
        ("text\n\n---\n", ""),
        ("<!--\n# no\n\n# no\n-->\n# A", "A"),
        ("<!-- no -->\n# A", "A"),
        ("text\n<!--\n# no\n-->\n# A", "A"),
        ("<div>\n# no\n</div>\n# A", "A"),
        ("<div>\n# no\n\n# A\n</div>", "A"),
        ("<pre>\n# no\n\n# no\n</pre>\n# A", "A"),
        ('<div markdown="1">\n# no\n\n# no\n</div>\n# A', "A"),
        ("<div>\n\n# A", "A"),
        ("<b>a</b>\n# A", "A"),
    ],
)
def test_the_first_heading_outside_code_is_found(body: str, heading: str):
    assert find_heading(body) == heading


@pytest.mark.parametrize(
    ("body", "paragraph"),
    [
        ("# A\n\nOne\ntwo.\n\nThree.", "One two."),
        ("- a\n- b\n\nOne.", "One."),
        ("> quote\nlazy\n\nOne.", "One."),
        ("<div>\nno\n</div>\n\nOne.", "One."),
        ("<em>One</em>.", "One."),
        ("![](a.png)\n\nOne.", "One."),
        ("$$\nx\n$$\n\nOne.", "One."),
        ("a | b\n- | -\n", "a | b - | -"),
        ("", ""),
    ],
)
def test_the_first_paragraph_of_text_is_found(body: str, paragraph: str):
    assert find_paragraph(body) == paragraph


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("![a](b.png) c", "a c"),
        ("a[^1] b", "a b"),
        ("[a](b) [c][d]", "a c"),
        ("<https://a.example/>", "https://a.example/"),
        ("a <b>c</b>", "a c"),
        ("a {#b}", "a"),
        ("*a* **b** ***c***", "a b c"),
        ("~~a~~ ~~*b*~~", "a b"),
        ("_a_ __b__ c_d_e", "a b c_d_e"),
        (r"\*a\*", "*a*"),
        ("a\x07b", "ab"),
        ("&amp; &eacute;", "& é"),
    ],
)
def test_every_kind_of_mark_is_taken_off(marked: str, plain: str):
    assert strip_marks(marked) == plain


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("That $a^2+b^2=c^2$ **is** old.", "That a²+b² = c² is old."),
        (r"$\frac{a+b}{2} \le \sqrt{x_1}$", "(a+b)/2 ≤ √x₁"),
        (r"$`e^{i\pi}+1`$ and `$x$`", "e^(iπ)+1 and $x$"),
        (r"$$\sum_{i=0}^n y_j^{a+b}$$", "∑ᵢ₌₀ⁿ yⱼ^(a+b)"),
        (r"$\begin{pmatrix}1&2\\3&4\end{pmatrix}$", "(1, 2; 3, 4)"),
        ("*It* is $y*z$, and _n_ $k_1$ of*", "It is y∗z, and n k₁ of*"),
        ("$5 to see, or $6", "$5 to see, or $6"),
        (r"$HOME/$PATH, ${A}${B}, \$1", "$HOME/$PATH, ${A}${B}, $1"),
        (r"$\foo$", r"\foo"),
    ],
)
def test_a_formula_is_a_line_of_text(written: str, plain: str):
    assert strip_marks(written) == plain


def test_a_comment_or_what_is_in_html_is_no_first_paragraph():
    assert find_paragraph("<!-- a\n\nb -->\nText.") == "Text."
    assert find_paragraph("Text\n<!--\n# a\n-->\nand more.") == "Text and more."
    assert find_paragraph("<div>\na\n</div>\n\nText.") == "Text."
    assert find_paragraph("<pre>\n\na\n\n</pre>\n\nText.") == "Text."
    assert find_paragraph("<div>\n\nText.\n\n</div>") == "Text."


@pytest.mark.parametrize(("begin", "end"), [("<!--", "-->"), ("<div>", "</div>")])
def test_a_heading_in_html_is_neither_the_title_nor_taken_for_it(begin: str, end: str):
    content = f"{begin}\n# For me\n{end}\n\n# For all\n\ntext\n\n## More\n".encode()
    post = read_post(Path("a.md"), PurePosixPath("a.md"), content).post
    assert isinstance(post, Post)
    assert post.title == "For all"
    assert [heading.text for heading in render_markdown(post).headings] == ["More"]


def test_a_long_text_is_cut_at_a_word():
    assert shorten("one two, three", 10) == "one two…"
    assert shorten("one two", 7) == "one two"


@pytest.mark.parametrize(
    "mark", ["_a ", "**a ", "![", "[a](", "` `` ", "<a ", "{.a ", "&amp;", "<p\n\n", "<!--\n\n"]
)
def test_hostile_text_takes_no_time(mark: str):
    # Quadratic on a whole megabyte this would take hours, and end the run by its timeout.
    text = mark * 200_000
    assert len(strip_marks(text)) <= 1000
    assert len(find_paragraph(text)) <= 200
    assert len(find_heading("# " + text)) <= 1000


@pytest.mark.parametrize(
    "heading", ["~~A~~ b", "![logo](a.png) A", "A[^1]", "A <b>b</b> &amp; `c`", "A {#id}"]
)
def test_a_heading_that_gave_the_title_is_not_shown_again(heading: str):
    content = f"# {heading}\n\ntext\n".encode()
    post = read_post(Path("a.md"), PurePosixPath("a.md"), content).post
    assert isinstance(post, Post)
    assert render_markdown(post).headings == ()
