"""A file's place and name say its id, and often its date."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest

from blog.posts.names import read_place
from blog.posts.reader import read_post


@pytest.mark.parametrize(
    ("place", "post_id"),
    [
        ("hello.md", "hello"),
        ("a/b/hello.md", "hello"),
        ("hello/index.md", "hello"),
        ("index.md", "index"),
        ("index.md/index.md", "index"),
        ("v0.10.0.md", "v0.10.0"),
        ("cve-2015-8027_cve-2015-6764.md", "cve-2015-8027_cve-2015-6764"),
        ("Crème brûlée.md", "Creme-brulee"),
    ],
)
def test_a_name_without_a_date_is_the_id(place: str, post_id: str):
    named = read_place(PurePosixPath(place))
    assert (named.id, named.date, named.wrong_date) == (post_id, None, "")


@pytest.mark.parametrize(
    "place",
    [
        "2026-11-24-hello.md",
        "2026/11-24-hello.md",
        "posts/2026-11-24-hello.md",
        "2026-11-24-hello/index.md",
        "2026/11-24-hello/index.md",
    ],
)
def test_a_date_before_the_name_is_the_date(place: str):
    named = read_place(PurePosixPath(place))
    assert (named.id, named.date) == ("hello", datetime(2026, 11, 24, tzinfo=UTC))


def test_a_day_that_no_calendar_has_is_a_fault_of_its_own():
    named = read_place(PurePosixPath("2026-02-30-hello.md"))
    assert (named.date, named.wrong_date) == (None, "2026-02-30")


def test_a_heading_that_speaks_of_elixirs_maps_is_no_front_matter():
    content = b"# %{} explained\n\n%{a: 1} is a map.\n"
    post = read_post(Path("a.md"), PurePosixPath("a.md"), content).post
    assert post is not None
    assert post.title == "%{} explained"


def test_a_title_that_is_no_text_is_one_fault():
    content = b"---\ntitle: [a]\n---\n"
    faults = read_post(Path("a.md"), PurePosixPath("a.md"), content).faults
    assert [fault.found for fault in faults] == ["title: found a list of 1"]
