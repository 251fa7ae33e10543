"""A plain request for a stream never gets to gunicorn's own parser; whatever else comes does.

Nor does it get a greenlet, where it is there when its connection is accepted.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.open_stream import OpenStream
from tests.site import Site, follow_config

# gunicorn calls `pre_request` for every request that it has read itself, `handle` for every
# connection that has a greenlet.
CONFIG = """
def pre_request(worker, req):
    worker.log.warning("gunicorn read %s", req.uri)


begin = post_worker_init


def post_worker_init(worker):
    begin(worker)
    handle = worker.handle

    def note(listener, client, addr):
        worker.log.warning("a greenlet for port=%s", addr[1])
        handle(listener, client, addr)

    worker.handle = note
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    settings = {
        **follow_config(tmp_path / "conf.py", CONFIG),
        "BLOG_LINGER_SECONDS": "0.01",
        "BLOG_MAX_STREAMS": "2",
        "BLOG_PROXY_HOPS": "1",
    }
    with Site(workers=1, environ=settings) as site:
        yield site


def read_by_gunicorn(site: Site) -> list[str]:
    lines = site.log_path.read_text(encoding="utf-8").splitlines()
    found = [
        line.partition("gunicorn read ")[2].split()[0] for line in lines if "gunicorn read" in line
    ]
    return [uri for uri in found if uri.startswith("/live")]


def test_only_what_is_not_plain_is_read_by_gunicorn(site):
    forwarded = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a\r\n"
    with OpenStream(site, "index", headers=forwarded) as stream:
        assert "; Secure; " in stream.read_until("1 reader online")
        with OpenStream(site, "about", headers="X_Odd: 1\r\n") as other:
            other.read_until("2 readers online")
            stream.read_until("2 readers online")
            assert read_by_gunicorn(site) == ["/live?page=about"]
            with OpenStream(site, "index") as refused:
                refused.read_until("event: busy")
        stream.text = ""
        stream.read_until("1 reader online")
    site.wait_for_total(0)


def test_a_stream_whose_request_is_there_gets_no_greenlet(site):
    """Of four connections made while the worker is stopped, three have sent their request."""
    (pid,) = site.worker_pids()
    os.kill(pid, signal.SIGSTOP)
    with contextlib.ExitStack() as stack:
        socks = [
            stack.enter_context(socket.create_connection(("127.0.0.1", site.port), timeout=5))
            for _ in range(4)
        ]
        early, late, page, other = socks
        stream = b"GET /live?page=index HTTP/1.1\r\nHost: localhost\r\n\r\n"
        early.sendall(stream)
        page.sendall(b"GET /about HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        other.sendall(stream.replace(b"GET", b"HEAD"))
        os.kill(pid, signal.SIGCONT)
        answers = [sock.recv(100) for sock in (early, page, other)]
        late.sendall(stream)
        assert all(answer.startswith(b"HTTP/1.1 200 OK") for answer in [*answers, late.recv(100)])
        log = site.log_path.read_text(encoding="utf-8")
        with_greenlet = set(map(int, re.findall(r"a greenlet for port=(\d+)", log)))
        ports = [sock.getsockname()[1] for sock in socks]
        assert [port in with_greenlet for port in ports] == [False, True, True, True]
    site.wait_for_total(0)


def test_a_request_that_comes_in_pieces_is_answered(site):
    sock = socket.create_connection(("127.0.0.1", site.port), timeout=5)
    with sock:
        for piece in (b"GET /live?pa", b"ge=index HTTP/1.1\r\nHost: lo", b"calhost\r\n\r\n"):
            time.sleep(0.05)  # a packet of its own
            sock.sendall(piece)
        assert sock.recv(100).startswith(b"HTTP/1.1 200 OK")
    site.wait_for_total(0)


def test_without_keep_alive_a_request_may_come_late_as_well(tmp_path):
    config = follow_config(tmp_path / "conf.py", "keepalive = 0\n")
    with Site(workers=1, environ=config) as site, site.connect() as sock:
        sock.settimeout(0.5)
        with pytest.raises(TimeoutError):  # nothing is said, and it is not closed
            sock.recv(1)
        sock.settimeout(5)
        sock.sendall(b"GET /live?page=index HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_a_page_on_the_same_port_is_answered_twice_on_one_connection(site):
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=5)
    for path in ("/healthz", "/about"):
        connection.request("GET", path)
        response = connection.getresponse()
        assert (response.status, bool(response.read())) == (200, True)
    connection.close()


def test_the_request_does_not_stay_in_the_streams_socket(site):
    with OpenStream(site, "index") as stream:
        stream.read_until("1 reader online")
        ends = [f":{port:04X}" for port in (site.port, stream.sock.getsockname()[1])]
        rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()]
        (queues,) = [row[4] for row in rows if [row[1][-5:], row[2][-5:]] == ends]
        assert queues.partition(":")[2] == "00000000"  # proc(5): bytes to be read
