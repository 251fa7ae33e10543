"""A blog below a path of its host: what it says of its own addresses, and what it answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask, template_rendered

from blog.config import Settings
from blog.factory import create_app

FILES = {
    "posts/one.md": "---\ntitle: One\ndate: 2026-11-03\ntags: [x]\nimage: /static/a.png\n"
    "aliases: [/old]\n---\n"
    "[two](two.md) [tags](/tags) ![](dot.png) ![](/static/favicon.svg) [o](//other.example/a)\n",
    "posts/two.md": "---\ntitle: Two\ndate: 2026-11-04\n---\n## A\n\n## B\n\n## C\n\nText.\n",
    "posts/dot.png": "picture",
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    folder: Path = tmp_path_factory.mktemp("site")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return create_app(
        Settings(
            site_url="https://example.org/blog/",
            posts_dir=folder / "posts",
            pages_dir=folder / "pages",
            about_dir=folder / "about",
            instance_dir=folder / "instance",
            sections=True,
        )
    )


def test_what_a_post_links_to_is_below_the_path(app):
    page = app.test_client().get("/blog/blog/one").text
    for address in (
        'href="/blog/blog/two.md"',
        'href="/blog/tags"',
        'src="/blog/blog/one/dot.png"',
        'src="/blog/static/favicon.svg"',
        'href="//other.example/a"',
        'sse:connect="/blog/live?page=blog%2Fone"',
        '<link rel="canonical" href="https://example.org/blog/blog/one">',
        'property="og:image" content="https://example.org/blog/static/a.png"',
    ):
        assert address in page, address
    feed = app.test_client().get("/blog/feed.atom").text
    assert "https://example.org/blog/blog/one/dot.png" in feed
    assert "/blog/blog/blog/" not in page + feed


def test_what_a_post_tells_goes_below_the_path(app):
    """At which section it is, three times, and that its end was in sight."""
    page = app.test_client().get("/blog/blog/two").text
    assert page.count('hx-post="/blog/live?page=blog%2Ftwo"') == page.count("hx-post=") == 4


@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [
        ("/blog/blog/", "/blog/blog"),
        ("/blog/old", "/blog/blog/one"),
        ("/blog/blog/two.md", "/blog/blog/two"),
        ("/blog/feed", "/blog/feed.rss"),
        ("/blog/favicon.ico", "/blog/static/favicon.svg"),
    ],
)
def test_who_is_sent_elsewhere_stays_below_the_path(app, asked, leads_to):
    assert app.test_client().get(asked).headers["Location"] == leads_to


@pytest.mark.parametrize("path", ["/", "/blogs", "/tags", "/static/style.css"])
def test_what_is_not_below_the_path_is_not_here(app, path):
    answer = app.test_client().get(path)
    assert (answer.status_code, answer.text) == (404, "This blog is at /blog/\n")


def test_probes_are_where_they_always_are(app):
    assert app.test_client().get("/healthz").status_code == 200


def test_a_page_is_kept_as_any_other(app):
    rendered: list[object] = []
    template_rendered.connect(lambda *_, **__: rendered.append(1), app, weak=False)
    pages = [app.test_client().get("/blog/archive").text for _ in range(2)]  # by this test only
    assert pages[0] == pages[1]
    assert len(rendered) == 1


def test_crawlers_are_told_whole_addresses(app):
    client = app.test_client()
    robots = client.get("/blog/robots.txt").text
    assert "Disallow: /blog/search\n" in robots
    assert "Sitemap: https://example.org/blog/sitemap.xml\n" in robots
    sitemap = client.get("/blog/sitemap.xml").text
    assert sitemap.count("<loc>") == sitemap.count("<loc>https://example.org/blog/")
    assert "<loc>https://example.org/blog/blog/one</loc>" in sitemap
