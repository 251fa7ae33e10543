"""What each page shows, and at which address."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blog.posts.model import Heading
from blog.setting_kinds import MENU
from tests.pages.site import Books, Numbers, open_site, write_post


def read(app, path, status=200):
    with app.test_client().get(path) as answer:
        assert answer.status_code == status, path
        return answer.text


def listed_titles(text):
    return re.findall(r"<h2><a href=\"[^\"]*\">([^<]*)</a></h2>", text)


def write_many(count):
    return [write_post(f"post-{number:02}", title=str(number)) for number in range(1, count + 1)]


ARABIC = "مرحبا بالعالم!"


class TestDirection:
    def test_of_a_post_is_that_of_its_language(self):
        app = open_site(write_post("one", title=ARABIC, lang="ar"), write_post("two"))
        text = read(app, "/blog/one")
        assert '<html lang="en">' in text
        assert '<article lang="ar" dir="rtl">' in text
        assert f'<h1 dir="auto">{ARABIC}</h1>' in text
        assert '<article class="card" lang="ar" dir="rtl">' in read(app, "/blog")

    def test_of_the_pages_is_that_of_the_sites_language(self):
        app = open_site(write_post("one", lang="en"), write_post("two"), language="fa")
        text = read(app, "/blog/one")
        assert '<html lang="fa" dir="rtl">' in text
        assert '<article lang="en" dir="ltr">' in text
        assert '<h1 dir="auto">The title of one</h1>' in text
        assert "<article>" in read(app, "/blog/two")

    def test_of_a_title_amid_others_is_its_own(self):
        posts = [write_post(name, title=ARABIC, tags=("x",), series="s") for name in ("a", "c")]
        app = open_site(posts[0], write_post("b", tags=("x",), series="s"), posts[1])
        link = f'<a href="/blog/a" dir="auto">{ARABIC}</a>'
        for path in ("/blog", "/archive", "/tags/x", "/search", "/blog/b"):
            assert link in read(app, path), path
        assert f'<span>Newer</span> <span dir="auto">{ARABIC}</span></a>' in read(app, "/blog/b")

    def test_of_the_pages_own_words_in_a_post_is_that_of_the_site(self):
        posts = [write_post(name, lang="en") for name in ("a", "b")]
        app = open_site(*posts, write_post("c", lang="ar"), language="ar")
        own = 'lang="ar" dir="rtl">'
        assert f'<p class="meta" {own}' in read(app, "/blog/a")
        assert read(app, "/blog").count(f'<p class="meta" {own}') == 2
        assert '<p class="meta">' in read(app, "/blog/c")
        assert '<p class="meta" lang="de">' in read(open_site(*posts, language="de"), "/blog/a")

    def test_is_not_said_where_all_runs_from_left_to_right(self):
        app = open_site(write_post("one", title="Привет", tags=("日本",), lang="ru"))
        for path in ("/blog", "/blog/one", "/archive", "/tags", "/about"):
            assert " dir=" not in read(app, path)


def says(page: str, number: str, words: str) -> bool:
    """Tell whether a number of the header, "total" or "here", says this."""
    return re.search(f'<span class="live-{number}"[^>]*>{words}</span>', page) is not None


class TestIndex:
    def test_shows_ten_posts_to_a_page_in_the_librarys_order(self):
        app = open_site(*write_many(23))
        assert listed_titles(read(app, "/blog")) == [str(n) for n in range(1, 11)]
        assert listed_titles(read(app, "/blog?page=3")) == ["21", "22", "23"]

    def test_is_the_same_page_at_both_addresses(self):
        app = open_site(*write_many(3), site_url="https://blog.example")
        assert read(app, "/") == read(app, "/blog")

    def test_links_the_pages_before_and_after(self):
        app = open_site(*write_many(23))
        first, second, third = (read(app, f"/blog?page={number}") for number in (1, 2, 3))
        assert 'rel="prev"' not in first
        assert first.count('rel="next" href="/blog?page=2"') == 2
        assert second.count('rel="prev" href="/blog"') == 2
        assert second.count('rel="next" href="/blog?page=3"') == 2
        assert 'rel="next"' not in third

    @pytest.mark.parametrize("page", ["0", "4", "-1", "01", "1.0", "two", "", "٢", "9" * 30])
    def test_has_no_page_of_that_number(self, page):
        read(open_site(*write_many(23)), f"/blog?page={page}", status=404)

    def test_shows_title_date_description_reading_time_and_tags(self):
        post = write_post("one", tags=("presence", "Redis"), body="word " * 690)
        text = read(open_site(post), "/blog")
        assert '<a href="/blog/one">The title of one</a>' in text
        assert '<time datetime="2026-11-03">3 November 2026</time>' in text
        assert "What one is about." in text
        assert "3 min read" in text
        assert '<a href="/tags/presence">presence</a>' in text

    def test_says_so_when_nothing_is_written_yet(self):
        text = read(open_site(posts_dir=Path("/srv/secret")), "/blog")
        assert "<p>Nothing is written yet.</p>" in text
        assert "/srv" not in text

    def test_shows_the_total_only(self):
        text = read(open_site(write_post("one")), "/blog")
        assert says(text, "total", "5 readers online")
        assert says(text, "here", "")
        assert 'data-hx-sse:connect="/live?page=index"' in text


class TestPost:
    def test_shows_its_own_number_and_the_total_before_any_script_runs(self):
        text = read(open_site(write_post("one")), "/blog/one")
        assert says(text, "here", "2 reading now")
        assert says(text, "total", "5 readers online")
        assert '<span class="live-notice"></span>' in text

    def test_says_why_the_numbers_are_not_live(self):
        app = open_site(write_post("one"), live=Numbers(notice="as of a moment ago"))
        assert '<span class="live-notice">as of a moment ago</span>' in read(app, "/blog/one")

    def test_opens_the_stream_of_its_own_page(self):
        text = read(open_site(write_post("café/c++ & co")), "/blog/caf%C3%A9/c++%20&%20co")
        address = "/live?page=blog%2Fcaf%C3%A9%2Fc%2B%2B+%26+co"
        assert f'data-hx-sse:connect="{address}"' in text

    def test_shows_title_dates_authors_reading_time_and_body(self):
        post = write_post(
            "one",
            authors=("Ada", "Grace"),
            updated=datetime(2026, 11, 9, tzinfo=UTC),
            body="<p>The body of one.</p>\n" + "word " * 686,
        )
        text = read(open_site(post), "/blog/one")
        assert "<h1>The title of one</h1>" in text
        assert '<time datetime="2026-11-03">3 November 2026</time>' in text
        assert 'updated <time datetime="2026-11-09">9 November 2026</time>' in text
        assert "by Ada, Grace" in text
        assert "3 min read" in text
        assert "<p>The body of one.</p>" in text

    def test_needs_neither_date_nor_description(self):
        text = read(open_site(write_post("one", date=None, description="")), "/blog/one")
        assert "<time" not in text
        assert '<meta name="description" content="A blog that knows who is reading it.">' in text

    def test_links_the_newer_and_the_older_post(self):
        text = read(open_site(*write_many(3)), "/blog/post-02")
        assert '<a rel="next" href="/blog/post-01"><span>Newer</span> 1</a>' in text
        assert '<a rel="prev" href="/blog/post-03"><span>Older</span> 3</a>' in text

    def test_has_a_table_of_contents_from_three_headings_on(self):
        headings = tuple(Heading(2, f"part-{n}", f"Part {n} & more") for n in (1, 2, 3))
        long = read(open_site(library=Books(write_post("one"), headings=headings)), "/blog/one")
        assert '<a href="#part-2">Part 2 &amp; more</a>' in long
        short = open_site(library=Books(write_post("one"), headings=headings[:2]))
        assert "In this post" not in read(short, "/blog/one")

    def test_lists_the_top_headings_only_where_there_are_many(self):
        headings = tuple(Heading(2 + n % 2, f"h{n}", f"H{n}") for n in range(20))
        text = read(open_site(library=Books(write_post("one"), headings=headings)), "/blog/one")
        assert text.count('<li><a href="#h') == 10
        assert 'class="deeper"' not in text

    def test_is_not_found_while_it_is_a_draft(self):
        app = open_site(write_post("one", draft=True))
        read(app, "/blog/one", status=404)
        assert "one" not in listed_titles(read(app, "/blog"))

    @pytest.mark.parametrize("path", ["/blog/none", "/blog/../one", "/blog/One", "/blog/one.md"])
    def test_is_looked_up_in_the_index_and_nowhere_else(self, path):
        read(open_site(write_post("one")), path, status=404)

    def test_escapes_all_text_but_the_body(self):
        evil = "<script>alert(1)</script>"
        post = write_post(
            "one", title=evil, description=evil, tags=(evil,), authors=(evil,), body="<b>body</b>"
        )
        app = open_site(post, title=evil, description=evil, site_url="https://blog.example")
        for path in (
            "/blog",
            "/blog/one",
            "/tags",
            "/tags/~3cscript~3ealert~281~29~3c~2fscript~3e",
        ):
            text = read(app, path)
            assert "<script>alert" not in text
            assert "&lt;script&gt;alert(1)" in text


class TestTags:
    def test_lists_the_posts_of_a_tag_of_any_text(self):
        names = ["c++", "a/b", "#1", "..", "server-sent events", "Ünïcode 标签", "50% & <b>"]
        posts = [write_post(f"p{n}", title=f"t{n}", tags=(name,)) for n, name in enumerate(names)]
        app = open_site(*posts)
        overview = read(app, "/tags")
        links = re.findall(r'<a href="(/tags/[^"]*)">', overview)
        assert len(links) == len(names)
        titles = sorted(title for link in links for title in listed_titles(read(app, link)))
        assert titles == [f"t{n}" for n in range(len(names))]

    @pytest.mark.parametrize(
        ("path", "target"),
        [
            ("/tags/REDIS", "/tags/Redis"),
            ("/tags/redis?page=2", "/tags/Redis?page=2"),
            ("/tags/redis/feed.atom", "/tags/Redis/feed.atom"),
        ],
    )
    def test_of_a_tag_in_other_letters_lead_to_it(self, path, target):
        app = open_site(write_post("a", tags=("Redis",)), site_url="https://blog.example")
        answer = app.test_client().get(path)
        assert (answer.status_code, answer.location) == (308, target)

    def test_counts_the_posts_of_each_tag(self):
        posts = [write_post("a", tags=("x", "y")), write_post("b", tags=("x",))]
        text = read(open_site(*posts), "/tags")
        assert re.findall(r">([xy])</a> <span class=\"meta\">([^<]*)<", text) == [
            ("x", "2 posts"),
            ("y", "1 post"),
        ]

    def test_of_no_post_is_not_found(self):
        read(open_site(write_post("a", tags=("x",))), "/tags/z", status=404)

    def test_overview_says_so_when_there_is_none(self):
        assert "No post has a tag yet" in read(open_site(), "/tags")


class TestPage:
    def test_shows_the_text_and_counts_in_the_total_only(self):
        text = read(open_site(own_pages=PAGES), "/impressum")
        assert "<h1>Impressum</h1>" in text
        assert "<p>The body of impressum.</p>" in text
        assert 'data-hx-sse:connect="/live?page=impressum"' in text
        assert "reading now" not in text

    def test_that_is_not_counted_has_no_stream(self):
        own_pages = Books(write_post("quiet", presence=False))
        assert "/live" not in read(open_site(own_pages=own_pages), "/quiet")

    @pytest.mark.parametrize("path", ["/none", "/none/", "/about/none.png", "/about/more/none"])
    def test_that_is_not_there_is_not_found(self, path):
        read(open_site(), path, status=404)


PAGES = Books(
    write_post("impressum", title="Impressum", menu=3, date=None),
    write_post("b", title="First", menu=-1, date=None),
    write_post("unlisted", date=None),
)


class TestCounting:
    def test_says_what_the_settings_make_of_the_numbers_and_is_linked_from_every_page(self):
        app = open_site(write_post("one"))
        assert '<a href="/counting">What is counted, and what is not</a>' in read(app, "/blog/one")
        text = read(app, "/counting")
        assert "<h1>What is counted, and what is not</h1>" in text
        assert 'data-hx-sse:connect="/live?page=counting"' in text
        assert "A post in three windows counts three times." in text
        assert "A tab goes on counting while you look at another one." in text
        assert "at most 4 tabs" in text
        assert "These sums hold no single visit and no person." in text
        other = open_site(
            count="readers",
            privacy_signal="uncounted",
            pause_hidden_tabs=True,
            history=False,
            language="de",
        )
        told = read(other, "/counting")
        assert "Ein Browser, der um Privatsphäre bittet (Sec-GPC oder DNT)." in told
        assert "Ein Tab zählt nur, solange er zu sehen ist." in told
        assert "Browser zählen" in told
        assert "Summen" not in told

    def test_is_the_authors_page_where_there_is_one(self):
        own_pages = Books(write_post("counting", title="My way of counting"))
        app = open_site(own_pages=own_pages, site_url="https://blog.example")
        assert "<h1>My way of counting</h1>" in read(app, "/counting")
        assert read(app, "/sitemap.xml").count("/counting<") == 1


class TestMenu:
    def entries(self, app, path, status=200):
        text = read(app, path, status=status)
        found = re.search(r'<nav aria-label="[^"]+">\n(.*?)\n<a class="icon"', text, re.DOTALL)
        assert found is not None
        return found[1].splitlines()

    def test_has_pages_by_their_numbers_and_marks_where_one_is(self):
        app = open_site(write_post("one"), own_pages=PAGES)
        plain = [
            '<a href="/blog">Posts</a>',
            '<a href="/tags">Tags</a>',
            '<a href="/archive">Archive</a>',
            '<a href="/b">First</a>',
            '<a href="/impressum">Impressum</a>',
        ]
        for path, status in (("/blog/one", 200), ("/nowhere", 404), ("/unlisted", 200)):
            assert self.entries(app, path, status) == plain
        for path, at in (("/", 0), ("/archive", 2), ("/impressum", 4)):
            marked = [*plain]
            marked[at] = plain[at].replace(">", ' aria-current="page">', 1)
            assert self.entries(app, path) == marked

    def test_of_many_entries_and_a_long_name_are_marked_for_the_stylesheet(self):
        app = open_site(write_post("one"), own_pages=PAGES, title="Notes from afar")
        text = read(app, "/blog/one")
        assert '<header class="site many">\n<div class="row long">' in text
        app = open_site(write_post("one"), title="Notes")
        assert '<header class="site">\n<div class="row">' in read(app, "/blog/one")

    def test_is_what_the_setting_says_with_names_and_links_elsewhere(self):
        menu = MENU.read(
            "archive, Me = impressum,b, none, Owls=/blog/one,"
            " Mastodon = https://example.org/@me?a=b rel=me"
        )
        app = open_site(write_post("one"), own_pages=PAGES, menu=menu, language="de")
        assert self.entries(app, "/blog/one") == [
            '<a href="/archive">Archiv</a>',
            '<a href="/impressum">Me</a>',
            '<a href="/b">First</a>',
            '<a href="/blog/one" aria-current="page">Owls</a>',
            '<a href="https://example.org/@me?a=b" rel="me">Mastodon</a>',
        ]


class TestAddresses:
    @pytest.mark.parametrize(
        ("path", "target"),
        [
            ("/blog/", "/blog"),
            ("/about/", "/about"),
            ("/tags/", "/tags"),
            ("/blog/one/", "/blog/one"),
        ],
    )
    def test_with_a_slash_too_many_lead_to_the_page(self, path, target):
        answer = open_site(write_post("one")).test_client().get(path)
        assert answer.status_code == 308
        assert answer.location == target

    @pytest.mark.parametrize(
        ("path", "canonical"),
        [
            ("/", "https://blog.example/blog"),
            ("/blog?page=2", "https://blog.example/blog?page=2"),
            ("/blog?page=1&utm_source=x", "https://blog.example/blog"),
            ("/blog/post-01", "https://blog.example/blog/post-01"),
            ("/about", "https://blog.example/about"),
        ],
    )
    def test_have_one_canonical_form_from_the_configured_site(self, path, canonical):
        app = open_site(*write_many(11), site_url="https://blog.example/")
        answer = app.test_client().get(path, headers={"Host": "evil.example"})
        assert f'<link rel="canonical" href="{canonical}">' in answer.text
        assert f'<meta property="og:url" content="{canonical}">' in answer.text
        assert "evil.example" not in answer.text

    @pytest.mark.parametrize(
        ("path", "canonical"),
        [("/", "/blog"), ("/blog", "/blog"), ("/blog/one?utm_source=x", "/blog/one")],
    )
    def test_are_never_made_from_the_request(self, path, canonical):
        text = read(open_site(write_post("one")), path)
        assert f'<link rel="canonical" href="{canonical}">' in text
        assert "localhost" not in text
        assert "og:" not in text

    def test_of_every_link_that_the_templates_make_exist(self):
        app = open_site(*[write_post(f"p{n}", tags=("a b", "c/d")) for n in range(12)])
        seen, ahead = set(), ["/"]
        while ahead:
            path = ahead.pop()
            seen.add(path)
            with app.test_client().get(path) as answer:
                assert answer.status_code in (200, 303), path
                text = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
            found = re.findall(r'(?:href|src)="(/[^"#]*)', text)
            ahead += {link for link in found if link not in seen and link not in ahead}
        assert {"/blog?page=2", "/tags/a_b", "/tags/c~2fd", "/about", "/blog/p11"} <= seen


def test_a_face_is_a_picture_that_browsers_keep():
    client = open_site().test_client()
    face = client.get("/faces/any/37.svg")
    assert face.mimetype == "image/svg+xml"
    assert "immutable" in face.headers["Cache-Control"]
    assert client.get("/faces/any/256.svg").status_code == 404


def test_without_faces_the_pages_have_no_place_for_them():
    assert 'class="faces"' in open_site().test_client().get("/").text
    page = open_site(faces=False).test_client().get("/").text
    assert 'class="faces"' not in page
    assert "live-you" not in page


def test_now_shows_the_total_once_and_robots_do_not_keep_it():
    page = open_site().test_client().get("/now").text
    assert page.count("5 readers online") == 2
    assert '<meta name="robots" content="noindex">' in page


def test_now_json_is_what_the_numbers_say_and_may_be_kept_for_five_seconds():
    client = open_site().test_client()
    answer = client.get("/now.json")
    assert answer.json == {"online": 5}
    assert answer.headers["Cache-Control"] == "public, max-age=5"
    assert (
        client.get("/now.json", headers={"If-None-Match": answer.headers["ETag"]}).status_code
        == 304
    )


def test_without_activity_the_pages_have_no_last_hour():
    client = open_site(write_post("a"), activity="off").test_client()
    assert "last hour" in open_site(write_post("a")).test_client().get("/").text
    assert "last hour" not in client.get("/").text
    assert "last hour" not in client.get("/now").text
