"""Which languages run from right to left, and which texts have to say so."""

from __future__ import annotations

import pytest

from blog.posts.direction import is_right_to_left, needs_direction
from blog.posts.markup.markdown import Style, render_markdown
from tests.pages.site import write_post


@pytest.mark.parametrize(
    "language",
    [
        *(
            "ar",
            "ar-EG",
            "AR",
            "fa",
            "he",
            "iw",
            "ur-PK",
            "ps",
            "sd",
            "ug",
            "yi",
            "dv",
            "ckb",
            "ks",
        ),
        *("az-Arab", "pa-Arab-PK", "pa-PK", "uz-AF", "ff-Adlm", "nqo", "rhg", "syr"),
    ],
)
def test_a_language_runs_from_right_to_left_where_its_script_does(language: str):
    assert is_right_to_left(language)


@pytest.mark.parametrize(
    "language",
    [
        *(
            "",
            "en",
            "de-DE",
            "ru",
            "zh-Hans",
            "ja",
            "hi",
            "ar-Latn",
            "sd-Deva",
            "sd-IN",
            "az",
            "pa",
        ),
        *("ug-KZ", "en-x-arab"),
    ],
)
def test_every_other_language_does_not(language: str):
    assert not is_right_to_left(language)


@pytest.mark.parametrize(
    ("text", "languages", "needs"),
    [
        ("Hello", ("en", ""), False),
        ("Привет, 日本語", ("", "en"), False),
        ("مرحبا بالعالم!", ("", "en"), True),
        ("Python \u05d5-C++", ("", "en"), True),
        ("C++", ("ar", "en"), True),
        ("C++", ("", "ar"), True),
    ],
)
def test_a_text_says_its_direction_where_one_runs_leftwards(
    text: str, languages: tuple[str, ...], needs: bool
):
    assert needs_direction(text, *languages) is needs


@pytest.mark.parametrize(
    ("post", "blog", "count"), [("ar", "en", 4), ("", "he", 4), ("en", "he", 0), ("", "en", 0)]
)
def test_code_in_a_text_that_runs_leftwards_says_that_it_does_not(post: str, blog: str, count: int):
    body = "`x` <kbd>y</kbd>\n\n```python\nz\n```\n\n<pre dir='rtl'>w</pre>\n"
    html = render_markdown(write_post("a", lang=post, body=body), Style(language=blog)).html
    assert html.count(' dir="ltr"') == count
    assert "<pre dir='rtl'>w</pre>" in html
