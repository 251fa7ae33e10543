"""Where a post links to, and on which lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from blog.posts import Post
from blog.posts.links import find_lines, find_links


def lines(body: str, target: str, count: int = 9) -> list[int]:
    post = Post(
        id="a", title="T", description="", date=None, path=Path("a.md"), body=body, body_line=5
    )
    return list(find_lines(post, target, count))


def test_links_images_and_anchors_are_read_from_html():
    links = find_links(
        '<h2 id="one">1</h2><a name="two" href="/a?b=1&amp;c=2">x</a><a href="/a">y</a>'
        '<img src=" /a.png "><video src="/v.mp4" poster="/p.jpg"></video><a href="/a">z</a>'
        '<code>&lt;a href="/no"&gt;</code><!-- <a href="/no"> --><a href>none</a>'
    )
    assert dict(links.targets) == {"/a?b=1&c=2": 1, "/a": 2, "/a.png": 1, "/v.mp4": 1, "/p.jpg": 1}
    assert links.images == {"/a.png", "/p.jpg"}
    assert links.anchors == {"one", "two"}


@pytest.mark.parametrize("html", ["<![x[", '<a href="/a">x</a><![x[', "<" * 5000, "<a href='"])
def test_broken_html_is_read_as_far_as_it_goes(html: str):
    assert dict(find_links(html).targets) in ({}, {"/a": 1})


def test_an_address_is_found_on_each_of_its_lines_and_not_within_another():
    body = "[x](/blog/a)\n[y](/blog/ab) [z](/x/blog/a)\n[d]: /blog/a\n<a href='/blog/a'>"
    assert lines(body, "/blog/a") == [5, 7, 8]
    assert lines(body, "/blog/a", count=1) == [5]


def test_an_address_that_is_not_in_the_text_is_on_the_first_line():
    assert lines("\ntext", "/blog/a") == [5]
