"""A sitemap is read within bounds, says one line where it cannot be, and is kept meanwhile."""

from __future__ import annotations

import gzip
import http.server
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_presence.static_site import sitemap
from flask_presence.static_site.pages import SitemapPages, find_pages
from flask_presence.static_site.paths import canonical
from flask_presence.static_site.sitemap import SitemapError, read_sitemap

NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(*addresses: str) -> str:
    urls = "".join(f"<url><loc> {address} </loc></url>" for address in addresses)
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset {NAMESPACE}>{urls}</urlset>'


def index(*addresses: str) -> str:
    names = "".join(f"<sitemap><loc>{address}</loc></sitemap>" for address in addresses)
    return f"<sitemapindex {NAMESPACE}>{names}</sitemapindex>"


def write(folder: Path, name: str, text: str | bytes) -> str:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """Serve the folder."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            if not self.path.startswith("/to/"):
                super().do_GET()
                return
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("path", ["/a", "/a/", "/a/index.html"])
def test_a_page_has_one_name(path):
    assert canonical(path) == "/a"


def test_the_first_page_and_others_keep_their_names():
    assert [canonical(path) for path in ("/", "", "/index.html", "/a.html", "/xindex.html")] == [
        *("/", "/", "/"),
        *("/a.html", "/xindex.html"),
    ]


def test_a_file_has_pages_of_any_host_and_encoding(tmp_path):
    text = urlset("https://example.org/", "https://example.org/b/?x=1#y", "/caf%C3%A9/")
    assert read_sitemap(write(tmp_path, "sitemap.xml", text)) == {"/", "/b", "/café"}
    assert read_sitemap(write(tmp_path, "a.xml.gz", gzip.compress(text.encode()))) == {
        *("/", "/b", "/café"),
    }


def test_an_index_is_followed_where_it_is_itself(tmp_path, web):
    write(tmp_path, "posts.xml", urlset("https://example.org/post"))
    write(tmp_path, "tags.xml", urlset("https://example.org/tag"))
    write(tmp_path, "sitemap.xml", index(f"{web}/posts.xml", f"{web}/tags.xml", f"{web}/tags.xml"))
    assert read_sitemap(f"{web}/sitemap.xml") == {"/post", "/tag"}
    assert read_sitemap(str(tmp_path / "sitemap.xml")) == {"/post", "/tag"}
    write(tmp_path, "sitemap.xml", index("http://127.0.0.1:1/secret.xml"))
    with pytest.raises(SitemapError, match="expected sitemaps of the same host"):
        read_sitemap(f"{web}/sitemap.xml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<html></html>", "found <html>, expected <urlset> or <sitemapindex>"),
        ("not xml", "found no XML (syntax error: line 1, column 0), expected a sitemap"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><urlset/>', "found a document type, expected a sitemap"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><urlset/>'.encode("utf-16"), "found no XML ('utf-8' codec"),
        ("<urlset>" + "<a>" * 11, "found elements in 10 others"),
        (b"\x1f\x8bnonsense", "expected gzip"),
        (urlset(*(f"/{number}" for number in range(12))), "found more than 10 pages"),
        (urlset("https://[x/"), "Invalid IPv6 URL, expected addresses"),
        (" " * 3_000, "found more than 2000 bytes"),
        (gzip.compress(b" " * 3_000, mtime=0), "found more than 2000 bytes"),
        (index(*(f"{number}.xml" for number in range(7))), "found more than 5 sitemaps"),
    ],
)
def test_what_is_no_sitemap_or_too_much_of_it_is_one_line(tmp_path, monkeypatch, text, said):
    for name, value in (("MAX_PAGES", 10), ("MAX_BYTES", 2_000), ("MAX_FILES", 5)):
        monkeypatch.setattr(sitemap, name, value)
    path = write(tmp_path, "sitemap.xml", text)
    with pytest.raises(SitemapError) as raised:
        read_sitemap(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_is_not_there_or_takes_too_long_is_given_up(tmp_path, web):
    with pytest.raises(SitemapError, match=r"/none\.xml: cannot be read \(File not found\)"):
        read_sitemap(f"{web}/none.xml")
    with pytest.raises(SitemapError, match=r"cannot be read \(\[Errno 111\] Connection refused\)"):
        read_sitemap("http://127.0.0.1:1/sitemap.xml")


def test_a_redirect_stays_on_its_host(tmp_path, web):
    write(tmp_path, "sitemap.xml", urlset("/a"))
    assert read_sitemap(f"{web}/to/{web}/sitemap.xml") == {"/a"}
    for elsewhere in (web.replace("127.0.0.1", "localhost") + "/sitemap.xml", "ftp://127.0.0.1/x"):
        with pytest.raises(SitemapError, match=f"found a redirect to {elsewhere}, expected none"):
            read_sitemap(f"{web}/to/{elsewhere}")


# As in a worker: gevent has the sockets. The server sends a byte now and then, and never ends.
HOSTILE = """
from gevent import monkey; monkey.patch_all()
import gevent, gevent.server, sys
from flask_presence.static_site import sitemap
begin = sys.argv[1].encode().decode("unicode_escape").encode()
def answer(sock, address):
    sock.recv(4096)
    sock.sendall(begin)
    while sys.argv[2]:
        sock.sendall(sys.argv[2].encode())
        gevent.sleep(0.01)
    sock.close()
server = gevent.server.StreamServer(("127.0.0.1", 0), answer)
server.start()
sitemap.MAX_SECONDS = 0.5
try:
    sitemap.read_sitemap(f"http://127.0.0.1:{server.server_port}/s.xml")
except sitemap.SitemapError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("begin", "then", "said"),
    [
        (r"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n", " ", "found no end of it in 0.5 s"),
        (r"HTTP/1.1 200 OK\r\nA: b", "b", "found no end of it in 0.5 s"),
        (r"nonsense\r\n", "", "cannot be read (nonsense)"),
    ],
)
def test_a_hostile_server_is_one_line(begin, then, said):
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE, begin, then], capture_output=True, text=True, timeout=30
    )
    assert done.stderr == ""
    assert done.stdout.endswith(f"/s.xml: {said}\n")


def test_an_outage_is_said_once_and_the_last_list_kept(caplog):
    answers: list[frozenset[str] | SitemapError] = [
        frozenset({"/a"}),
        SitemapError("x: cannot be read"),
        SitemapError("x: cannot be read"),
        frozenset({"/a", "/b"}),
    ]

    def read(source: str) -> frozenset[str]:
        answer = answers.pop(0)
        if isinstance(answer, SitemapError):
            raise answer
        return answer

    pages = SitemapPages("x", refresh_seconds=60, read=read)
    assert pages.find("/a") is None
    found = []
    with caplog.at_level(logging.INFO):
        for _ in range(4):
            pages.refresh()
            found.append((pages.find("/a/"), pages.find("/b")))
    assert found == [("/a", None), ("/a", None), ("/a", None), ("/a", "/b")]
    assert [record.message for record in caplog.records] == [
        "presence: the sitemap cannot be used: x: cannot be read; the 1 pages that it had count",
        "presence: the sitemap is back, 2 pages",
    ]


def test_a_pattern_has_every_page_that_matches():
    pages = find_pages("/blog/*", refresh_seconds=60)
    assert pages.find("/blog/first/") == "/blog/first"
    assert pages.find("/about") is None
    assert pages.find("/blog/" + "x" * 2_000) is None


@pytest.mark.parametrize("source", ["sitemap.xml", "/srv/none.xml", "blog/*", "ftp://example.org/"])
def test_what_is_neither_is_said(source):
    with pytest.raises(ValueError, match="expected the address of a sitemap, a file, or a pattern"):
        find_pages(source, refresh_seconds=60)
