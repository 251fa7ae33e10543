"""What one client's headers say never shows in another's answer, whoever asks first."""

from __future__ import annotations

import http.client
import itertools
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from blog.config import Settings
from blog.desk.pass_registry import PassRegistry
from blog.desk.passes import COOKIE_SALT, COOKIE_SECONDS, Pass, sign
from blog.factory import create_app
from blog.posts.preview import sign_preview
from blog.store.database import Database
from tests.pictures.photos import draw, write_plain
from tests.site import Site

KEY = "k" * 32
PREVIEW = sign_preview(KEY, "hidden", datetime(2099, 1, 1, tzinfo=UTC))
# An address of each route that answers GET, and more where there are several kinds of one.
PATHS = {
    "pages.index": ("/", "/blog"),
    "pages.index_slash": ("/blog/",),
    "pages.post": ("/blog/one", "/blog/two/sky.jpg", "/blog/two/sky.jpg?w=240", "/blog/none"),
    "pages.page": ("/about", "/nowhere"),
    "pages.page_slash": ("/about/",),
    "pages.page_file": ("/about/sky.jpg", "/nowhere/file.txt"),
    "pages.counting": ("/counting",),
    "pages.archive": ("/archive",),
    "pages.archive_slash": ("/archive/",),
    "pages.year": ("/archive/2026",),
    "pages.tags": ("/tags",),
    "pages.tags_slash": ("/tags/",),
    "pages.tag": ("/tags/birds",),
    "pages.tag_feed_atom": ("/tags/birds/feed.atom",),
    "pages.tag_feed_rss": ("/tags/birds/feed.rss",),
    "pages.tag_feed_json": ("/tags/birds/feed.json",),
    "pages.feed_atom": ("/feed.atom",),
    "pages.feed_rss": ("/feed.rss",),
    "pages.feed_json": ("/feed.json",),
    "pages.search": ("/search", "/search?q=words"),
    "pages.search_slash": ("/search/",),
    "pages.sitemap": ("/sitemap.xml",),
    "pages.robots": ("/robots.txt",),
    "pages.security": ("/.well-known/security.txt",),
    "pages.now": ("/now",),
    "pages.now_json": ("/now.json",),
    "pages.face": ("/faces/x/1.svg",),
    "pages.card": ("/cards/one.png",),
    "pages.look": ("/look.css",),
    "pages.scheme": ("/scheme.css",),
    "pages.favicon": ("/favicon.ico",),
    "pages.touch_icon": ("/apple-touch-icon.png",),
    "pages.preview": (f"/preview/{PREVIEW}", "/preview/x"),
    "pages.preview_file": (f"/preview/{PREVIEW}/sky.jpg",),
    "static": ("/static/style.css", "/static/none"),
    "desk.front": ("/desk",),
    "desk.sign_in": ("/desk/sign-in",),
    "desk.link": ("/desk/link/x",),
    "desk.readers": (
        "/desk/readers",
        "/desk/readers?period=two-years",
        "/desk/readers?page=blog/one",
    ),
    "desk.readers_csv": ("/desk/readers.csv",),
    "desk.readers_json": ("/desk/readers.json",),
    "desk.list_events": ("/desk/events",),
    "desk.live": ("/desk/live",),
}
ALL_PATHS = [*itertools.chain(*PATHS.values()), "/healthz", "/metrics"]
# What gunicorn, Werkzeug's ProxyFix, Werkzeug or we make something of. Names with an underscore are
# what gunicorn's `forwarder_headers` are for; proxies differ in whether they pass them on.
PLACES = {"SCRIPT_NAME": "/x", "PATH_INFO": "/about", "X-Forwarded-Prefix": "/x"}
# All of these can be said at once.
TOGETHER = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "http",
    "Accept-Encoding": "gzip",
    "Cookie": "session=x; viblog_reader=AAAAAAAAAAAAAAAAAAAAAA; viblog_scheme=dark",
    "REMOTE_USER": "ann",
    "REMOTE_ADDR": "198.51.100.7",
    "SERVER_NAME": "evil.example",
    "wsgi.url_scheme": "http",
    "X-Script-Name": "/x",
    "X-Forwarded-For": "198.51.100.7",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Protocol": "ssl",
    "X-Forwarded-Ssl": "on",
    "X-Forwarded-Scheme": "http",
    "X-Scheme": "http",
    "X-Real-IP": "198.51.100.7",
    "X-HTTP-Method-Override": "DELETE",
    "X-Original-URL": "/desk",
    "X-Rewrite-URL": "/desk",
    "X-Requested-With": "XMLHttpRequest",
    "Forwarded": "for=198.51.100.7;host=evil.example;proto=https",
    "Proxy": "http://evil.example",
    "Accept": "application/json",
    "Accept-Language": "de",
    "Authorization": "Bearer x",
    "Cache-Control": "no-cache",
    "Content-Type": "application/x-www-form-urlencoded",
    "DNT": "1",
    "Last-Event-ID": "x.AAAAAAAAAAAAAAAAAAAAAA",
    "HX-Current-URL": "https://evil.example/",
    "HX-Request": "true",
    "Origin": "https://evil.example",
    "Pragma": "no-cache",
    "Purpose": "prefetch",
    "Referer": "https://evil.example/",
    "Save-Data": "on",
    "Sec-Fetch-Dest": "iframe",
    "Sec-Fetch-Site": "cross-site",
    "Sec-GPC": "1",
    "User-Agent": "Googlebot",
    "Via": "1.1 evil.example",
}
ALONE = {
    "Host": "127.0.0.1:1",
    "Content-Length": "0",
    "Expect": "100-continue",
    "If-Match": '"x"',
    "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT",
    "If-None-Match": "*",
    "If-Unmodified-Since": "Fri, 01 Jan 1999 00:00:00 GMT",
    "Range": "bytes=0-9",
    "TE": "trailers",
    "Upgrade": "websocket",
}
# By what they are called here. That of the author differs from blog to blog.
AUTHORS_COOKIE = "the cookie of the author"
SAID = {
    **{name: {name: value} for name, value in (PLACES | TOGETHER | ALONE).items()},
    "all together": TOGETHER,
    AUTHORS_COOKIE: {},
}
CHOSEN = {*PLACES, "Host", "all together", AUTHORS_COOKIE}
# Where a request says in its first line that it is for elsewhere.
TARGETS = (
    "http://evil.example{}",
    "http://evil.example:81{}",
    "//evil.example{}",
    ".evil.com{}?://",
)
KEPT = ("/", "/blog/one", "/about", "/feed.atom", "/feed.json", "/sitemap.xml", "/robots.txt")
SETTINGS = {
    "BLOG_SITE_URL": "https://blog.example",
    "BLOG_TRUSTED_HOSTS": "localhost,127.0.0.1",
    "BLOG_PROXY_HOPS": "1",  # its headers count, and it is on this machine
    "BLOG_SECRET_KEY": KEY,
    "BLOG_SCHEME_SWITCH": "1",
    "BLOG_PALETTE": "rose",
    "BLOG_SECURITY_CONTACT": "mailto:ann@blog.example",
    "BLOG_DASHBOARD": "public",
    "BLOG_HISTORY": "0",  # what was asked for counts, and shows there
}
# When the answer was made, and when this worker first made such a one.
TIMES = {"Date", "Last-Modified", "Expires"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    sky = write_plain(draw(600, 400))
    for name in ("posts/two", "posts/hidden", "pages/about"):
        (folder / name).mkdir(parents=True)
        (folder / name / "sky.jpg").write_bytes(sky)
    text = "---\ntitle: Two\ndate: 2026-01-02\n---\n![The sky](sky.jpg)\n"
    (folder / "posts/two/index.md").write_text(text)
    (folder / "posts/hidden/index.md").write_text("---\ntitle: Hidden\ndraft: true\n---\nWords.\n")
    (folder / "pages/about/index.md").write_text("---\ntitle: About\n---\n![The sky](sky.jpg)\n")
    write(folder, "Words.")
    return folder


@pytest.fixture(scope="module")
def sites(folder: Path) -> Iterator[tuple[Site, Site]]:
    """Start two blogs with the same posts: one that strangers ask first, and one they never ask."""
    folders = {f"BLOG_{name.upper()}_DIR": str(folder / name) for name in ("posts", "pages")}
    environ = SETTINGS | folders
    with Site(workers=1, environ=environ) as asked, Site(workers=1, environ=environ) as quiet:
        for site in (asked, quiet):
            for path in ("/blog/two", "/about"):
                site.wait(partial(names_copies, site, path), "copies of the pictures are made", 20)
        yield asked, quiet


def names_copies(site: Site, path: str) -> bool:
    return "srcset" in site.fetch(path)


def write(folder: Path, words: str) -> None:
    text = f"---\ntitle: One\ndate: 2026-01-01\ntags: [birds]\n---\n{words}\n"
    (folder / "one").write_text(text, encoding="utf-8")
    (folder / "one").replace(folder / "posts/one.md")  # as editors save


def ask(site: Site, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return an answer but for its times; `Host` may be another than usual."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": "localhost", **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    body = response.read()
    connection.close()
    kept = {name: value for name, value in response.getheaders() if name not in TIMES}
    if kept.get("Content-Type") == "image/webp":  # each blog makes its own copy of a picture
        del kept["ETag"]
    return response.status, kept, re.sub(rb'"end":"[^"]+"', b"", body)  # of a report: now


def change_posts(sites: tuple[Site, Site], folder: Path, words: str) -> None:
    """Change a post, so that nothing of the pages and feeds is made yet: "Words" and others."""
    write(folder, words)
    found = words.removeprefix("Words")  # which is marked in what a search finds
    for site, path in itertools.product(sites, ("/blog/one", "/search?q=words")):
        site.wait(partial(has_text, site, path, found), f"the change is at {path}")


def has_text(site: Site, path: str, text: str) -> bool:
    return text in site.fetch(path)


def sign_in(site: Site) -> str:
    """Return the author's cookie for one blog."""
    database = Database("", site.log_path.parent)
    made = Pass.make(PassRegistry(database).open_epoch(), time.time(), COOKIE_SECONDS)
    database.close()
    return f"__Secure-viblog_desk={sign(KEY, COOKIE_SALT, made)}"


def test_every_route_is_tried(tmp_path: Path) -> None:
    app = create_app(Settings(instance_dir=tmp_path))
    routes = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    app.extensions["viblog"].close()
    assert routes == set(PATHS)


def test_the_addresses_answer(sites: tuple[Site, Site]) -> None:
    """What is asked for below is there, but for what is meant not to be."""
    answers = {path: ask(sites[1], path)[0] for path in ALL_PATHS}
    missing = {path for path, status in answers.items() if status >= 400}
    assert missing == {
        *("/blog/none", "/nowhere", "/nowhere/file.txt", "/static/none"),
        *("/preview/x", "/desk/link/x", "/metrics"),
    }


@pytest.mark.parametrize(
    "header",
    [name if name in CHOSEN else pytest.param(name, marks=pytest.mark.full) for name in SAID],
)
def test_an_answer_is_the_same_after_somebody_asked_with_a_header(
    sites: tuple[Site, Site], folder: Path, header: str
) -> None:
    asked, quiet = sites
    change_posts(sites, folder, f"Words after {header}.")
    said, paths = SAID[header], ALL_PATHS
    if header == AUTHORS_COOKIE:
        said = {"Cookie": sign_in(asked)}
        assert b"/desk/sign-out" in ask(asked, "/desk/readers", **said)[2]
        paths = [path for path in paths if path != "/desk/live"]  # which would not end
    for path in paths:
        ask(asked, path, **said)
        if header in PLACES:  # it has to be what the path begins with
            ask(asked, f"/x{path}", **said)
    for path in ALL_PATHS:
        assert ask(asked, path) == ask(quiet, path), path


def test_an_answer_is_the_same_after_somebody_asked_for_it_elsewhere(
    sites: tuple[Site, Site], folder: Path
) -> None:
    asked, quiet = sites
    change_posts(sites, folder, "Words after another place.")
    for path, target in itertools.product(KEPT, TARGETS):
        ask(asked, target.format(path))
        ask(asked, target.format(path), SCRIPT_NAME=".evil.com")
    for path in KEPT:
        assert ask(asked, path) == ask(quiet, path), path
