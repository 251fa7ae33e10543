"""A folder of posts that nobody means well, and requests of the same kind, at a real server."""

from __future__ import annotations

import http.client
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.server.open_stream import OpenStream
from tests.site import Site

GOOD = "---\ntitle: Good\ndate: 2026-11-20\ntags: [x]\n---\n\nWell meant.\n"
SECRET = "the secret beside the folder"
CONTROLS = "".join(chr(n) for n in range(32) if chr(n) not in "\t\n\r") + "\x7f\x85\u2028\u2029"
# What a stream is told that asks for a post which is not there: fixed words.
NOBODY = (
    'data: <hx-partial hx-target=".post-updated" hx-swap="innerMorph">This post is no longer'
    ' published. <a href="/">Other posts</a></hx-partial>\n\nevent: park\ndata: \n\n'
)
LURE = "</hx-partial><script>alert(1)</script>\\n\\nevent: park\\r\\ndata: x"

# What each file says, and what is said of it. They are bytes where they are no text.
BAD: dict[str, tuple[str | bytes, str]] = {
    "huge-post.md": (GOOD + "word " * 1_000_000, ":1: a file of 4.8 MiB"),
    "huge-front.md": ("---\ntitle: a\nb: " + "x" * 10_000_000 + "\n---\n", ":1: a file of"),
    "large-front.md": ("---\ntitle: a\nb: " + "x" * 100_000 + "\n---\n", ":1: front matter"),
    "many-tags.md": (
        "---\ntitle: a\ntags: [" + ", ".join(f"t{n}" for n in range(100_000)) + "]\n---\n",
        ":1: front matter of",
    ),
    "object.md": ("---\ntitle: !!python/object/apply:os.system ['true']\n---\n", ":2: "),
    "alias.md": (
        "---\na0: &a0 [x, x]\n"
        + "\n".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 30))
        + "\n---\n",
        "more than 20 aliases",
    ),
    "nul.md": ("---\ntitle: a\x00b\n---\n", ":2: broken YAML: a control character"),
    "latin.md": (b"---\ntitle: caf\xe9\n---\n", ":2: bytes that are no UTF-8"),
    "wide.md": ("---\ntitle: a\n---\n".encode("utf-16"), ":1: bytes that are no UTF-8"),
    "brackets.md": ("# Brackets\n\n" + "[" * 100_000, ":3: more than 500 brackets"),
    "endless.md": ("---\ntitle: a\n", ":1: front matter that never ends"),
    "deep.toml.md": ("+++\na = " + "[" * 30_000 + "\n+++\n", "broken TOML"),
    "deep.json.md": ('{"title": ' + "[" * 30_000, "broken JSON"),
    "deep.exs.md": ("%{a: " + "[" * 30_000 + "\n---\n", "found"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder; what is good in it has a name that begins so."""
    top = tmp_path_factory.mktemp("hostile")
    folder = top / "posts"
    (folder / "good-folder.md").mkdir(parents=True)
    for name in ("good", "good-folder.md/good-inside"):
        (folder / f"{name}.md").write_text(GOOD)
    (folder / "good-marked.md").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    (folder / "good-lure.md").write_text(
        f'---\ntitle: "{LURE}"\ndate: 2026-11-21\n'
        f'tags: ["{LURE}", "a\\0b", "\\x85\\u2028"]\n---\n\n'
        f"Text {CONTROLS}<script>alert(1)</script>\n"
    )
    for name, (content, _) in BAD.items():
        raw = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(raw)
    (top / "secret.md").write_text(f"# {SECRET}\n")
    (top / "secret.png").write_text(SECRET)
    (folder / "out.md").symlink_to(top / "secret.md")
    (folder / "out.png").symlink_to(top / "secret.png")
    (folder / "out").symlink_to(top)
    (folder / "loop.md").symlink_to(folder / "loop.md")
    (folder / "round").symlink_to(folder)
    for raw in (b"\xff.md", b"\xff.png", b"\xff-folder"):
        (folder / os.fsdecode(raw)).symlink_to(folder / "good-folder.md")
    (folder / os.fsdecode(b"caf\xe9.md")).write_text(GOOD)
    os.mkfifo(folder / "pipe.md")
    os.mkfifo(folder / "pipe.png")
    return folder


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[Site]:
    environ = {"BLOG_POSTS_DIR": str(folder), "BLOG_SITE_URL": "https://blog.example"}
    with Site(workers=1, environ=environ) as site:
        yield site


def ask(site: Site, path: str) -> tuple[int, str]:
    """Ask for a path as it is written: nothing is encoded or resolved on the way."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=5)
    try:
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", "localhost")
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")
    finally:
        connection.close()


@pytest.mark.parametrize("name", [*BAD, "out.md", "out", "loop.md", "pipe.md"])
def test_a_bad_file_is_one_clear_line_in_the_log(site, folder, name):
    said = BAD[name][1] if name in BAD else ":1: "
    lines = [line for line in site.read_whole_log().splitlines() if f"{folder / name}:" in line]
    assert len(lines) == (2 if name == "wide.md" else 1), lines  # that one has no title, too
    assert said in lines[0]
    mended = lines[0].partition(", expected ")[2]
    assert ", " in mended  # what was expected, and how to mend it
    assert len(lines[0]) < 500


def test_names_that_are_no_utf_8_are_a_line_each(site, folder):
    log = site.read_whole_log()
    for name in (" .md", " -folder", "caf .md"):
        assert log.count(f"{folder}/{name}:1: a name that is no UTF-8") == 1


def test_all_that_is_good_is_served(site):
    _, index = ask(site, "/blog")
    for name in ("good", "good-inside", "good-marked", "good-lure"):
        assert ask(site, f"/blog/{name}")[0] == 200, name
        assert f'href="/blog/{name}"' in index
    for path in ("/tags", "/archive", "/search?q=well", "/about"):
        assert ask(site, path)[0] == 200, path
    for name in (*BAD, "out", "loop", "pipe", "secret"):
        assert ask(site, f"/blog/{name.partition('.')[0]}")[0] == 404, name


def test_a_title_and_tags_that_look_like_markup_and_events_are_text(site):
    for path in ("/blog", "/blog/good-lure", "/tags", "/archive"):
        status, page = ask(site, path)
        assert status == 200
        assert "</hx-partial><script>" not in page
        assert "event: park" not in page.replace("event: park data: x", "")


@pytest.mark.parametrize("path", ["/feed.atom", "/feed.rss", "/sitemap.xml"])
def test_what_is_xml_stays_xml(site, path):
    status, text = ask(site, path)
    assert status == 200
    assert "good-lure" in text
    ElementTree.fromstring(text.encode())  # noqa: S314 - our own


def test_no_name_of_a_page_gets_into_an_event(site):
    """The name is looked up and not written: every control character, and every line end."""
    for sign in (*CONTROLS, "\r\n", "\n\n"):
        quoted = "".join(f"%{byte:02x}" for byte in sign.encode())
        page = f"blog/good{quoted}event:%20x{quoted}data:%20y"
        status, text = ask(site, f"/live?page={page}")
        assert (status, text) == (200, NOBODY), repr(sign)
    with OpenStream(site, "blog/good-lure") as stream:
        stream.read_until("1 reading now")
        assert "script" not in stream.text
        assert "park" not in stream.text


@pytest.mark.parametrize("sign", ["%0d%0a", "%0a", "%0d", "%00", "%e2%80%a8"])
@pytest.mark.parametrize("path", ["/blog/", "/tags/", "/archive/", "/preview/", "/static/", "/"])
def test_a_path_with_a_line_end_is_found_nowhere_and_splits_no_head(site, path, sign):
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as sock:
        request = f"GET {path}x{sign}Set-Cookie:%20a=b HTTP/1.1\r\nHost: localhost\r\n"
        sock.sendall(f"{request}Connection: close\r\n\r\n".encode())
        head = b"".join(iter(lambda: sock.recv(65536), b"")).partition(b"\r\n\r\n")[0]
    assert b"404" in head.partition(b"\r\n")[0]
    assert b"\nset-cookie" not in head.lower()


OUT = [
    "../secret.md",
    "../secret.png",
    "..%2fsecret.md",
    "%2e%2e/secret.png",
    "%2e%2e%2fsecret.png",
    "%252e%252e%252fsecret.png",
    "..%5csecret.png",
    "..\\secret.png",
    "%c0%ae%c0%ae/secret.png",
    "....//secret.png",
    "./../secret.png",
    "%00/../../secret.png",
    "out.png",
    "out/secret.png",
    "pipe.png",
    "good/../../secret.png",
    "../../../../../../etc/passwd",
    "..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
]


@pytest.mark.parametrize("below", ["/", "/blog/", "/static/", "/tags/", "/live?page=blog/"])
def test_no_path_leads_out_of_the_folder(site, below):
    for written in OUT:
        status, text = ask(site, below + written)
        assert SECRET not in text, written
        assert "root:" not in text, written
        assert status in (200, 400, 404, 301, 308), (written, status)
        if status == 200:
            assert text == NOBODY, written


def test_the_server_was_up_soon_and_is_no_larger_for_it(site):
    (pid,) = site.worker_pids()
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    peak_kb = int(status.partition("VmHWM:")[2].split()[0])
    assert peak_kb < 200_000


def test_a_bad_file_that_appears_is_told_and_stops_nothing(site, folder):
    with OpenStream(site) as stream:
        stream.read_until("1 reader online")
        (folder / "later.md").write_text("# Later\n\n" + "[" * 10_000)
        site.wait(lambda: "later.md:3: more than" in site.read_whole_log(), "it is told")
        began = time.monotonic()
        with OpenStream(site):
            stream.read_until("2 readers online")
        assert time.monotonic() - began < 2
    assert ask(site, "/blog/good")[0] == 200
