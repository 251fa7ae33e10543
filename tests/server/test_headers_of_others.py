"""What one client's headers say never shows in another's answer, whoever asks first."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.site import Site

PATHS = (
    *("/", "/blog", "/blog/one", "/tags/birds", "/archive", "/archive/2026", "/about", "/search"),
    *("/feed.atom", "/feed.rss", "/feed.json", "/tags/birds/feed.atom"),
    *("/sitemap.xml", "/robots.txt", "/nowhere"),
)
# What gunicorn, Werkzeug's ProxyFix or Flask make something of. Names with an underscore are what
# gunicorn's `forwarder_headers` are for; proxies differ in whether they pass them on.
HEADERS = {
    "SCRIPT_NAME": "/x",
    "PATH_INFO": "/about",
    "REMOTE_USER": "ann",
    "X-Forwarded-For": "198.51.100.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Prefix": "/x",
    "X-Forwarded-Ssl": "on",
    "X-HTTP-Method-Override": "DELETE",
    "Forwarded": "for=198.51.100.7;host=evil.example;proto=https",
    "Host": "127.0.0.1:1",
    "Accept": "application/json",
    "Accept-Language": "de",
    "Cookie": "session=x; viblog_reader=AAAAAAAAAAAAAAAAAAAAAA",
    "HX-Request": "true",
    "Purpose": "prefetch",
    "Range": "bytes=0-9",
}
SETTINGS = {"BLOG_SITE_URL": "https://blog.example", "BLOG_TRUSTED_HOSTS": "localhost,127.0.0.1"}
# When the answer was made, and when this worker first made such a one.
TIMES = {"Date", "Last-Modified"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("posts")
    write(folder, "Words.")
    return folder


@pytest.fixture(scope="module")
def sites(folder: Path) -> Iterator[tuple[Site, Site]]:
    """Start two blogs with the same posts: one that strangers ask first, and one they never ask.

    Both are behind a proxy on this machine, whose headers count.
    """
    environ = {**SETTINGS, "BLOG_POSTS_DIR": str(folder), "BLOG_PROXY_HOPS": "1"}
    with Site(workers=1, environ=environ) as asked, Site(workers=1, environ=environ) as quiet:
        yield asked, quiet


def write(folder: Path, words: str) -> None:
    text = f"---\ntitle: One\ndate: 2026-01-01\ntags: [birds]\n---\n{words}\n"
    (folder / ".one").write_text(text, encoding="utf-8")
    (folder / ".one").replace(folder / "one.md")  # as editors save


def ask(site: Site, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return an answer but for its times; `Host` may be another than usual."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    connection.putrequest("GET", path, skip_host=True)
    for name, value in {"Host": "localhost", **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    body = response.read()
    connection.close()
    kept = {name: value for name, value in response.getheaders() if name not in TIMES}
    return response.status, kept, body


@pytest.mark.parametrize("header", HEADERS)
def test_an_answer_is_the_same_after_somebody_asked_with_a_header(
    sites: tuple[Site, Site], folder: Path, header: str
) -> None:
    """The posts change first, so that nothing of these pages and feeds is made yet."""
    asked, quiet = sites
    words = f"Words after {header}."
    write(folder, words)
    for site in sites:
        site.wait(lambda site=site: words in site.fetch("/blog/one"), "the post is read")  # type: ignore[misc]
    for path in PATHS:
        for place in (path, f"/x{path}"):  # a SCRIPT_NAME has to be what the path begins with
            ask(asked, place, **{header: HEADERS[header]})
        expected = ask(quiet, path)
        assert ask(asked, path) == expected, path
        assert not re.search(rb"evil|\.example/x|localhost:444", expected[2])
