"""The feeds, as a feed reader reads them: Atom and RSS by feedparser, JSON Feed by hand."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import feedparser
import gevent
import pytest

from blog.pages.absolute import make_absolute
from tests.pages.site import Books, open_site, write_post

SITE = "https://blog.example"
XML_FEEDS = ["/feed.atom", "/feed.rss"]
FEEDS = [*XML_FEEDS, "/feed.json"]
BODY = """<h2 id="part">Part<a class="permalink" href="#part" aria-label="Link">#</a></h2>
<p>A &amp; B: <a href="/about">about</a>, <a href="#part">above</a>,
<img src="/blog/one/a.png" alt="" srcset="/s.png 1x, l.png 2x"></p>"""


def fetch(app, path, status=200, **headers):
    with app.test_client().get(path, headers=headers) as answer:
        assert answer.status_code == status, path
        answer.get_data()
        return answer


def parse(app, path):
    """Read a feed as a reader does, and insist that it is well formed."""
    found = feedparser.parse(fetch(app, path).data, sanitize_html=False)
    assert not found.bozo, found.get("bozo_exception")
    return found


def parse_json(app, path="/feed.json"):
    return json.loads(fetch(app, path).data)


def write_dated(post_id, day, **fields):
    return write_post(post_id, date=datetime(2026, 11, day, tzinfo=UTC), **fields)


@pytest.mark.parametrize(
    ("path", "version", "mimetype"),
    [
        ("/feed.atom", "atom10", "application/atom+xml"),
        ("/feed.rss", "rss20", "application/rss+xml"),
    ],
)
def test_a_feed_has_everything_a_reader_shows(path, version, mimetype):
    post = write_dated(
        "one",
        3,
        title="Tea & <b>",
        updated=datetime(2026, 11, 9, 12, tzinfo=UTC),
        authors=("Ada", "Grace"),
        tags=("x", "a/b"),
        body=BODY,
    )
    app = open_site(post, title="Night & sky", site_url=SITE)
    assert fetch(app, path).mimetype == mimetype
    found = parse(app, path)
    assert found.version == version
    assert found.feed.title == "Night & sky"
    assert found.feed.link == f"{SITE}/blog"
    assert found.feed.language == "en"
    assert {"rel": "self", "href": SITE + path}.items() <= found.feed.links[1].items()
    (entry,) = found.entries
    assert entry.title == "Tea & <b>"
    assert entry.link == entry.id == f"{SITE}/blog/one"
    assert entry.summary == "What one is about."
    assert entry.published_parsed[:6] == (2026, 11, 3, 0, 0, 0)
    assert [tag.term for tag in entry.tags] == ["x", "a/b"]
    assert [author.name for author in entry.authors] == ["Ada", "Grace"]
    assert "<p>A &amp; B: " in entry.content[0].value
    if version == "atom10":
        assert entry.updated_parsed[:6] == (2026, 11, 9, 12, 0, 0)
        assert found.feed.updated_parsed[:6] == (2026, 11, 9, 12, 0, 0)


def test_a_summary_is_text_and_never_markup():
    """Both XML formats have HTML there, JSON Feed has plain text."""
    description = "Use <details> to fold; R&D says a < b."
    app = open_site(write_dated("one", 3, description=description), site_url=SITE)
    for path in ("/feed.atom", "/feed.rss"):
        (entry,) = parse(app, path).entries
        assert entry.summary_detail.type == "text/html"
        assert entry.summary == "Use &lt;details&gt; to fold; R&amp;D says a &lt; b."
    assert parse_json(app)["items"][0]["summary"] == description


def test_the_json_feed_has_everything_a_reader_shows():
    east = timezone(timedelta(hours=2))
    post = write_post(
        "one",
        date=datetime(2026, 11, 3, 9, 30, tzinfo=east),
        authors=("Ada",),
        tags=("x",),
        lang="de",
        image="/card.png",
    )
    app = open_site(post, site_url=f"{SITE}/")
    assert fetch(app, "/feed.json").mimetype == "application/feed+json"
    assert parse_json(app) == {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Viblog",
        "home_page_url": "https://blog.example/blog",
        "feed_url": "https://blog.example/feed.json",
        "description": "A blog that knows who is reading it.",
        "language": "en",
        "items": [
            {
                "id": "https://blog.example/blog/one",
                "url": "https://blog.example/blog/one",
                "title": "The title of one",
                "summary": "What one is about.",
                "content_html": "<p>The body of one.</p>",
                "date_published": "2026-11-03T09:30:00+02:00",
                "date_modified": "2026-11-03T09:30:00+02:00",
                "authors": [{"name": "Ada"}],
                "tags": ["x"],
                "language": "de",
                "image": "https://blog.example/card.png",
            }
        ],
    }


@pytest.mark.parametrize("path", FEEDS)
class TestEveryFeed:
    def test_has_the_whole_text_with_absolute_addresses(self, path):
        text = fetch(open_site(write_post("one", body=BODY), site_url=SITE), path).text
        text = text.replace("&lt;", "<").replace("&gt;", ">").replace('\\"', '"')
        assert f'href="{SITE}/about"' in text
        assert f'href="{SITE}/blog/one#part"' in text
        assert f'src="{SITE}/blog/one/a.png"' in text
        assert f'srcset="{SITE}/s.png 1x, {SITE}/blog/l.png 2x"' in text
        assert "permalink" not in text
        assert not re.findall(r'(?:href|src)="(?!https?://)[^"]*', text)

    def test_has_the_newest_posts_only(self, path):
        posts = [write_dated(f"p{day}", day) for day in (9, 8, 7)]
        text = fetch(open_site(*posts, site_url=SITE, feed_posts=2), path).text
        assert "/blog/p9" in text
        assert "/blog/p8" in text
        assert "/blog/p7" not in text

    def test_has_no_draft_and_no_post_without_a_date(self, path):
        posts = [write_post("hidden", draft=True), write_post("undated", date=None)]
        text = fetch(open_site(*posts, write_post("one"), site_url=SITE), path).text
        assert "/blog/one" in text
        assert "hidden" not in text
        assert "undated" not in text

    def test_is_there_for_each_tag(self, path):
        posts = [write_post("one", tags=("a/b",)), write_post("two", tags=("c",))]
        app = open_site(*posts, site_url=SITE)
        text = fetch(app, f"/tags/a~2fb{path}").text
        assert f"{SITE}/blog/one" in text
        assert f"{SITE}/tags/a~2fb{path}" in text
        assert "Viblog: a/b" in text
        assert "/blog/two" not in text
        fetch(app, f"/tags/none{path}", status=404)
        assert fetch(app, f"/tags/~61~2fb{path}", 308).location == f"/tags/a~2fb{path}"

    def test_never_says_what_the_host_header_says(self, path):
        app = open_site(write_post("one"), site_url=SITE)
        assert "evil" not in fetch(app, path, Host="evil.example").text

    def test_is_not_there_while_the_site_does_not_know_its_address(self, path):
        app = open_site(write_post("one"))
        assert "BLOG_SITE_URL" in fetch(app, path, status=404).text
        assert 'rel="alternate"' not in fetch(app, "/blog").text

    def test_is_named_in_the_head_of_every_page(self, path):
        app = open_site(write_post("one"), site_url=SITE)
        kind = fetch(app, path).mimetype
        link = f'<link rel="alternate" type="{kind}" title="Viblog" href="{path}">'
        for page in ("/blog", "/blog/one", "/about", "/nowhere"):
            assert link in app.test_client().get(page).text

    def test_is_answered_304_to_who_has_it(self, path):
        app = open_site(write_post("one"), site_url=SITE)
        first = fetch(app, path)
        assert fetch(app, path, 304, If_None_Match=first.headers["ETag"]).data == b""
        seen = first.headers["Last-Modified"]
        assert fetch(app, path, 304, If_Modified_Since=seen).data == b""
        before = "Tue, 24 Nov 2015 00:00:00 GMT"
        assert fetch(app, path, 200, If_Modified_Since=before).data == first.data

    def test_is_another_one_as_soon_as_a_post_changed(self, path):
        library = Books(write_post("one"))
        app = open_site(library=library, site_url=SITE)
        first = fetch(app, path)
        library.index = Books(write_post("one", body="<p>Mended.</p>")).index
        again = fetch(app, path, If_None_Match=first.headers["ETag"])
        assert "Mended." in again.text
        assert again.headers["ETag"] != first.headers["ETag"]

    def test_stands_with_no_post_and_with_characters_that_xml_cannot_hold(self, path):
        fetch(open_site(site_url=SITE), path)
        odd = "a\x00b\x0b\ufffe]]><![CDATA["
        post = write_post("one", title=odd, description=odd, body=odd, tags=(odd,), authors=(odd,))
        app = open_site(post, site_url=SITE)
        if path == "/feed.json":
            assert parse_json(app)["items"][0]["title"] == odd
        else:
            assert parse(app, path).entries[0].title == "ab]]><![CDATA["

    def test_carries_the_security_headers(self, path):
        headers = fetch(open_site(write_post("one"), site_url=SITE), path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("old", "feed"),
    [
        ("/feed.xml", "/feed.atom"),
        ("/index.xml", "/feed.rss"),
        ("/atom.xml", "/feed.atom"),
        ("/feeds/all.atom.xml", "/feed.atom"),
        ("/feeds/all.rss.xml", "/feed.rss"),
        ("/weblog/rss.xml", "/feed.rss"),
        ("/posts/index.xml", "/feed.rss"),
        ("/feed/", "/feed.rss"),
        ("/tags/night-sky/index.xml", "/tags/Night_sky/feed.rss"),
        (
            "/categories/%D0%BD%D0%BE%D1%87%D1%8C/index.xml",
            "/tags/%D0%BD%D0%BE%D1%87%D1%8C/feed.rss",
        ),
        ("/feeds/night-sky.atom.xml", "/tags/Night_sky/feed.atom"),
    ],
)
def test_where_a_feed_was_elsewhere_leads_to_it(old, feed):
    post = write_post("one", tags=("Night sky", "ночь"))
    assert fetch(open_site(post, site_url=SITE), old, 301).location == feed


@pytest.mark.parametrize("path", ["/tags/none/index.xml", "/sitemap_index.xml", "/feed.xml.html"])
def test_what_was_no_feed_of_ours_is_not_there(path):
    fetch(open_site(write_post("one"), site_url=SITE), path, 404)


def test_a_hidden_post_s_address_leads_to_no_feed():
    fetch(open_site(write_post("one"), site_url=SITE), "/blog/feed", 301)
    library = Books(write_post("one"))
    library.index = replace(library.index, hidden={"feed": write_post("feed", draft=True)})
    fetch(open_site(library=library, site_url=SITE), "/blog/feed", 404)


def test_no_old_address_leads_to_feeds_that_are_not_there():
    fetch(open_site(write_post("one")), "/feed.xml", 404)


def test_an_atom_entry_without_an_author_is_the_sites():
    found = parse(open_site(write_post("one"), title="Night sky", site_url=SITE), "/feed.atom")
    assert found.feed.author == "Night sky"


def test_a_post_in_another_language_says_so():
    app = open_site(write_post("one", lang="de"), site_url=SITE)
    assert parse(app, "/feed.atom").entries[0].title_detail.language == "de"


@pytest.mark.parametrize(("lang", "site"), [("he", "en"), ("", "ar")])
def test_a_text_from_right_to_left_says_so_in_a_feed(lang, site):
    app = open_site(write_post("one", lang=lang), site_url=SITE, language=site)
    html = parse_json(app)["items"][0]["content_html"]
    assert html == '<div dir="rtl"><p>The body of one.</p></div>'


def test_streams_have_their_turn_between_the_posts_of_a_feed():
    app = open_site(*[write_post(f"p{n}") for n in range(5)], site_url=SITE)
    turns = 0

    def take_turns():
        nonlocal turns
        while not fetching.ready():
            turns += 1
            gevent.sleep(0)

    fetching = gevent.spawn(fetch, app, "/feed.atom")
    gevent.spawn(take_turns).join()
    fetching.get()
    assert turns >= 5


def test_an_empty_feed_says_the_same_every_time():
    first, second = (fetch(open_site(site_url=SITE), "/feed.atom").data for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("written", "absolute"),
    [
        ('<a href="x">', '<a href="https://b.example/blog/x">'),
        ('<a href="../x?a=1&amp;b=2">', '<a href="https://b.example/x?a=1&amp;b=2">'),
        ('<a href="mailto:a@b.example">', '<a href="mailto:a@b.example">'),
        ('<a href="//cdn.example/x">', '<a href="https://cdn.example/x">'),
        ('<a href="http://[">', '<a href="http://[">'),
        ("<IMG SRC=a.png>", '<img src="https://b.example/blog/a.png">'),
        ('<img src="a.png" />', '<img src="https://b.example/blog/a.png" />'),
        ("<td colspan=2>a &lt; b &#8212; c</td>", "<td colspan=2>a &lt; b &#8212; c</td>"),
        ("<p>a<!-- secret -->b</p>", "<p>ab</p>"),
        (
            '<video controls poster="p.png">',
            '<video controls poster="https://b.example/blog/p.png">',
        ),
        ("a < b & c", "a < b & c"),
        ("a<script src=x>if (a < b) { '</p>' }</script>b<style>p {}</style>c", "abc"),
        ("a<svg><SCRIPT>x</SCRIPT><script href='x'/><g/></svg>", "a<svg><g/></svg>"),
        ('<p onclick="x()" class="a">b', '<p class="a">b'),
        ('<img alt="javascript: a book">', '<img alt="javascript: a book">'),
        ('<a href=" JavaScript:x()" title="a">b</a>', '<a title="a">b</a>'),
        ('<iframe src="/x" srcdoc="<script>x</script>">', '<iframe src="https://b.example/x">'),
        (
            "<code>&lt;script&gt;</code><noscript>a</noscript>",
            "<code>&lt;script&gt;</code><noscript>a</noscript>",
        ),
        ("<p>a</p>AT&T", "<p>a</p>AT&T"),
        ("<p>a</p>\n", "<p>a</p>\n"),
        ("<p>AT&T\n&copy 1 &copy; R&D; &lt &T</p>", "<p>AT&T\n&copy 1 &copy; R&D; &lt &T</p>"),
        # Python's parser alone would raise an error, and the whole feed be one.
        ('a <![x[> <a href="x">', 'a  <a href="https://b.example/blog/x">'),
    ],
)
def test_only_what_is_relative_is_rewritten(written, absolute):
    assert make_absolute(written, "https://b.example/blog/one") == absolute
