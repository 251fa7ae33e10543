"""What was typed becomes terms, whatever it is, and never FTS5's syntax."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.search.query import MAX_TERMS, read_query


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("presence", '"presence"*'),
        ("live presence", '"live" AND "presence"*'),
        ('"live presence"', '"live presence"'),
        ('two "live presence"', '"two" AND "live presence"'),
        ('"live presence" too', '"live presence" AND "too"*'),
        ("“live presence”", '"live presence"'),
        ('"not closed', '"not closed"'),
        ("server-sent", '"server-sent"*'),
        ("C++", '"C++"*'),
        ("a", '"a"'),
        ("a b", '"a" AND "b"'),
        ("标签", '"标\u200b签\u200b"*'),
        ("NEAR(a b) OR title:x*", '"NEAR(a" AND "b)" AND "OR" AND "title:x*"*'),
        ("' OR 1=1 --", '"OR" AND "1=1"*'),
        ("", ""),
        (' " + - ** ()', ""),
        ("a\0b", '"a b"*'),
    ],
)
def test_terms_are_quoted_and_the_last_is_a_beginning(text, expression):
    assert read_query(text).expression == expression


def test_what_is_too_long_is_cut_and_said_to_be():
    assert not read_query(" ".join("abcdefghijkl")).is_cut
    many = read_query(" ".join("abcdefghijklm"))
    assert (len(many.terms), many.is_cut) == (12, True)
    long = read_query("x" * 61)
    assert ([len(term) for term in long.terms], long.is_cut) == ([60], True)
    assert read_query("word " * 2_000).is_cut


@given(st.text(max_size=400))
def test_no_text_is_an_error_to_fts5(text):
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(title, tags, body)")
        connection.execute("INSERT INTO words VALUES ('a', 'b', 'c')")
        query = read_query(text)
        assert len(query.terms) <= MAX_TERMS
        if query.terms:
            for expression in (query.expression, f"{{title tags}} : ({query.expression})"):
                connection.execute("SELECT 1 FROM words WHERE words MATCH ?", (expression,))
    finally:
        connection.close()


def test_a_term_is_looked_for_once():
    assert read_query("owl owl barn owl").terms == ("barn", "owl")
    assert read_query("owl " * 20).terms == ("owl",)
