"""The words of a Markdown text, as a reader sees them."""

from __future__ import annotations

import time

import pytest

from blog.search.plain import MAX_PLAIN_CHARS, read_plain


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        ("## A heading\n\nand *words* in **bold**.", "A heading and words in bold."),
        ("A [link](https://x.example/y) and ![a picture](z.png)", "A link and a picture"),
        ("[text][ref]\n\n[ref]: https://x.example 'Title'", "text"),
        ("```python\nprint(snake_case)\n```", "print(snake_case)"),
        ("- one\n- two\n> quoted", "one two quoted"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a b 1 2"),
        ("<div class=x>in a box</div> &amp; more", "in a box & more"),
        ("a < b and c > d", "a < b and c > d"),
        ("_emphasis_ but snake_case", "emphasis but snake_case"),
        ("a\x02b\x03c", "a b c"),
        ("Of $a_1^2$ and _b_, for $5 or $6.", "Of a₁² and b, for $5 or $6."),
        ("", ""),
    ],
)
def test_marks_are_taken_off(markdown, plain):
    assert read_plain(markdown) == plain


MARKS = ["[", "![", "<a", "{.", "`", "_a ", "*", "> ", "\\", "[a]: ", "&", "$", "$a$ "]


@pytest.mark.parametrize("mark", MARKS)
def test_no_text_takes_long(mark):
    """Quadratic time would be minutes. It is the processor's time, not the clock's."""
    started = time.thread_time()
    read_plain(mark * (MAX_PLAIN_CHARS // len(mark)))
    assert time.thread_time() - started < 3
