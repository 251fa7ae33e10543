"""What is written as a post is read as the same post."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from blog.posts import Post
from blog.posts.reader import read_post
from blog.posts.writing import write_post

KOLKATA = timezone(timedelta(hours=5, minutes=30))


def read_back(fields: dict[str, Any], body: str = "Text.") -> Post:
    content = write_post(fields, body).encode()
    reading = read_post(Path("a.md"), PurePosixPath("a.md"), content)
    assert reading.faults == ()
    assert reading.post is not None
    return reading.post


@pytest.mark.parametrize(
    "title",
    [
        *("Why: because", "- no list", "'quoted' \"twice\"", "# 1", "yes", "2026-11-24", "1.10"),
        *(
            "[x]",
            "{a: b}",
            "*star*",
            "&a",
            "!x",
            "%x",
            "@x",
            "`x`",
            "a, b",
            "x: #",
            "\\n",
            "你好 🎉",
        ),
    ],
)
def test_a_title_is_the_same_whatever_it_looks_like(title: str):
    assert read_back({"title": title}).title == title


@pytest.mark.parametrize("tag", ["c++", "a, b", "no", "1.0", "50 %", "it's", ": x", "#1", "[x"])
def test_a_tag_is_the_same_whatever_it_looks_like(tag: str):
    assert read_back({"title": "T", "tags": [tag, "other"]}).tags == (tag, "other")


@pytest.mark.parametrize(
    ("written", "line"),
    [
        (date(2026, 11, 24), "date: 2026-11-24\n"),
        (datetime(2026, 11, 24, 9, 5, tzinfo=UTC), "date: 2026-11-24 09:05+00:00\n"),
        (datetime(2026, 11, 24, tzinfo=KOLKATA), "date: 2026-11-24 00:00+05:30\n"),
        (datetime(2026, 11, 24, 9, 5, 7, tzinfo=UTC), "date: 2026-11-24 09:05:07+00:00\n"),
        (
            datetime(2026, 11, 24, 9, 5, 0, 150_000, tzinfo=UTC),
            "date: 2026-11-24 09:05:00.150000+00:00\n",
        ),
    ],
)
def test_a_date_is_the_same_and_as_short_as_it_can_be(written: date, line: str):
    assert line in write_post({"title": "T", "date": written}, "")
    expected = written if isinstance(written, datetime) else datetime(2026, 11, 24, tzinfo=UTC)
    assert read_back({"title": "T", "date": written}).date == expected


def test_a_body_that_begins_like_front_matter_stays_the_body():
    body = "---\nnot: a field\n---\n"
    assert read_back({"title": "T"}, body).body == body


def test_no_field_that_comes_from_another_publisher_can_end_the_front_matter():
    post = read_back({"title": "a\n---\ndraft: true\n", "description": "x\n...\ny"})
    assert (post.title, post.draft, post.description) == ("a --- draft: true", False, "x ... y")
