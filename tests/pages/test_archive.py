"""Finding a post from others: its neighbours, related posts, the archive, the pages of a tag."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from blog.pages import lists
from blog.pages.catalogue import Catalogue, Catalogues
from tests.pages.site import Books, open_site, write_post

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def read(app, path, status=200):
    with app.test_client().get(path) as answer:
        assert answer.status_code == status, path
        return answer.text


def write_dated(post_id, year, month=1, day=1, **fields):
    return write_post(post_id, date=datetime(year, month, day, tzinfo=UTC), **fields)


def lines_of(text):
    """Return the titles of the compact lists, in order."""
    return re.findall(r'<li><a href="/blog/[^"]*">([^<]*)</a>', text)


class TestRelatedPosts:
    def test_are_those_that_share_most_tags_then_the_rarer_then_the_newer(self):
        one = write_post("one", tags=("a", "b", "c"))
        two_shared = write_post("two-shared", tags=("b", "c"))
        rare = write_post("rare", tags=("c",))
        common = [write_post(f"common-{n}", tags=("a",)) for n in (1, 2, 3)]
        other = write_post("other", tags=("x",))
        found = Catalogue(Books(*common, other, one, rare, two_shared).index, NOW).find_related(one)
        assert [post.id for post in found] == ["two-shared", "rare", "common-1"]

    def test_are_at_most_three_and_never_the_post_itself(self):
        posts = [write_post(f"p{n}", tags=("a",)) for n in range(9)]
        found = Catalogue(Books(*posts).index, NOW).find_related(posts[1])
        assert [post.id for post in found] == ["p0", "p2", "p3"]

    def test_are_shown_under_the_post(self):
        posts = [write_post(name, tags=("a",), title=f"On {name}") for name in ("one", "two")]
        text = read(open_site(*posts), "/blog/one")
        assert '<h2 id="related">Related posts</h2>' in text
        assert lines_of(text) == ["On two"]

    def test_are_not_there_where_no_tag_is_shared(self):
        posts = [write_post("one", tags=("a",)), write_post("two", tags=("b",))]
        assert "Related posts" not in read(open_site(*posts), "/blog/one")

    def test_are_chosen_again_when_a_post_changed(self):
        library = Books(write_post("one", tags=("a",)), write_post("two", tags=("b",)))
        app = open_site(library=library)
        assert "Related posts" not in read(app, "/blog/one")
        changed = Books(write_post("one", tags=("a",)), write_post("two", tags=("a",)))
        library.index = changed.index
        assert lines_of(read(app, "/blog/one")) == ["The title of two"]


def test_a_catalogue_is_made_once_for_an_index():
    library = Books(write_post("one"))
    catalogues = Catalogues(library)
    first = catalogues.latest
    assert catalogues.latest is first
    library.index = Books(write_post("one")).index
    assert catalogues.latest is not first


class TestArchive:
    def test_shows_the_years_from_the_newest_and_undated_posts_last(self):
        posts = [
            write_dated("new", 2026, 11, 24, title="New"),
            write_dated("older", 2026, 2, 3, title="Older"),
            write_dated("old", 2019, title="Old"),
            write_post("undated", title="Undated", date=None),
        ]
        text = read(open_site(*posts), "/archive")
        assert lines_of(text) == ["New", "Older", "Old", "Undated"]
        assert re.findall(r'<a href="/archive/(\d+)">', text) == ["2026", "2019"]
        assert re.findall(r'<span class="meta">(\d+ posts?)</span></h2>', text) == [
            "2 posts",
            "1 post",
            "1 post",
        ]
        assert '<time class="meta" datetime="2026-11-24">24 November</time>' in text

    def test_has_a_page_for_each_year(self):
        app = open_site(write_dated("a", 2026), write_dated("b", 2025, title="B"))
        text = read(app, "/archive/2025")
        assert "<h1>Posts of 2025</h1>" in text
        assert lines_of(text) == ["B"]

    @pytest.mark.parametrize("path", ["/archive/2024", "/archive/0", "/archive/x", "/archive/-1"])
    def test_has_no_page_for_a_year_without_posts(self, path):
        read(open_site(write_dated("a", 2026)), path, status=404)

    def test_only_links_the_years_beyond_its_length(self, monkeypatch):
        monkeypatch.setattr(lists, "MAX_ARCHIVE_POSTS", 2)
        posts = [write_dated(f"p{year}", year, title=str(year)) for year in (2026, 2025, 2024)]
        text = read(open_site(*posts), "/archive")
        assert lines_of(text) == ["2026", "2025"]
        assert re.findall(r'<a href="/archive/(\d+)">', text) == ["2026", "2025", "2024"]

    def test_says_so_when_nothing_is_written_yet(self):
        assert "Nothing is written yet" in read(open_site(), "/archive")

    def test_is_linked_from_every_page(self):
        assert '<a href="/archive">Archive</a>' in read(open_site(), "/about")


class TestTagPages:
    def test_show_as_many_posts_as_the_index(self):
        posts = [write_post(f"p{n:02}", title=str(n), tags=("a b",)) for n in range(1, 13)]
        app = open_site(*posts, site_url="https://blog.example")
        first, second = read(app, "/tags/a_b"), read(app, "/tags/a_b?page=2")
        assert first.count('<article class="card">') == 10
        assert first.count('rel="next" href="/tags/a_b?page=2"') == 2
        assert second.count('<article class="card">') == 2
        assert second.count('rel="prev" href="/tags/a_b"') == 2
        assert '<link rel="canonical" href="https://blog.example/tags/a_b?page=2">' in second

    @pytest.mark.parametrize("page", ["0", "3", "x", ""])
    def test_have_no_page_of_that_number(self, page):
        posts = [write_post(f"p{n:02}", tags=("a",)) for n in range(1, 13)]
        read(open_site(*posts), f"/tags/a?page={page}", status=404)
