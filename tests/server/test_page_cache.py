"""The page cache under the real server: cached pages follow every change at once."""

from __future__ import annotations

import gzip
import re
import shutil
import socket
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.server.open_stream import OpenStream
from tests.site import ROOT, Site

SOON_SECONDS = 1.5
LATENESS_SECONDS = 0.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("posts")
    write(folder, "one", "First words.")
    return folder


@pytest.fixture(scope="module")
def site(folder):
    environ = {"BLOG_POSTS_DIR": str(folder), "GUNICORN_CMD_ARGS": "--access-logfile -"}
    with Site(workers=1, environ=environ) as site:
        yield site


@pytest.fixture(scope="module")
def uncached(folder):
    environ = {"BLOG_POSTS_DIR": str(folder), "BLOG_PAGE_CACHE_MEGABYTES": "0"}
    with Site(workers=1, environ=environ) as site:
        yield site


@pytest.fixture
def same_post(site, uncached, folder):
    """Wait until both show the same words and numbers, whatever other tests did before."""
    (folder / "soon.md").unlink(missing_ok=True)
    write(folder, "one", "First words.")

    def is_read(page):
        return "First words." in page and "/blog/soon" not in page

    for each in (site, uncached):
        each.wait(lambda each=each: is_read(each.fetch("/blog/one")), "both have read it")
        each.wait_for_total(0)


def write(folder, name, text, **fields):
    front = "".join(f"{key}: {value}\n" for key, value in {"title": name, **fields}.items())
    # By a rename, as editors save: a file that is half written is a post without a title.
    (folder / f".{name}").write_text(f"---\n{front}---\n{text}\n")
    (folder / f".{name}").replace(folder / f"{name}.md")


def send_raw(site, *requests):
    """Return all that comes back over one connection, but for the time."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as sock:
        sock.sendall("".join(requests).encode())
        received = b""
        while more := sock.recv(65536):
            received += more
    return re.sub(rb"\r\nDate: [^\r]*", b"", received)


def ask(site, path, coding):
    request = urllib.request.Request(site.url + path, headers={"Accept-Encoding": coding})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.headers, answer.read()


def test_a_changed_post_is_shown_and_never_the_old_one_again(site, folder):
    write(folder, "one", "Second words.")
    site.wait(lambda: "Second words." in site.fetch("/blog/one"), "the post is read again")
    for _ in range(20):
        assert "First words." not in site.fetch("/blog/one")


def test_a_scheduled_post_is_on_the_cached_index_from_its_moment_until_it_expires(site, folder):
    appears = datetime.now(UTC) + timedelta(seconds=SOON_SECONDS)
    ends = appears + timedelta(seconds=SOON_SECONDS)
    write(folder, "soon", "Text.", date=appears.isoformat(), expires=ends.isoformat())
    for moment, is_shown in ((appears, True), (ends, False)):
        site.wait(lambda shown=is_shown: ("/blog/soon" in site.fetch("/")) == shown, "its moment")
        assert 0 <= (datetime.now(UTC) - moment).total_seconds() < LATENESS_SECONDS


def test_every_coding_shows_a_reader_who_came_and_no_longer_one_who_left(site):
    unpack: dict[str, Callable[[bytes], bytes]] = {"identity": bytes, "gzip": gzip.decompress}

    def assert_shown(count, words):
        site.wait_for_total(count)
        for coding in unpack:
            headers, body = ask(site, "/blog/one", coding)
            assert headers.get("Content-Encoding", "identity") == coding
            assert f">{words}<".encode() in unpack[coding](body)

    assert_shown(0, "just you reading")
    with OpenStream(site, "blog/one"):
        assert_shown(1, "1 reading now")
    assert_shown(0, "just you reading")


@pytest.mark.parametrize("page", ["GET /blog/one", "HEAD /blog/one"])
@pytest.mark.parametrize(
    ("version", "headers"),
    [
        ("1.1", "Host: x\r\nConnection: close\r\n"),
        ("1.1", "Host: x\r\nConnection: close\r\nIf-None-Match: *\r\n"),
        ("1.0", ""),
        ("1.0", "Connection: close\r\n"),
    ],
)
@pytest.mark.usefixtures("same_post")
def test_over_the_wire_an_answer_is_gunicorns_own(site, uncached, page, version, headers):
    """The cache sends by itself: the same bytes as gunicorn, before and after it is cached."""
    request = f"{page} HTTP/{version}\r\n{headers}\r\n"
    expected = send_raw(uncached, request)
    assert [send_raw(site, request) for _ in range(3)] == [expected] * 3
    assert expected.startswith(b"HTTP/")


@pytest.mark.usefixtures("same_post")
def test_a_connection_is_kept_over_many_answers(site, uncached):
    request = "{} /blog/one HTTP/1.1\r\nHost: x\r\n{}\r\n"
    requests = [request.format("GET", ""), request.format("HEAD", "")] * 10
    requests.append(request.format("GET", "Connection: close\r\n"))
    received = send_raw(site, *requests)
    assert received == send_raw(uncached, *requests)
    assert received.count(b"HTTP/1.1 200 OK") == 21


def test_an_answer_of_the_cache_is_in_the_access_log(site):
    def count():
        return site.read_whole_log().count("request method=GET path=/about status=200 ")

    for _ in range(3):
        site.fetch("/about")
    site.wait(lambda: count() == 3, "all three are logged")


def test_a_post_in_another_script_is_read_counted_and_named_at_its_escaped_address(site, folder):
    write(folder, "Привет", "Text.", tags="[ночь]")
    path = "/blog/%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82"
    site.wait(lambda: f'href="{path}"' in site.fetch("/"), "the post is listed")
    link = f'<a href="{path}">Привет</a>'
    with OpenStream(site, path.removeprefix("/").replace("/", "%2F")) as reader:
        reader.read_until("1 reading now")
        site.wait(lambda: "1 reading now" in site.fetch(path), "the reader is counted")
        site.wait(lambda: f"{link} " in site.fetch("/"), "the post is named on the index")
        with OpenStream(site) as index:
            index.read_until(link)
    head = "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    former = "41f-440-438-432-435-442"
    assert b"301 MOVED PERMANENTLY" in send_raw(site, f"GET /blog/{former} {head}")
    assert f"\r\nLocation: {path}\r\n".encode() in send_raw(site, f"GET /blog/{former} {head}")
    once, twice = (send_raw(site, f"GET {path} {head}") for _ in range(2))
    assert once == twice
    assert b"200 OK" in once
    assert b"200 OK" in send_raw(site, f"HEAD {path} {head}")
    assert "/blog/Привет".encode() not in once


def test_a_first_visit_to_a_post_is_32_kib_over_the_wire_without_the_font(site, folder):
    """Heads and all, for the page, its stylesheet, its two scripts and its icon."""

    def fetch(path):
        with site.connect() as connection:
            head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close"
            connection.sendall(f"{head}\r\n\r\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b""))

    path = "/blog/how-the-counter-works"
    shutil.copy(ROOT / "posts" / "how-the-counter-works.md", folder)
    site.wait(lambda: b" 200 OK" in fetch(path), "it is read")
    linked = re.findall(r'(?:src|href)="(/static/[^"]+)"', site.fetch(path))
    parts = [link for link in linked if ".woff2" not in link]
    assert len(parts) == 4
    sizes = {link.partition("?")[0]: len(fetch(link)) for link in [path, *parts]}
    assert sum(sizes.values()) <= 32 * 1024, sizes
    print(f"\na first visit: {sum(sizes.values())} bytes")
