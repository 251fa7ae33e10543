"""Whom real workers behind a proxy let in: by address, by whose page asks, and for whom."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import socket
from collections.abc import Iterator

import pytest
from redis import Redis

from tests.server.open_stream import OpenStream
from tests.site import Site

MAX_OPEN = 6
MAX_OPENS = 12
COOKIE = "viblog_reader=AAAAAAAAAAAAAAAAAAAAAA"
_addresses = (f"198.51.100.{n}" for n in itertools.count(1))


@pytest.fixture(scope="module")
def running_site() -> Iterator[Site]:
    settings = {
        "BLOG_LINGER_SECONDS": "0.01",
        "BLOG_MAX_STREAMS_PER_ADDRESS": str(MAX_OPEN),
        "BLOG_MAX_OPENS_PER_ADDRESS": str(MAX_OPENS),
        "BLOG_PROXY_HOPS": "1",
        "BLOG_TRUSTED_HOSTS": "localhost,127.0.0.1",
    }
    with Site(workers=2, environ=settings) as site:
        yield site


@pytest.fixture
def site(running_site: Site) -> Site:
    """Wait until no worker counts a tab of the test before: each hears of its end by itself."""

    def counts_nobody(pid: int) -> bool:
        with running_site.only_worker(pid):
            return running_site.total() == 0

    with running_site.embedded_redis() as redis:
        # Asked again and again: one that is frozen meanwhile cannot tell the others of an end.
        running_site.wait(
            lambda: not keys_in(redis) and all(map(counts_nobody, running_site.worker_pids())),
            "no worker counts anybody",
            10,
        )
    return running_site


@pytest.fixture
def address() -> str:
    """Return an address that no other test has."""
    return next(_addresses)


def forwarded_for(*addresses: str) -> str:
    return f"X-Forwarded-For: {', '.join(addresses)}\r\n"


@contextlib.contextmanager
def open_streams(site: Site, count: int, headers: str, pid: int) -> Iterator[list[OpenStream]]:
    """Open streams in one worker, each of them let in."""
    with contextlib.ExitStack() as stack, site.only_worker(pid):
        streams = [stack.enter_context(OpenStream(site, headers=headers)) for _ in range(count)]
        for stream in streams:
            stream.read_until("online")
        stack = stack.pop_all()
    with stack:
        yield streams


def ask(site: Site, **headers: str) -> tuple[int, str]:
    """Ask for the stream of the index; return status, and what came first."""
    written = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    with OpenStream(site, headers=written) as stream:
        text = stream.read_until("\n\n" if "Sec_Fetch_Site" not in headers else "\r\n\r\n")
        if "event: " not in text and " 200 " in text:
            text = stream.read_until("online")
    return int(text.split()[1]), text


def is_let_in(site: Site, headers: str) -> bool:
    with OpenStream(site, headers=headers) as stream:
        site.wait(lambda: receives(stream, "event: busy", "live-total"), "an answer")
        return "live-total" in stream.text


def keys_in(redis: Redis) -> set[str]:
    """Return the presence keys in all slots: of those that are shown, which have a meta."""
    slots = [redis.hgetall(key) for key in redis.keys("{viblog}:w:*")]
    tabs = [json.loads(tab) for slot in slots for tab in slot.values() if tab[0] == "["]
    return {key for _, key, meta, *_ in tabs if meta is not None}


def receives(stream: OpenStream, *parts: str) -> bool:
    stream.sock.settimeout(5)
    stream.text += stream.sock.recv(65536).decode()
    return any(part in stream.text for part in parts)


def test_the_cap_of_an_address_holds_over_both_workers(site, address):
    here, there = site.worker_pids()
    headers = forwarded_for(address)
    with (
        open_streams(site, MAX_OPEN // 2, headers, here),
        open_streams(site, MAX_OPEN // 2, headers, there),
    ):
        for pid in (here, there):
            with site.only_worker(pid):
                assert not is_let_in(site, headers)
        assert is_let_in(site, forwarded_for(next(_addresses)))


def test_the_rate_of_an_address_holds_over_both_workers(site, address):
    headers = forwarded_for(address)
    for pid in site.worker_pids():
        for _ in range(2):
            with open_streams(site, MAX_OPENS // 4, headers, pid):
                pass
            site.wait_for_total(0)
    with OpenStream(site, headers=headers) as stream:
        text = stream.read_until("event: busy\ndata: \n\n")
    assert 5000 <= int(text.partition("retry: ")[2].split()[0]) <= 15000


def test_a_tab_that_comes_back_is_no_new_one_of_its_address(site, address):
    """As often as it likes, but only as itself: whoever names another's is a new tab."""
    pid, _ = site.worker_pids()
    with contextlib.ExitStack() as stack, site.only_worker(pid):
        tab = stack.enter_context(OpenStream(site, headers=forwarded_for(address)))
        tab.read_until("1 reader online")
        first_id = tab.event_id
        for _ in range(2 * MAX_OPENS):
            headers = f"{forwarded_for(address)}Last-Event-ID: {tab.event_id}\r\n"
            back = stack.enter_context(OpenStream(site, headers=headers))
            assert ">1 reader online<" in back.read_until("online")
            tab.close()
            tab = back
        for _ in range(MAX_OPENS - 1):
            assert is_let_in(site, f"{forwarded_for(address)}Last-Event-ID: {first_id}\r\n")
        assert not is_let_in(site, f"{forwarded_for(address)}Last-Event-ID: {first_id}\r\n")


def test_the_addresses_of_one_network_count_together(site):
    """An IPv6 line has a /64 of its own, and as many addresses as it wants."""
    pid, _ = site.worker_pids()
    with contextlib.ExitStack() as stack:
        for n in range(MAX_OPEN):
            headers = forwarded_for(f"2001:db8:7:1::{n:x}")
            stack.enter_context(open_streams(site, 1, headers, pid))
        assert not is_let_in(site, forwarded_for("2001:db8:7:1:ffff::1"))
        assert is_let_in(site, forwarded_for("2001:db8:7:2::1"))


def test_what_a_reader_says_before_the_proxy_does_is_not_believed(site, address):
    pid, _ = site.worker_pids()
    with contextlib.ExitStack() as stack:
        for n in range(MAX_OPEN):
            headers = forwarded_for(f"203.0.113.{n}", address)
            stack.enter_context(open_streams(site, 1, headers, pid))
        assert not is_let_in(site, forwarded_for("203.0.113.99", address))


def test_a_killed_workers_streams_count_no_more(site, address):
    killed, staying = site.worker_pids()
    headers = forwarded_for(address)
    with open_streams(site, MAX_OPEN, headers, killed):
        with site.only_worker(staying):
            assert not is_let_in(site, headers)
        site.kill_worker(killed)
        site.wait(lambda: len(set(site.worker_pids()) - {killed}) == 2, "another worker is there")
    assert is_let_in(site, headers)
    site.wait_for_total(0, seconds=10)


def test_without_a_proxy_a_forged_header_changes_nothing():
    settings = {"BLOG_MAX_STREAMS_PER_ADDRESS": "1"}
    with Site(workers=1, environ=settings) as site:
        (pid,) = site.worker_pids()
        with open_streams(site, 1, forwarded_for("203.0.113.1"), pid):
            assert not is_let_in(site, forwarded_for("203.0.113.2"))


@pytest.mark.parametrize("site_header", ["cross-site", "same-site", "none"])
def test_what_is_not_the_blogs_own_page_is_refused(site, address, site_header):
    status, _ = ask(site, Sec_Fetch_Site=site_header, X_Forwarded_For=address)
    assert status == 403
    assert site.total() == 0


def test_over_http_another_origin_is_refused(site, address):
    with OpenStream(
        site, headers=f"Origin: http://evil.example\r\n{forwarded_for(address)}"
    ) as stream:
        assert " 403 " in stream.read_until("\r\n\r\n")
    with OpenStream(
        site, headers=f"Origin: http://localhost\r\n{forwarded_for(address)}"
    ) as stream:
        stream.read_until("1 reader online")


def test_a_crawler_is_sent_away_for_good_without_being_counted(site, address):
    agent = "Mozilla/5.0 (compatible; Examplebot/1.0; +https://crawl.example)"
    status, text = ask(site, User_Agent=agent, X_Forwarded_For=address)
    assert status == 200
    assert text.endswith("event: park\ndata: \n\n")
    assert "Set-Cookie" not in text
    assert site.total() == 0


@pytest.mark.parametrize("signal", ["Sec_GPC", "DNT"])
def test_who_asks_for_privacy_counts_by_the_tab_and_gets_no_cookie(site, address, signal):
    private = f"{signal.replace('_', '-')}: 1\r\n{forwarded_for(address)}Cookie: {COOKIE}\r\n"
    pid, _ = site.worker_pids()
    with (
        open_streams(site, 1, private, pid) as (one,),
        open_streams(site, 1, private, pid) as (two,),
    ):
        two.read_until("2 readers online")
        assert "Set-Cookie" not in one.text + two.text
        with site.embedded_redis() as redis:
            site.wait(lambda: len(keys_in(redis)) == 2, "both tabs are in Redis, each by itself")


def test_who_asks_for_privacy_may_be_left_uncounted_and_sees_the_numbers():
    settings = {"BLOG_PRIVACY_SIGNAL": "uncounted", "BLOG_LINGER_SECONDS": "0.01"}
    with Site(workers=1, environ=settings) as site:
        with OpenStream(site, headers="Sec-GPC: 1\r\n") as private:
            assert "Set-Cookie" not in private.read_until("just you online")
            with OpenStream(site) as other:
                other.read_until("1 reader online")
                private.read_until("1 reader online")
            private.text = ""
            private.read_until("just you online")
        site.wait_for_total(0)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "[::1]:80", "a b"]
)
def test_a_host_that_is_not_trusted_is_answered_nowhere(site, host):
    for path in ("/blog", "/live?page=index", "/static/style.css", "/feed.xml"):
        with socket.create_connection(("127.0.0.1", site.port), timeout=5) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert b" 400 " in sock.recv(4096).partition(b"\r\n")[0], path


@pytest.mark.parametrize("host", ["LocalHost", "localhost.", "LOCALHOST.:8000"])
def test_a_trusted_host_may_be_written_in_any_form(site, host):
    for path in ("/blog", "/live?page=index"):
        with socket.create_connection(("127.0.0.1", site.port), timeout=5) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert sock.recv(4096).startswith(b"HTTP/1.1 200 "), path


def test_a_body_that_nobody_wants_is_not_waited_for(site):
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=5)
    connection.putrequest("POST", "/blog")
    connection.putheader("Content-Length", str(10 << 30))
    connection.endheaders()
    with contextlib.closing(connection):
        assert connection.getresponse().status == 405


@pytest.mark.parametrize("headers", [["X-Long: " + "a" * 9000], [f"X-{n}: 1" for n in range(101)]])
def test_a_head_that_is_too_large_is_refused(site, headers):
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as sock:
        lines = ["GET /blog HTTP/1.1", "Host: localhost", *headers]
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        status = int(sock.recv(4096).split()[1])
    assert status in (400, 431)
