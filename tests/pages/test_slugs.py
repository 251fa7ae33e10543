"""Any tag can be written in an address and read back."""

from __future__ import annotations

import string
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.pages.format import read_slug, write_slug


@pytest.mark.parametrize(
    ("tag", "slug"),
    [
        ("presence", "presence"),
        ("server-sent events", "server-sent_events"),
        ("c++", "c++"),
        ("C#", "C~23"),
        ("a/b", "a~2fb"),
        ("snake_case", "snake~5fcase"),
        ("v1.2", "v1.2"),
        ("..", "~2e."),
        ("~", "~7e"),
        ("标签", "标签"),
        ("a\u00a0b", "a~c2~a0b"),
    ],
)
def test_a_slug_stays_readable(tag, slug):
    assert write_slug(tag) == slug
    assert read_slug(slug) == tag


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_every_tag_comes_back_and_is_one_safe_segment(tag):
    slug = write_slug(tag)
    assert read_slug(unquote(quote(slug))) == tag
    assert slug not in (".", "..")
    unsafe = set(string.punctuation + string.whitespace) - set("-_.+~")
    assert not unsafe & set(slug)


@given(st.text())
def test_any_slug_is_read_as_some_tag(slug):
    read_slug(slug)
