"""What the recipes of the proxies bound: heads, bodies, requests, and who does not read."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import time

import pytest

from tests.deploy.site import DOMAIN, DeployedSite

# As test_site.py, with which it shares the site: each proxy is set up once.
pytestmark = pytest.mark.system
only_nginx = pytest.mark.parametrize("site", ["nginx"], indirect=True)
# nginx closes with a reset, and Caddy may do so, too, while we still send.
GONE = (ConnectionError, http.client.BadStatusLine)


def begin(site: DeployedSite, request: str, source: str = "127.0.0.1") -> socket.socket:
    """Send a request's head; return the connection."""
    sock = site.connect(source)
    method, _, rest = request.partition(" ")
    sock.sendall(f"{method} {rest} HTTP/1.1\r\nHost: {DOMAIN}\r\n".encode())
    return sock


def read_status(sock: socket.socket) -> int:
    """Return the status of an answer."""
    return int(sock.recv(65_536).split(b" ", 2)[1])


@pytest.mark.parametrize(("fields", "is_let_in"), [(3, True), (7, False)])
def test_a_head_is_bounded(site: DeployedSite, fields: int, is_let_in: bool) -> None:
    try:
        status = site.get("/blog", {f"X-{number}": "a" * 6_000 for number in range(fields)}).status
    except GONE:
        status = 400
    assert status == 200 if is_let_in else status in (400, 431)


def test_a_body_is_bounded(site: DeployedSite) -> None:
    with begin(site, "POST /blog") as sock:
        sock.sendall(b"Content-Length: 60000\r\n\r\n" + bytes(60_000))
        assert read_status(sock) == 405  # by the blog
    with begin(site, "POST /blog") as sock:
        sock.sendall(b"Content-Length: 200000\r\n\r\n")
        with contextlib.suppress(OSError):
            sock.sendall(bytes(200_000))
        if site.proxy == "nginx":
            assert read_status(sock) == 413
        else:
            # The blog has answered, mostly, before Caddy comes to its own bound.
            assert read_status(sock) in (405, 413, 503)
            config = site.machine.run("curl --silent http://127.0.0.1:2019/config/")
            assert '"handler":"request_body","max_size":64000' in config


@only_nginx
def test_an_address_gets_so_many_requests_and_others_theirs(site: DeployedSite) -> None:
    connection = http.client.HTTPConnection(DOMAIN)
    connection.sock = site.connect("127.0.0.7")

    def ask(path: str = "/healthz", **headers: str) -> http.client.HTTPResponse:
        connection.request("GET", path, headers={"Host": DOMAIN, **headers})
        answer = connection.getresponse()
        answer.read()
        return answer

    statuses = [ask().status]
    while statuses[-1] == 200 and len(statuses) < 900:  # nginx closes a connection after 1,000
        statuses.append(ask().status)
    assert statuses[-1] == 429
    assert len(statuses) > 300
    refused = ask()
    while refused.status == 200:
        refused = ask()
    assert refused.headers["Retry-After"] == "10"
    htmx = ask("/search?q=a", **{"HX-Request": "true"})
    while htmx.status == 200:
        htmx = ask("/search?q=a", **{"HX-Request": "true"})
    assert htmx.status == 204
    assert site.get("/blog", source="127.0.0.8").status == 200
    site.machine.wait(lambda: ask().status == 200, "it may ask again", 5)
    connection.close()


@only_nginx
def test_an_address_has_so_many_requests_under_way_and_others_theirs(site: DeployedSite) -> None:
    with contextlib.ExitStack() as stack:
        waiting: list[socket.socket] = []
        while len(waiting) < 300:
            sock = stack.enter_context(begin(site, "POST /blog", "127.0.0.9"))
            sock.sendall(b"Content-Length: 10000\r\n\r\n")
            waiting.append(sock)
            if len(waiting) % 25 == 0:  # before client_body_timeout
                for each in waiting:
                    each.sendall(b"x")
        assert site.get("/blog", source="127.0.0.10").status == 200
        stream = stack.enter_context(begin(site, "GET /live?page=index", "127.0.0.9"))
        stream.sendall(b"\r\n")
        assert b"event: busy\nretry: 3000\n" in stream.recv(65_536)


@only_nginx
def test_who_does_not_read_is_sent_away_and_keeps_little_meanwhile(site: DeployedSite) -> None:
    path = "/static/vendor/htmx.org/dist/htmx.min.js"
    asks = f"GET {path} HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n".encode()
    with site.connect("127.0.0.11") as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        sock.sendall(asks * 60)
        port = sock.getsockname()[1]

        def held() -> str:
            return site.machine.run(
                f"ss --no-header --tcp --memory state established '( dport = :{port} )'"
            )

        site.machine.wait(lambda: "skmem" in held(), "it is served")
        began = time.monotonic()
        most = 0
        while (said := held()) and time.monotonic() - began < 30:
            most = max(most, int(re.findall(r",w(\d+),", said)[0]))
        assert 8 < time.monotonic() - began < 15
        assert 0 < most < 1_000_000
