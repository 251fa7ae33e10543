"""What an author's fields change on the pages: aliases, series, files, previews, and more."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from blog.config import Settings
from blog.factory import create_app
from blog.posts import Library
from blog.posts.preview import preview_path, sign_preview
from tests.pages.site import open_site

SITE = "https://blog.example"
SECRET = "0123456789abcdef" * 2
PIXEL = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"


@pytest.fixture
def write(tmp_path):
    """Return what writes a post's file."""

    def write(name, *fields, body="Words."):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        front = "\n".join([f"title: The title of {path.stem}", "date: 2026-11-03", *fields])
        path.write_text(f"---\n{front}\n---\n\n{body}\n")

    return write


@pytest.fixture
def open_blog(tmp_path):
    """Return what opens the site of the written posts."""

    def open_blog(**settings):
        library = Library(tmp_path)
        library.load()
        assert library.index.faults == ()
        return open_site(library=library, **settings)

    return open_blog


def fetch(app, path, status=200):
    with app.test_client().get(path) as answer:
        assert answer.status_code == status, path
        answer.get_data()
        return answer


class TestAlias:
    @pytest.mark.parametrize(
        "path",
        ["/2020/01/old.html", "/blog/older", "/blog/older/", "/tags/gone", "/caf%C3%A9/"],
    )
    def test_leads_to_the_post_for_good(self, write, open_blog, path):
        write("new.md", "aliases: [/2020/01/old.html, /blog/older, /tags/gone, /café]")
        answer = fetch(open_blog(), path, 301)
        assert answer.location == "/blog/new"
        assert answer.data == b""
        assert "Content-Security-Policy" in answer.headers

    def test_never_hides_a_page(self, write, open_blog):
        write("new.md", "aliases: [/about]")
        assert "<h1>About</h1>" in fetch(open_blog(), "/about").text

    def test_of_a_draft_leads_nowhere(self, write, open_blog):
        write("new.md", "aliases: [/old]", "draft: true")
        fetch(open_blog(), "/old", 404)


WORLD = "%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82-%D0%BC%D0%B8%D1%80"


def test_an_address_in_any_script_is_escaped_wherever_it_stands(write, open_blog):
    write("Привет мир.md", "tags: [ночь]", "series: Речь")
    write("другой.md", "series: Речь", body="[x](/blog/Привет-мир)")
    app = open_blog(site_url=SITE)
    url = f"{SITE}/blog/{WORLD}"
    page = fetch(app, f"/blog/{WORLD}").text
    assert f'<link rel="canonical" href="{url}">' in page
    assert f'"url": "{url}"' in page
    assert f'data-hx-sse:connect="/live?page=blog%2F{WORLD}"' in page
    for path in ("/blog", "/archive", "/tags/ночь", "/search?tag=ночь"):
        assert f'href="/blog/{WORLD}"' in fetch(app, path).text, path
    assert f"<loc>{url}</loc>" in fetch(app, "/sitemap.xml").text
    assert url in fetch(app, "/feed.atom").text
    assert url in fetch(app, "/feed.rss").text
    assert url in {item["id"] for item in fetch(app, "/feed.json").json["items"]}
    assert fetch(app, f"/blog/{WORLD}/", 308).location == f"/blog/{WORLD}"


def test_an_address_leads_to_the_post_in_either_form_of_unicode(write, open_blog, tmp_path):
    write("cafe\u0301/index.md", "aliases: [/blög]", "tags: [u\u0308ber]", body="![x](bild-ü.gif)")
    (tmp_path / "cafe\u0301" / "bild-u\u0308.gif").write_bytes(PIXEL)
    app = open_blog()
    assert fetch(app, "/blog/cafe%CC%81", 308).location == "/blog/caf%C3%A9"
    assert fetch(app, "/blo%CC%88g", 301).location == "/blog/caf%C3%A9"
    assert_pictures_are_there(app, "/blog/caf%C3%A9", 1)
    assert "<h1" in fetch(app, "/tags/u%CC%88ber").text
    for path in ("caf%C3%A9/bild-u%CC%88.gif", "cafe%CC%81/bild-%C3%BC.gif"):
        assert fetch(app, f"/blog/{path}").data == PIXEL


def test_what_a_post_and_its_pictures_were_called_in_ascii_leads_to_them(
    write, open_blog, tmp_path
):
    write("Über uns/index.md", body="![x](pixel.gif)")
    (tmp_path / "Über uns" / "pixel.gif").write_bytes(PIXEL)
    app = open_blog()
    assert fetch(app, "/blog/Uber-uns", 301).location == "/blog/%C3%9Cber-uns"
    assert fetch(app, "/blog/Uber-uns/pixel.gif").data == PIXEL


def test_a_series_shows_the_parts_before_and_after(write, open_blog):
    for name in ("a", "b", "c"):
        write(f"{name}.md", "series: Building it")
    app = open_blog()
    text = fetch(app, "/blog/b").text
    assert "Part 2 of 3 in <em>Building it</em>" in text
    assert '<a href="/blog/a">Part 1: The title of a</a>' in text
    assert '<a href="/blog/c">Part 3: The title of c</a>' in text
    assert "Part 0" not in fetch(app, "/blog/a").text
    write("alone.md", "series: Alone")
    assert "Part 1" not in fetch(open_blog(), "/blog/alone").text


def test_a_file_beside_a_post_is_below_its_address(write, open_blog, tmp_path):
    write("one/index.md")
    (tmp_path / "one" / "pixel.gif").write_bytes(PIXEL)
    (tmp_path / "one" / "secret.txt").write_text("secret")
    app = open_blog()
    answer = fetch(app, "/blog/one/pixel.gif")
    assert answer.data == PIXEL
    assert answer.mimetype == "image/gif"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for path in ("/blog/one/none.gif", "/blog/one/../../app.py"):
        fetch(app, path, 404)


def assert_pictures_are_there(app, path, count):
    """Follow every picture of a page, as a browser resolves its address."""
    answer = fetch(app, path)
    sources = re.findall(r'<img [^>]*src="([^"]*)"', answer.text)
    assert len(sources) == count
    for source in sources:
        assert source.startswith("/")
        assert fetch(app, source).data == PIXEL
    return sources


PICTURES = "![a](pixel.gif) ![b](./pixel.gif) ![c](../shared/pixel.gif)"


def test_a_text_s_pictures_are_found_from_its_page_and_from_the_feeds(write, open_blog, tmp_path):
    write("flat.md", body="![a](pixel.gif)")
    write("bundle/index.md", body=PICTURES)
    for folder in (".", "bundle", "shared"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "pixel.gif").write_bytes(PIXEL)
    app = open_blog(site_url=SITE)
    assert_pictures_are_there(app, "/blog/flat", 1)
    assert_pictures_are_there(app, "/blog/bundle", 3)
    feed = fetch(app, "/feed.json").json
    for item in feed["items"]:
        for source in re.findall(r'src="([^"]*)"', item["content_html"]):
            assert fetch(app, source.removeprefix(SITE)).data == PIXEL


def test_the_pictures_of_a_page_are_found_beside_it(tmp_path):
    (tmp_path / "what").mkdir()
    (tmp_path / "what" / "index.md").write_text(f"---\ntitle: What\n---\n{PICTURES}\n")
    (tmp_path / "flat.md").write_text("---\ntitle: Flat\n---\n![a](pixel.gif)\n")
    (tmp_path / "hidden.md").write_text("---\ntitle: Hidden\ndraft: true\n---\n")
    for folder in (".", "what", "shared"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "pixel.gif").write_bytes(PIXEL)
    app = create_app(Settings(posts_dir=tmp_path / "none", pages_dir=tmp_path))
    assert_pictures_are_there(app, "/what", 3)
    assert_pictures_are_there(app, "/flat", 1)
    assert fetch(app, "/what").text.count('width="1"') == 3
    for path in ("none/pixel.gif", "what/none.gif", "hidden/pixel.gif"):
        fetch(app, f"/{path}", 404)


def test_a_file_that_was_taken_away_is_not_found(write, open_blog, tmp_path):
    write("one/index.md")
    (tmp_path / "one" / "pixel.gif").write_bytes(PIXEL)
    app = open_blog()
    (tmp_path / "one" / "pixel.gif").unlink()
    fetch(app, "/blog/one/pixel.gif", 404)


def test_a_post_in_another_language_says_so_where_it_is_shown(write, open_blog):
    write("one.md", "lang: de")
    app = open_blog()
    assert '<article lang="de">' in fetch(app, "/blog/one").text
    assert '<article class="card" lang="de">' in fetch(app, "/blog").text


def test_a_post_that_is_canonical_elsewhere_says_so(write, open_blog):
    write("one.md", "canonical: https://other.example/one")
    link = '<link rel="canonical" href="https://other.example/one">'
    assert link in fetch(open_blog(), "/blog/one").text
    assert link in fetch(open_blog(site_url=SITE), "/blog/one").text


def test_a_post_without_presence_is_not_named_among_what_is_read(write, tmp_path):
    write("one.md", "presence: false")
    write("two.md")
    viblog = create_app(Settings(posts_dir=tmp_path)).extensions["viblog"]
    assert viblog.find_post("blog/one") is None
    assert viblog.find_post("blog/two").address == "/blog/two"


def test_nobody_is_counted_where_the_author_says_so(write, open_blog):
    write("one.md", "presence: false")
    text = fetch(open_blog(), "/blog/one").text
    assert "<h1>The title of one</h1>" in text
    assert "/live" not in text
    assert "readers online" not in text


class TestPreview:
    def link(self, post_id, days=1):
        until = datetime.now(UTC) + timedelta(days=days)
        return preview_path(sign_preview(SECRET, post_id, until))

    @pytest.mark.parametrize("field", ["draft: true", "date: 2999-01-01", "expires: 2026-11-04"])
    def test_shows_what_is_hidden_to_who_has_the_link(self, write, open_blog, tmp_path, field):
        write("one.md")
        path = tmp_path / "one.md"
        name = field.partition(":")[0]
        kept = [line for line in path.read_text().splitlines() if not line.startswith(name)]
        path.write_text("\n".join([kept[0], field, *kept[1:]]))
        app = open_blog(secret_key=SECRET, site_url=SITE)
        fetch(app, "/blog/one", 404)
        answer = fetch(app, self.link("one"))
        assert "<h1>The title of one</h1>" in answer.text
        assert "A preview: this post is not published." in answer.text
        assert '<meta name="robots" content="noindex">' in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        for absent in ("/live", "canonical", "ld+json", "og:url"):
            assert absent not in answer.text

    def test_has_the_files_beside_the_post_and_nobody_else_has(self, write, open_blog, tmp_path):
        write("one/index.md", "draft: true", body=f"{PICTURES} ![d](/blog/one/pixel.gif) [e](two)")
        for folder in ("one", "shared"):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / "pixel.gif").write_bytes(PIXEL)
        app = open_blog(secret_key=SECRET)
        link = self.link("one")
        sources = assert_pictures_are_there(app, link, 4)
        assert all(source.startswith(f"{link}/") for source in sources)
        assert 'href="/blog/two"' in fetch(app, link).text
        answer = fetch(app, sources[0])
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        fetch(app, "/blog/one/pixel.gif", 404)
        fetch(app, f"{link}/none.gif", 404)
        fetch(app, f"{link[:-1]}?/pixel.gif", 404)
        fetch(app, f"{self.link('one', days=-1)}/pixel.gif", 404)

    def test_a_published_post_is_no_way_to_the_files_of_a_hidden_one(
        self, write, open_blog, tmp_path
    ):
        write("one/index.md", "draft: true")
        write("two/index.md")
        write("three/index.md", "draft: true")
        write("three/four.md")
        for folder in ("one", "two", "three"):
            (tmp_path / folder / "pixel.gif").write_bytes(PIXEL)
        app = open_blog(secret_key=SECRET)
        fetch(app, "/blog/two/~up/one/pixel.gif", 404)
        fetch(app, "/blog/two/~up/two/pixel.gif")
        # The folder is not the draft's alone.
        fetch(app, "/blog/four/pixel.gif")
        fetch(app, f"{self.link('one')}/pixel.gif")

    def test_ends(self, write, open_blog):
        write("one.md", "draft: true")
        fetch(open_blog(secret_key=SECRET), self.link("one", days=-1), 404)

    def test_needs_the_right_signature_and_a_post(self, write, open_blog):
        write("one.md", "draft: true")
        app = open_blog(secret_key=SECRET)
        fetch(app, self.link("one")[:-1] + "?", 404)
        fetch(app, "/preview/x", 404)
        fetch(app, self.link("none"), 404)
        fetch(open_blog(), self.link("one"), 404)
