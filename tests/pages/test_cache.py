"""The page cache answers exactly as Flask would, only sooner."""

from __future__ import annotations

import gzip
import itertools
import re
import tracemalloc
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug.http import generate_etag
from werkzeug.test import EnvironBuilder, run_wsgi_app

from blog.config import Settings
from blog.factory import create_app
from blog.pages.cache import page_cache
from blog.pages.cache.fast_send import deflate
from blog.pages.cache.page_cache import PageCache
from blog.posts.preview import sign_preview
from flask_presence.web.readers import TOPIC

NOON = datetime(2100, 5, 1, 12, tzinfo=UTC)
BROWSER = "gzip, deflate, br, zstd"


class Blog:
    """A whole blog over its own folders, with a cache that tells what it did."""

    def __init__(self, folder, monkeypatch, **settings):
        self.posts, self.own_pages = folder / "posts", folder / "pages"
        self.posts.mkdir()
        self.own_pages.mkdir()
        self.now = NOON
        for number in range(1, 13):
            self.write(f"p{number}", date=f"2025-04-{number:02}", tags="[a b, c/d, é]")
        self.write("uncounted", date="2024-01-01", presence="false")
        self.write("later", date="2100-05-01T12:01:00Z", expires="2100-05-01T12:02:00Z")
        (self.own_pages / "about.md").write_text("---\ntitle: About\nmenu: 1\n---\nThis.\n")
        caches: list[PageCache] = []

        def note(*arguments, **keywords):
            caches.append(PageCache(self._count_flask(arguments[0]), *arguments[1:], **keywords))
            return caches[-1]

        monkeypatch.setattr("blog.factory.PageCache", note)
        self.made = 0
        self.app = create_app(
            Settings(
                posts_dir=self.posts,
                pages_dir=self.own_pages,
                instance_dir=folder,
                site_url="https://blog.example",
                secret_key="s" * 32,
                **settings,
            )
        )
        self.viblog = self.app.extensions["viblog"]
        self.viblog.library.clock = lambda: self.now
        self.viblog.is_started = True  # as far as the pages can tell
        self.caches = caches

    @property
    def cache(self):
        return self.caches[0]

    def write(self, name, text="Text.", **fields):
        front = "".join(f"{key}: {value}\n" for key, value in {"title": name, **fields}.items())
        (self.posts / f"{name}.md").write_text(f"---\n{front}---\n{text}\n")

    def read_folder(self):
        self.viblog.library.load()
        self.viblog.pages.load()

    def open_tab(self, page):
        self.viblog.presence.tracker.track(object(), TOPIC, uuid4().hex, {"page": page})

    def ask(self, path, method="GET", base_url="http://localhost", **headers):
        return self._ask(self.app.wsgi_app, path, method, base_url, headers)

    def ask_flask(self, path, method="GET", base_url="http://localhost", **headers):
        """Ask without the cache."""
        return self._ask(Flask.wsgi_app.__get__(self.app), path, method, base_url, headers)

    def is_hit(self, path):
        made = self.made
        self.ask(path)
        return self.made == made

    def warm_up(self, *paths):
        for path in (*paths, *paths):
            self.ask(path)
        assert all(self.is_hit(path) for path in paths)

    def find_addresses(self):
        """Return every address that a page links, from the index on, and some that none does."""
        seen, ahead = set(), ["/", "/blog/none", "/feed.atom", "/sitemap.xml", "/robots.txt"]
        while ahead:
            path = ahead.pop()
            seen.add(path)
            answer = self.ask_flask(path)
            if answer.headers["Content-Type"].startswith("text/html"):
                found = re.findall(r'(?:href|src|connect)="(/[^"#]*)', answer.body.decode())
                ahead += {link.replace("&amp;", "&") for link in found} - seen - set(ahead)
        return sorted(address for address in seen if not address.startswith("/live"))

    def _count_flask(self, pages):
        def count(environ, start_response):
            self.made += 1
            return pages(environ, start_response)

        return count

    @staticmethod
    def _ask(wsgi_app, path, method, base_url, headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        builder = EnvironBuilder(path, base_url, method=method, headers=named)
        parts, status, headers = run_wsgi_app(wsgi_app, builder.get_environ())
        body = b"".join(parts)
        if hasattr(parts, "close"):
            parts.close()
        return SimpleNamespace(status=status, headers=headers, body=body)


@pytest.fixture
def blog(tmp_path, monkeypatch):
    return Blog(tmp_path, monkeypatch)


def without_date(answer):
    return [(name, value) for name, value in answer.headers if name != "Date"]


def assert_same(blog, path, **asked):
    """Assert that three answers are those of Flask: at least the last one is of the cache."""
    expected = blog.ask_flask(path, **asked)
    for _ in range(3):
        got = blog.ask(path, **asked)
        # A file's answer has its moment, to the second.
        assert (got.status, without_date(got), got.body) == (
            expected.status,
            without_date(expected),
            expected.body,
        ), (path, asked)


def test_every_page_of_the_site_is_answered_byte_for_byte_as_without_a_cache(blog):
    """In every state of the numbers, over http and https, to GET and HEAD, and to a 304."""
    addresses = blog.find_addresses()
    for wanted in ("/blog?page=2", "/tags/c~2fd?page=2", "/archive/2024", "/about", "/search"):
        assert wanted in addresses
    health = blog.viblog.presence.tracker.sync.health
    for change in (
        lambda: None,
        lambda: [blog.open_tab(page) for page in ("index", "blog/p3", "blog/p3")],
        lambda: health.note_failure("reader", 0.0),
        lambda: health.must_forget(100.0),
        lambda: health.note_success("reader"),
    ):
        change()
        for path in addresses:
            assert_same(blog, path)
    for path in addresses:
        assert_same(blog, path, method="HEAD")
        assert_same(blog, path, base_url="https://blog.example")
        etag = blog.ask(path).headers.get("ETag")
        if etag:
            for tags in (etag, f"W/{etag}", f'"x", {etag}', "*", '"x"'):
                assert_same(blog, path, If_None_Match=tags)
    # Every page that can be cached was: two schemes each.
    pages = [path for path in addresses if blog.is_hit(path)]
    assert {"/", "/blog", "/blog?page=2", "/blog/p1", "/about", "/tags", "/archive"} <= {*pages}
    assert {"/feed.atom", "/tags/c~2fd/feed.atom", "/sitemap.xml"} <= {*pages}
    assert len(blog.cache) == 2 * len(pages)


def test_compressed_it_is_the_same_page(blog):
    for page in ("index", "blog/p1", "index"):
        blog.open_tab(page)
        for path in ("/", "/blog/p1", "/archive", "/blog/uncounted"):
            plain = blog.ask_flask(path)
            for _ in range(3):
                got = blog.ask(path, Accept_Encoding=BROWSER)
                assert gzip.decompress(got.body) == plain.body
                assert got.headers["Content-Encoding"] == "gzip"
                assert got.headers["Content-Length"] == str(len(got.body))
                assert got.headers["Vary"] == "Accept-Encoding"
                assert got.headers["ETag"] == plain.headers["ETag"][:-1] + '-gzip"'
                assert len(got.body) < len(plain.body) * 0.6  # gzip begins anew at each card
            assert blog.ask(path, "HEAD", Accept_Encoding=BROWSER).headers == got.headers


@pytest.mark.parametrize("path", ["/", "/search?q=text", "/feed.atom"])
def test_a_page_is_filled_in_and_tagged_by_the_cache_only(blog, monkeypatch, path):
    calls = []

    def generate(body):
        calls.append(1)
        return generate_etag(body)

    monkeypatch.setattr(page_cache, "generate_etag", generate)
    monkeypatch.setattr("flask.Response.add_etag", None)
    assert blog.ask(path).headers["ETag"]
    assert calls == [1]


@pytest.mark.parametrize("path", ["/search?q=text", "/?utm_source=x", "/tags/~63~2fd"])
def test_a_page_that_is_not_cached_is_compressed_and_tagged_as_well(blog, path):
    plain = blog.ask_flask(path)
    for _ in range(2):
        got = blog.ask(path, Accept_Encoding=BROWSER)
        assert gzip.decompress(got.body) == plain.body
        etag = plain.headers["ETag"][:-1] + '-gzip"'
        assert got.headers["ETag"] == etag
        again = blog.ask(path, Accept_Encoding=BROWSER, If_None_Match=etag)
        assert (again.status, again.body) == ("304 NOT MODIFIED", b"")
    assert_same(blog, path)
    assert_same(blog, path, method="HEAD")


@pytest.mark.parametrize("path", ["/feed.atom", "/tags/c~2fd/feed.json", "/sitemap.xml"])
class TestFeeds:
    def test_are_cached_compressed_and_known_by_tag_or_date(self, blog, path):
        blog.warm_up(path)
        plain = blog.ask_flask(path)
        got = blog.ask(path, Accept_Encoding=BROWSER)
        assert gzip.decompress(got.body) == plain.body
        assert got.headers["Vary"] == "Accept-Encoding"
        seen = got.headers["Last-Modified"]
        assert blog.ask(path, If_Modified_Since=seen).status == "304 NOT MODIFIED"
        assert_same(blog, path, If_Modified_Since=seen)
        assert_same(blog, path, If_Modified_Since="Tue, 24 Nov 2015 00:00:00 GMT")
        # A tag that is not known goes before a date.
        assert blog.ask(path, If_Modified_Since=seen, If_None_Match='"x"').status == "200 OK"

    def test_are_the_same_with_any_query(self, blog, path):
        blog.warm_up(path)
        assert blog.is_hit(f"{path}?utm_source=x")
        assert len(blog.cache) == 1

    def test_show_a_post_that_changed(self, blog, path):
        blog.warm_up(path)
        blog.write("new", date="2026-04-30", tags="[c/d]")
        blog.read_folder()
        assert b"/blog/new" in blog.ask(path).body


def test_a_tag_is_known_in_every_coding_that_the_request_takes(blog):
    blog.warm_up("/blog/p1")
    etag = blog.ask("/blog/p1").headers["ETag"].strip('"')
    for coding in ("", "-gzip"):
        known = f'"{etag}{coding}"'
        again = blog.ask("/blog/p1", Accept_Encoding=BROWSER, If_None_Match=known)
        assert (again.status, again.headers["ETag"]) == ("304 NOT MODIFIED", known)
        assert "Content-Encoding" not in again.headers
    again = blog.ask("/blog/p1", Accept_Encoding="br", If_None_Match=f'"{etag}-gzip"')
    assert again.status == "200 OK"


class TestNothingIsStale:
    """Not even for one answer. Each change is a real one, and seen by the next request."""

    @pytest.fixture(autouse=True)
    def _warm(self, blog):
        blog.warm_up("/", "/blog/p1", "/blog/p2", "/about", "/archive", "/tags")
        self.before = {path: blog.ask(path).headers["ETag"] for path in ("/", "/blog/p1")}

    def test_a_changed_post(self, blog):
        blog.write("p1", text="Other words.", date="2025-04-01")
        blog.read_folder()
        assert b"Other words." in blog.ask("/blog/p1").body
        assert blog.ask("/blog/p1", If_None_Match=self.before["/blog/p1"]).status == "200 OK"

    def test_a_new_post_and_one_that_was_taken_away(self, blog):
        blog.write("new", date="2026-04-30")
        (blog.posts / "p1.md").unlink()
        blog.read_folder()
        assert b'href="/blog/new"' in blog.ask("/").body
        assert blog.ask("/blog/p1").status == "404 NOT FOUND"
        assert b'href="/blog/p1"' not in blog.ask("/archive").body

    def test_a_neighbour_with_another_title(self, blog):
        blog.write("p2", title="Renamed", date="2025-04-02")
        blog.read_folder()
        assert b"Renamed" in blog.ask("/blog/p1").body

    def test_the_moment_of_a_scheduled_post_and_its_end(self, blog):
        library = blog.viblog.library
        for seconds, is_shown in ((59, False), (60, True), (119, True), (120, False)):
            blog.now = NOON + timedelta(seconds=seconds)
            library.turn()
            assert (b'href="/blog/later"' in blog.ask("/").body) == is_shown
            assert (blog.ask("/blog/later").status == "200 OK") == is_shown

    def test_a_page_and_the_menu_of_all_others(self, blog):
        blog.warm_up("/about", "/blog/p1")
        (blog.own_pages / "about.md").write_text("---\ntitle: Me\nmenu: 1\n---\nThat.\n")
        blog.read_folder()
        assert b"That." in blog.ask("/about").body
        assert b'<a href="/about">Me</a>' in blog.ask("/blog/p1").body

    def test_who_comes_and_who_goes(self, blog):
        owner = object()
        blog.viblog.presence.tracker.track(owner, TOPIC, "ada", {"page": "blog/p1"})
        assert b">1 reading now<" in blog.ask("/blog/p1").body
        assert b">1 reader online<" in blog.ask("/").body
        blog.viblog.presence.tracker.untrack(owner)
        assert b">just you reading<" in blog.ask("/blog/p1").body
        assert blog.ask("/").headers["ETag"] == self.before["/"]

    def test_numbers_that_are_no_longer_live(self, blog):
        health = blog.viblog.presence.tracker.sync.health
        health.note_failure("reader", 0.0)
        assert b"as last known" in blog.ask("/blog/p1").body
        health.must_forget(100.0)
        assert b"a part only" in blog.ask("/blog/p1").body
        health.note_success("reader")
        assert b"not live" not in blog.ask("/blog/p1").body

    def test_a_static_file(self, blog, tmp_path):
        assets = blog.app.extensions["assets"]
        sheet = tmp_path / "style.css"
        sheet.write_text("a{}")
        assets._folders = (tmp_path,)
        assets._now = itertools.count().__next__  # a second passes at each look
        assets._check_after = 0.0
        assets._known.clear()
        blog.cache._drop_all()
        blog.warm_up("/")
        before = blog.ask("/").body
        sheet.write_text("a{color:red}")
        after = blog.ask("/").body
        assert b"style.css?v=" in after
        assert after != before
        sheet.unlink()
        assert b"style.css?v=" not in blog.ask("/").body
        sheet.write_text("a{}")
        assert blog.ask("/").body == before

    def test_a_post_that_changes_while_its_page_is_made(self, blog, monkeypatch):
        """And somebody else asks for another page meanwhile, so that the cache knows of it."""

        def render_and_change(post):
            rendered = render(post)
            blog.write("p1", text="New.", date="2025-04-01")
            library.load()
            blog.ask("/about")
            return rendered

        library, render = blog.viblog.library, blog.viblog.library.render
        blog.cache._drop_all()
        monkeypatch.setattr(library, "render", render_and_change)
        assert b"<p>Text.</p>" in blog.ask("/blog/p1").body
        monkeypatch.setattr(library, "render", render)
        assert b"New." in blog.ask("/blog/p1").body

    def test_a_post_that_changes_and_changes_back_while_its_page_is_made(self, blog, monkeypatch):
        before = (blog.posts / "p1.md").read_text()

        def change_render_and_change_back(post):
            blog.write("p1", text="In between.", date="2025-04-01")
            library.load()
            rendered = render(library.index.by_id["p1"])
            (blog.posts / "p1.md").write_text(before)
            library.load()
            return rendered

        library, render = blog.viblog.library, blog.viblog.library.render
        blog.cache._drop_all()
        monkeypatch.setattr(library, "render", change_render_and_change_back)
        assert b"In between." in blog.ask("/blog/p1").body
        monkeypatch.setattr(library, "render", render)
        assert b"<p>Text.</p>" in blog.ask("/blog/p1").body


def test_a_setting_is_another_page(tmp_path, monkeypatch):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = Blog(tmp_path / "one", monkeypatch)
    two = Blog(tmp_path / "two", monkeypatch, description="Another one.")
    etag = one.ask("/blog/p1").headers["ETag"]
    assert two.ask("/blog/p1", If_None_Match=etag).status == "200 OK"


@pytest.mark.parametrize(
    "path",
    [
        "/?page=1",
        "/?utm_source=x",
        "/?page=2&x",
        "/blog/p1?page=2",
        "/archive/02025",
        "/tags/~63~2fd",
        "/search?q=text",
        "/blog/",
        "/blog/none",
        "/tags/~63~2fd/feed.atom",
        "/robots.txt",
        "/static/style.css",
    ],
)
def test_nothing_else_is_cached(blog, path):
    """Else a reader could fill the cache with one page at a million addresses."""
    blog.warm_up("/", "/blog/p1")
    before = len(blog.cache)
    for _ in range(3):
        blog.ask(path)
    assert len(blog.cache) == before


def test_a_preview_is_never_cached(blog):
    token = sign_preview("s" * 32, "later", datetime.now(UTC) + timedelta(hours=1))
    for _ in range(3):
        assert blog.ask(f"/preview/{token}").status == "200 OK"
    assert len(blog.cache) == 0


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "DELETE"])
def test_other_methods_are_left_to_flask(blog, method):
    blog.warm_up("/")
    assert_same(blog, "/", method=method)


def test_what_is_rare_is_left_to_flask(blog):
    blog.warm_up("/")
    assert_same(blog, "/", If_Match='"x"')
    assert_same(blog, "/", Range="bytes=0-9")
    assert b'href="/below/blog"' in blog.ask("/", base_url="http://localhost/below").body


def test_a_host_that_is_not_trusted_gets_nothing_of_it(tmp_path, monkeypatch):
    blog = Blog(tmp_path, monkeypatch, trusted_hosts=("blog.example",))
    for path in ("/", "/blog/p1", "/live?page=index"):
        for _ in range(3):
            assert blog.ask(path, base_url="http://evil.example").status == "400 BAD REQUEST"
            if not path.startswith("/live"):
                good = blog.ask(path, base_url="http://blog.example")
                assert good.status == "200 OK"
    assert len(blog.cache) == 2


def test_without_memory_there_is_no_cache(tmp_path, monkeypatch):
    blog = Blog(tmp_path, monkeypatch, page_cache_megabytes=0)
    assert blog.caches == []
    assert blog.ask("/", Accept_Encoding="gzip").status == "200 OK"


class TestMemory:
    def test_has_a_bound_and_the_page_unused_for_longest_goes_first(self, blog):
        blog.warm_up("/blog/p1", "/blog/p2", "/blog/p3")
        held = blog.cache.held_bytes
        blog.cache._max_bytes = held
        blog.ask("/blog/p1")
        blog.ask("/blog/p4")
        assert blog.cache.held_bytes <= held
        assert not blog.is_hit("/blog/p2")
        assert blog.is_hit("/blog/p1")

    def test_one_page_takes_an_eighth_at_most(self, blog):
        blog.write("long", text="word " * 10_000)
        blog.read_folder()
        blog.cache._max_bytes = 8 * 50_000
        blog.warm_up("/blog/p1")
        assert not blog.is_hit("/blog/long")
        assert not blog.is_hit("/blog/long")
        assert blog.ask("/blog/long", Accept_Encoding="gzip").headers["Content-Encoding"] == "gzip"

    def test_is_what_is_counted(self, blog):
        """Within a tenth, with every coding of every page made."""
        for number in range(100):
            blog.write(f"more-{number}", text=f"word{number} " * 400, date="2023-01-01")
        blog.read_folder()
        paths = [f"/blog/more-{number}" for number in range(100)]
        for path in paths:
            blog.ask_flask(path)  # the posts are rendered, all else is made that others hold
        blog.ask(paths[0])
        blog.cache._drop_all()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for path in paths:
                for coding in ("", "gzip"):
                    blog.ask(path, Accept_Encoding=coding)
            taken = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        assert len(blog.cache) == 100
        assert taken == pytest.approx(blog.cache.held_bytes, rel=0.1)

    def test_of_what_changed_is_free_again(self, blog):
        blog.warm_up("/", "/blog/p1")
        blog.write("p1", text="Other.")
        blog.read_folder()
        blog.ask("/blog/none")
        assert (len(blog.cache), blog.cache.held_bytes) == (0, 0)


class TestAStormOfNumbers:
    """The numbers are others at each request, of every page."""

    def test_is_answered_with_the_newest_in_gzip(self, blog):
        blog.warm_up("/blog/p1")
        for count in range(1, 4):
            blog.open_tab("blog/p1")
            got = blog.ask("/blog/p1", Accept_Encoding=BROWSER)
            assert got.headers["Content-Encoding"] == "gzip"
            assert f">{count} reading now<".encode() in gzip.decompress(got.body)

    def test_compresses_the_fixed_pieces_once(self, blog, monkeypatch):
        blog.warm_up("/blog/p1")
        calls = []

        def deflate_and_count(pieces):
            calls.append(1)
            return deflate(pieces)

        monkeypatch.setattr(page_cache, "deflate", deflate_and_count)
        for _ in range(5):
            blog.open_tab("index")
            blog.ask("/blog/p1", Accept_Encoding="gzip")
        assert calls == [1]
        assert blog.is_hit("/blog/p1")
