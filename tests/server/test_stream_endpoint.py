"""The stream endpoint of the real server: who gets in, what is sent, and when a leave is seen."""

from __future__ import annotations

import http.client
import itertools
import socket
import time
from collections.abc import Iterator

import pytest

from tests.server.open_stream import OpenStream
from tests.site import Site

POST = "blog/how-the-counter-works"


@pytest.fixture(scope="module")
def running_site() -> Iterator[Site]:
    settings = {
        "BLOG_LINGER_SECONDS": "0.01",
        "BLOG_MAX_OPENS_PER_ADDRESS": "0",
        "BLOG_MAX_STREAMS": "6",
        "BLOG_PACE_SECONDS": "0.01",
        "BLOG_STALL_SECONDS": "2",
        "BLOG_TRUSTED_HOSTS": "localhost,127.0.0.1",
    }
    with Site(workers=1, environ=settings) as site:
        yield site


@pytest.fixture
def site(running_site: Site) -> Site:
    running_site.wait_for_total(0)
    return running_site


def ask(site: Site, method: str, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=5)
    connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    response = connection.getresponse()
    body = response.read().decode() if method != "HEAD" else ""
    connection.close()
    return response.status, dict(response.getheaders()), body


def test_the_first_frame_comes_at_once_with_the_right_numbers(site):
    with OpenStream(site, POST) as stream:
        text = stream.read_until("</hx-partial>\n\n")
    assert "content-type: text/event-stream" in text.lower()
    assert "x-accel-buffering: no" in text.lower()
    assert ">1 reader online<" in text
    assert ">1 reading now<" in text


def test_the_cookie_is_for_the_stream_only_and_out_of_reach_of_scripts(site):
    with OpenStream(site) as stream:
        text = stream.read_until("online")
    (cookie,) = [line for line in text.splitlines() if line.startswith("Set-Cookie")]
    assert cookie.split("; ")[1:] == ["HttpOnly", "Path=/live", "SameSite=Lax"]


def test_a_reader_who_has_a_cookie_gets_no_other(site):
    with OpenStream(site, headers="Cookie: viblog_reader=AAAAAAAAAAAAAAAAAAAAAA\r\n") as stream:
        assert "Set-Cookie" not in stream.read_until("online")


@pytest.mark.parametrize(
    ("scheme", "name", "is_known"),
    [
        ("https", "__Host-viblog_reader", True),
        ("https", "viblog_reader", False),  # may be from a sibling of the domain
        ("http", "__Host-viblog_reader", False),
        ("http", "viblog_reader", True),
    ],
)
def test_over_https_a_cookie_is_the_hosts_own(site, scheme, name, is_known):
    cookie = f"Cookie: {name}=AAAAAAAAAAAAAAAAAAAAAA\r\nX-Forwarded-Proto: {scheme}\r\n"
    with OpenStream(site, headers=cookie) as stream:
        assert ("Set-Cookie" not in stream.read_until("online")) == is_known


@pytest.mark.parametrize("leave", ["close", "reset", "half_close"])
def test_a_leave_is_seen_at_once(site, leave):
    """Within 100 ms, and not at the next ping: here 15 s later."""
    with OpenStream(site, POST) as staying:
        leaving = OpenStream(site, POST)
        staying.read_until("2 reading now")
        staying.text = ""
        began = time.monotonic()
        getattr(leaving, leave)()
        staying.read_until("1 reading now", seconds=1)
        assert time.monotonic() - began < 0.1
        leaving.close()


def test_a_page_that_is_not_there_parks_its_tab(site):
    status, headers, body = ask(site, "GET", "/live?page=blog/nothing")
    gone, park, rest = body.split("\n\n")
    assert (status, park, rest) == (200, "event: park\ndata: ", "")
    assert "This post is no longer published." in gone
    assert "nothing" not in gone
    assert headers["Content-Type"].startswith("text/event-stream")
    assert ask(site, "GET", "/live?page=nothing")[2] == "event: park\ndata: \n\n"


def test_another_sites_page_is_refused(site):
    status, _, _ = ask(site, "GET", "/live?page=index", Sec_Fetch_Site="cross-site")
    assert status == 403
    assert site.total() == 0


def test_a_look_at_the_headers_counts_nobody(site):
    status, headers, _ = ask(site, "HEAD", "/live?page=index")
    assert (status, site.total()) == (200, 0)
    assert headers["Content-Type"].startswith("text/event-stream")


def test_above_the_cap_a_stream_says_busy_and_pages_still_answer(site):
    streams = [OpenStream(site) for _ in range(6)]
    for stream in streams:
        stream.read_until("online")
    status, _, body = ask(site, "GET", "/live?page=index")
    assert status == 200
    assert body.startswith("retry: ")
    assert body.endswith("event: busy\ndata: \n\n")
    assert site.total() == 6
    for stream in streams:
        stream.close()


def test_a_stray_byte_of_the_client_ends_nothing_and_costs_nothing(site):
    with OpenStream(site) as stream:
        stream.read_until("1 reader online")
        stream.sock.sendall(b"x")
        with OpenStream(site) as second:
            second.read_until("2 readers online")
            stream.read_until("2 readers online")


def test_a_foreign_host_gets_a_plain_page_and_leaves_no_trace_in_the_log(site):
    status, _, body = ask(site, "GET", "/blog", Host="evil.example")
    assert status == 400
    assert "<h1>" in body
    assert "Traceback" not in site.read_log()


@pytest.mark.full
def test_twenty_thousand_streams_that_come_and_go_leave_nothing(site):
    """Whenever they go: before they asked, while they are let in, after the first frame."""
    with OpenStream(site) as stream:
        stream.read_until("1 reader online")
    site.wait_for_total(0)
    before = site.open_connections()
    leaves = itertools.cycle(["close", "reset", "half_close", "close"])
    for turn, leave in zip(range(20_000), leaves, strict=False):
        stream = OpenStream(site)
        if turn % 3 == 0:
            stream.sock.recv(1000)
        getattr(stream, leave)()
        stream.close()
    site.wait_for_total(0, seconds=10)
    site.wait(lambda: site.open_connections() <= before, "no connection is left")
    streams = [OpenStream(site) for _ in range(6)]  # as many as the cap lets in
    for stream in streams:
        stream.read_until("online")
    streams[0].read_until("6 readers online")
    for stream in streams:
        stream.close()


def test_no_address_of_a_reader_is_in_the_log(site):
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as connection:
        connection.sendall(b"NOT HTTP AT ALL\r\n\r\n")
        connection.recv(1000)
    site.wait(lambda: "Invalid request" in site.read_log(), "the bad request is logged")
    lines = [line for line in site.read_log().splitlines() if "Invalid request" in line]
    assert lines
    assert all("127.0.0.1" not in line for line in lines)
