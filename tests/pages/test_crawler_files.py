"""What a page says of itself to machines, and what they ask for by name."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from blog.config import Settings, SettingsError
from blog.pages.catalogue import Catalogue
from blog.pages.crawler_files import list_addresses, write_security, write_sitemap
from tests.pages.site import Books, open_site, write_post

SITE = "https://blog.example"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def fetch(app, path, status=200, **headers):
    with app.test_client().get(path, headers=headers) as answer:
        assert answer.status_code == status, path
        return answer


def described(app, path):
    """Return the JSON-LD of a page, as a search engine reads it; None where there is none."""
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', fetch(app, path).text)
    assert len(found) <= 1
    return json.loads(found[0]) if found else None


def metas(text):
    found = re.findall(
        r'<meta (?:property|name)="((?:og|twitter|article):[^"]*)" content="([^"]*)"', text
    )
    return {name: [value for other, value in found if other == name] for name, _ in found}


class TestSitemap:
    def test_lists_every_page_with_the_day_of_its_last_change(self):
        posts = [
            write_post("new", updated=datetime(2026, 11, 9, tzinfo=UTC), tags=("a b",)),
            write_post("old", date=datetime(2025, 1, 2, tzinfo=UTC)),
            write_post("undated", date=None),
        ]
        answer = fetch(open_site(*posts, site_url=f"{SITE}/"), "/sitemap.xml")
        assert answer.mimetype == "application/xml"
        assert re.findall(
            r"<url><loc>(.*?)</loc>(?:<lastmod>(.*?)</lastmod>)?</url>", answer.text
        ) == [
            (f"{SITE}/blog", ""),
            (f"{SITE}/archive", ""),
            (f"{SITE}/tags", ""),
            (f"{SITE}/counting", ""),
            (f"{SITE}/blog/new", "2026-11-09T00:00:00+00:00"),
            (f"{SITE}/blog/old", "2025-01-02T00:00:00+00:00"),
            (f"{SITE}/blog/undated", ""),
            (f"{SITE}/about", ""),
            (f"{SITE}/tags/a_b", ""),
            (f"{SITE}/archive/2026", ""),
            (f"{SITE}/archive/2025", ""),
        ]

    def test_has_neither_drafts_nor_what_is_canonical_elsewhere(self):
        posts = [write_post("d", draft=True), write_post("e", canonical="https://other.example/e")]
        text = fetch(open_site(*posts, write_post("p"), site_url=SITE), "/sitemap.xml").text
        assert re.findall(r"/blog/(\w+)<", text) == ["p"]

    def test_escapes_addresses(self):
        post = write_post("café/a & b")
        text = fetch(open_site(post, site_url=SITE), "/sitemap.xml").text
        assert f"<loc>{SITE}/blog/caf%C3%A9/a%20&amp;%20b</loc>" in text

    def test_of_every_address_leads_to_a_page(self):
        app = open_site(*[write_post(f"p{n}", tags=("a b", "c/d")) for n in (1, 2)], site_url=SITE)
        addresses = re.findall(r"<loc>(.*?)</loc>", fetch(app, "/sitemap.xml").text)
        assert len(addresses) == 10
        for address in addresses:
            canonical = f'<link rel="canonical" href="{address}">'
            assert canonical in fetch(app, address.removeprefix(SITE)).text

    def test_is_not_there_while_the_site_does_not_know_its_address(self):
        app = open_site(write_post("one"))
        assert "BLOG_SITE_URL" in fetch(app, "/sitemap.xml", 404).text
        assert "Sitemap" not in fetch(app, "/robots.txt").text

    def test_is_answered_304_until_a_post_changed(self):
        library = Books(write_post("one"))
        app = open_site(library=library, site_url=SITE)
        etag = fetch(app, "/sitemap.xml").headers["ETag"]
        fetch(app, "/sitemap.xml", 304, If_None_Match=etag)
        library.index = Books(write_post("two")).index
        assert "/blog/two" in fetch(app, "/sitemap.xml", If_None_Match=etag).text


def test_robots_are_told_what_is_no_page_and_where_the_sitemap_is():
    answer = fetch(open_site(site_url=SITE), "/robots.txt", Host="evil.example")
    assert answer.mimetype == "text/plain"
    assert answer.text == (
        "User-agent: *\nDisallow: /live\nDisallow: /search\nDisallow: /preview/\n"
        "Sitemap: https://blog.example/sitemap.xml\n"
    )


def test_the_favicon_is_found_where_everybody_looks():
    app = open_site()
    address = fetch(app, "/favicon.ico", 302).location
    assert fetch(app, address).mimetype == "image/svg+xml"


class TestSecurityTxt:
    def test_says_whom_to_tell_and_until_when(self):
        settings = Settings(security_contact="mailto:sec@blog.example", site_url=SITE)
        assert write_security(settings, datetime(2026, 11, 24, 8, 30, tzinfo=UTC)) == (
            "Contact: mailto:sec@blog.example\n"
            "Expires: 2027-05-23T00:00:00Z\n"
            "Canonical: https://blog.example/.well-known/security.txt\n"
            "Preferred-Languages: en\n"
        )
        app = open_site(security_contact="mailto:sec@blog.example")
        assert fetch(app, "/.well-known/security.txt").mimetype == "text/plain"

    def test_is_not_there_without_a_contact(self):
        fetch(open_site(), "/.well-known/security.txt", 404)

    @pytest.mark.parametrize("contact", ["sec@blog.example", "http://x", "mailto:a\nContact: b"])
    def test_needs_a_contact_that_can_be_reached(self, contact):
        with pytest.raises(SettingsError, match="BLOG_SECURITY_CONTACT: found"):
            Settings.from_environ({"BLOG_SECURITY_CONTACT": contact})


class TestCards:
    def test_of_a_post_say_what_it_is(self):
        post = write_post("one", tags=("x", "y"), authors=("Ada",), image="/card.png")
        found = metas(fetch(open_site(post, site_url=SITE), "/blog/one").text)
        assert found == {
            "og:site_name": ["Viblog"],
            "og:title": ["The title of one"],
            "og:description": ["What one is about."],
            "og:url": ["https://blog.example/blog/one"],
            "og:type": ["article"],
            "og:image": ["https://blog.example/card.png"],
            "article:published_time": ["2026-11-03T00:00:00+00:00"],
            "article:author": ["Ada"],
            "article:tag": ["x", "y"],
            "twitter:card": ["summary_large_image"],
        }

    @pytest.mark.parametrize(
        ("image", "address"),
        [
            ("a.png", "https://blog.example/blog/one/a.png"),
            ("my a%20é.png", "https://blog.example/blog/one/my%20a%20%C3%A9.png"),
            ("../all/a.png", "https://blog.example/blog/one/~up/all/a.png"),
            ("/a.png", "https://blog.example/a.png"),
            ("/my a%20é.png", "https://blog.example/my%20a%20%C3%A9.png"),
            ("https://cdn.example/a.png", "https://cdn.example/a.png"),
        ],
    )
    def test_find_the_image_wherever_it_is(self, image, address):
        app = open_site(write_post("one", image=image), site_url=SITE)
        assert metas(fetch(app, "/blog/one").text)["og:image"] == [address]
        assert described(app, "/blog/one")["image"] == address

    def test_without_an_image_are_small(self):
        found = metas(fetch(open_site(site_url=SITE), "/blog").text)
        assert found["twitter:card"] == ["summary"]
        assert "og:image" not in found


class TestLinkedData:
    def test_describes_the_blog_and_its_search(self):
        assert described(open_site(site_url=SITE), "/blog") == {
            "@context": "https://schema.org",
            "@type": "WebSite",
            "name": "Viblog",
            "description": "A blog that knows who is reading it.",
            "url": "https://blog.example/blog",
            "inLanguage": "en",
            "potentialAction": {
                "@type": "SearchAction",
                "target": {
                    "@type": "EntryPoint",
                    "urlTemplate": "https://blog.example/search?q={search_term_string}",
                },
                "query-input": "required name=search_term_string",
            },
        }

    def test_describes_a_post(self):
        post = write_post(
            "one",
            updated=datetime(2026, 11, 9, tzinfo=UTC),
            authors=("Ada",),
            tags=("x",),
            lang="de",
            body="word " * 690,
        )
        assert described(open_site(post, site_url=SITE), "/blog/one") == {
            "@context": "https://schema.org",
            "@type": "BlogPosting",
            "headline": "The title of one",
            "description": "What one is about.",
            "url": "https://blog.example/blog/one",
            "mainEntityOfPage": "https://blog.example/blog/one",
            "datePublished": "2026-11-03T00:00:00+00:00",
            "dateModified": "2026-11-09T00:00:00+00:00",
            "author": [{"@type": "Person", "name": "Ada"}],
            "publisher": {"@type": "Organization", "name": "Viblog"},
            "keywords": ["x"],
            "inLanguage": "de",
            "wordCount": 690,
        }

    def test_cannot_be_ended_by_a_title(self):
        evil = "</script><script>alert(1)</script><!--"
        app = open_site(write_post("one", title=evil), title=evil, site_url=SITE)
        assert described(app, "/blog/one")["headline"] == evil
        assert described(app, "/blog")["name"] == evil
        assert "<script>alert" not in fetch(app, "/blog/one").text

    def test_is_not_there_while_the_site_does_not_know_its_address(self):
        app = open_site(write_post("one"))
        assert described(app, "/blog") is None
        assert described(app, "/blog/one") is None


def test_a_sitemap_stops_at_what_the_format_allows(monkeypatch):
    app = open_site()
    with app.test_request_context():
        catalogue = Catalogue(Books(*(write_post(f"p{n}") for n in range(3))).index, NOW)
        addresses = list(list_addresses(catalogue, SITE))
    assert write_sitemap(addresses).count(b"<url>") == len(addresses) == 9
