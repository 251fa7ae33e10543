"""Which languages run from right to left, and which texts have to say so."""

from __future__ import annotations

import pytest

from blog.posts.direction import is_right_to_left, needs_direction


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
