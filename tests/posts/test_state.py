"""Old addresses and series: what an index derives from all posts together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from blog.posts import Index, Post
from blog.posts.state import build_index

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def write(post_id: str, day: int | None = 1, **fields: Any) -> Post:
    post = Post(
        id=post_id,
        title="T",
        description="",
        date=datetime(2026, 4, day, tzinfo=UTC) if day else None,
        path=Path(f"{post_id}.md"),
        body="",
        field_lines={"aliases": 3},
    )
    return replace(post, **fields)


def index(*posts: Post) -> Index:
    return build_index(posts, (), NOW)


def faults(*posts: Post) -> list[str]:
    return [f"{f.path}:{f.line}: {f.found}" for f in index(*posts).faults]


@pytest.mark.parametrize(
    "asked",
    ["/2019/alté", "/2019/alté/", "/2019/alté/index.html", "/2019/%61lte\u0301/"],
)
def test_an_old_address_is_found_however_it_is_written(asked: str):
    found = index(write("a", aliases=("/2019/alté/",))).find_alias(asked)
    assert found is not None
    assert found.id == "a"


@pytest.mark.parametrize("asked", ["/", "/2019", "/2019/old.html", "/2019/OLD"])
def test_another_address_is_none_of_the_old_ones(asked: str):
    assert index(write("a", aliases=("/2019/old/",))).find_alias(asked) is None


def test_tags_that_differ_by_case_are_one_spelled_as_most_posts_have_it():
    posts = (write("a", tags=("redis", "Python")), write("b", tags=("Redis", "REDIS")))
    more = write("c", tags=("Redis", "Straße")), write("d", 2, tags=("STRASSE", "Python"))
    found = {post.id: post.tags for post in index(*posts, *more).posts}
    assert found == {
        "a": ("Redis", "Python"),
        "b": ("Redis",),
        "c": ("Redis", "STRASSE"),
        "d": ("STRASSE", "Python"),
    }


def test_an_old_address_of_two_posts_is_a_fault_and_the_first_has_it():
    both = write("a", aliases=("/old",)), write("b", aliases=("/old/",))
    assert faults(*both) == ['b.md:3: aliases: found "/old/", which a.md has already']
    found = index(*both).find_alias("/old")
    assert found is both[0]


def test_an_old_address_where_a_post_is_now_is_a_fault():
    """The post that is there is shown, hidden or not: a draft's address is taken, too."""
    assert faults(write("a", aliases=("/blog/b/",)), write("b", draft=True)) == [
        'a.md:3: aliases: found "/blog/b/", which b.md has already'
    ]
    assert index(write("a", aliases=("/blog/b/",)), write("b")).find_alias("/blog/b") is None


def test_a_post_s_own_address_is_no_old_one():
    assert faults(write("a", aliases=("/blog/a",))) == [
        'a.md:3: aliases: found "/blog/a", which is the post\'s own'
    ]


def test_the_id_that_a_post_had_in_ascii_leads_to_it_where_no_other_post_is():
    both = [write(f"Docker{rest}", former_id="Docker") for rest in ("使用", "安装")]
    assert index(*both).find_alias("/blog/Docker") is both[0]
    assert index(*both, write("Docker")).find_alias("/blog/Docker") is None
    claimed = write("other", aliases=("/blog/Docker",))
    assert index(*both, claimed).find_alias("/blog/Docker") is claimed
    assert faults(*both, claimed) == []


def test_a_series_has_its_oldest_part_first():
    parts = [write(name, day, series="S") for name, day in (("c", 3), ("a", 1), ("b", 2))]
    shown = index(*parts, write("other"))
    place = shown.find_series(parts[2])
    assert place is not None
    assert [post.id for post in place.posts] == ["a", "b", "c"]
    assert place.number == 2
    assert (place.previous, place.next) == (parts[1], parts[0])


def test_the_ends_of_a_series_have_nothing_beyond():
    a, b = write("a", 1, series="S"), write("b", 2, series="S")
    first, last = index(a, b).find_series(a), index(a, b).find_series(b)
    assert first is not None
    assert last is not None
    assert (first.previous, first.next) == (None, b)
    assert (last.previous, last.next) == (a, None)


def test_a_hidden_post_and_one_without_a_series_have_no_place_in_one():
    draft, alone = write("draft", draft=True, series="S"), write("alone")
    shown = index(draft, alone, write("a", series="S"))
    assert shown.find_series(draft) is None
    assert shown.find_series(alone) is None
