from datetime import UTC, date, datetime

import frontmatter
import pytest

from blog.posts.elixir import ElixirError, read_map, write_map
from blog.posts.frontmatter import ElixirHandler


def read(text):
    return read_map(text)[0]


def fail(text):
    with pytest.raises(ElixirError) as caught:
        read_map(text)
    return caught.value


def test_a_post_of_nimble_publisher_is_read_with_the_line_of_each_key():
    values, lines = read_map(
        '%{\n  title: "Hello",\n  tags: ~w(hello world),\n  description: "Short"\n}\n'
    )
    assert values == {"title": "Hello", "tags": ["hello", "world"], "description": "Short"}
    assert lines == {"title": 2, "tags": 3, "description": 4}


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        (r'"a \"b\" \\ \n \t \s|"', 'a "b" \\ \n \t  |'),
        (r'"\u{1F600} \u00e9 \x41"', "😀 é A"),
        (r'"\#{plain}"', "#{plain}"),
        ('""', ""),
        (":draft", "draft"),
        (':"two words"', "two words"),
        ("true", True),
        ("false", False),
        ("nil", None),
        ("1_000_000", 1_000_000),
        ("-0x1F", -31),
        ("0b101", 5),
        ("0o17", 15),
        ("2.5e3", 2500.0),
        ("[1, [2, nil],]", [1, [2, None]]),
        ("[]", []),
        ("{1, 2}", [1, 2]),
        ("[a: 1, b: 2]", {"a": 1, "b": 2}),
        ("[1, a: 2]", [1, {"a": 2}]),
        ('%{"k" => %{n: 1}, :o => 2}', {"k": {"n": 1}, "o": 2}),
        ('%{"quoted key": 1}', {"quoted key": 1}),
        ("~w[a b]", ["a", "b"]),
        ("~w|a b|a", ["a", "b"]),
        ("~w<a\n b>s", ["a", "b"]),
        ("~w/a b/c", ["a", "b"]),
        ("~W{a\\n b}", ["a\\n", "b"]),
        ('~s(say "hi")', 'say "hi"'),
        (r"~S(a\nb #{c})", r"a\nb #{c}"),
        ("~D[2026-11-24]", date(2026, 11, 24)),
        ("~N[2026-11-24 10:00:00]", datetime(2026, 11, 24, 10)),  # noqa: DTZ001 - naive is meant
        ("~U[2026-11-24 10:00:00Z]", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ('"# no comment"', "# no comment"),
    ],
)
def test_every_literal_gives_its_value(literal, expected):
    assert read(f"%{{value: {literal}, after: 1}}") == {"value": expected, "after": 1}


def test_a_heredoc_loses_the_indentation_of_its_closing_quotes():
    text = '%{\n  text: """\n    one\n      two \\\n    three\n    """,\n  b: 1\n}'
    assert read(text) == {"text": "one\n  two three\n", "b": 1}


def test_comments_may_stand_between_all_parts():
    assert read("# a\n%{ # b\n a: 1, # c }\n # d\n}\n# e\n") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("%{a: 1 b: 2}", 1, "'b'"),
        ('%{\n a: 1,\n b: "x', 3, "a text that never ends"),
        ("%{\n\n a: String.upcase()}", 3, "'String.upcase'"),
        ('%{a: 1,\n b: "#{c}"}', 2, '"#{…}"'),
        ("%{\n a: ~D[2026-13-01]}", 2, "~D[2026-13-01]"),
        ("%{a: ~r/x/}", 1, "the sigil ~r"),
        ('%{"a" 1}', 1, "'1'"),
        ("%{\n a: 1\n", 3, "the end"),
        ("%{} x", 1, "'x'"),
        ("[1]", 1, "'['"),
        (r'%{a: "\u{D800}"}', 1, r"\u without a character's number"),
        ('%{a: """\n x\n', 1, "a heredoc that never ends"),
        ("%{a: " + "9" * 5000 + "}", 1, "'" + "9" * 40 + "'"),
    ],
)
def test_what_is_no_literal_is_named_with_its_line(text, line, found):
    error = fail(text)
    assert (error.line, error.found) == (line, found)


@pytest.mark.parametrize("opening", ["[", "{", "%{a: ", "[a: "])
def test_thirty_thousand_levels_are_refused(opening):
    assert fail("%{a: " + opening * 30_000).expected == "at most 50 levels"


def test_what_is_written_is_read_back():
    values = {
        "title": 'a "b" \\ #{c}\nd',
        "tags": ["x", "y"],
        "n": None,
        "on": True,
        "x": {"y": -1.5},
        "date": date(2026, 11, 24),
        "at": datetime(2026, 11, 24, 10, tzinfo=UTC),
    }
    assert read(write_map(values)) == values


def test_the_handler_serves_python_frontmatter():
    text = '%{title: "Hello"}\n---\n\nBody\n\n---\n\nmore\n'
    post = frontmatter.loads(text, handler=ElixirHandler())
    assert post.metadata == {"title": "Hello"}
    assert post.content == "Body\n\n---\n\nmore"
