"""Clients that take their time: none of them keeps anybody else from the blog."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from bench.crowd import raise_file_limit
from tests.server.open_stream import OpenStream
from tests.site import Site

SLOW = 1000
KEEPALIVE_SECONDS = 2  # gunicorn.conf.py: also what a request's head and body may take
SLACK_SECONDS = 3


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    assert raise_file_limit() > SLOW
    with Site(workers=1, environ={"BLOG_MAX_STREAMS_PER_ADDRESS": str(2 * SLOW)}) as site:
        yield site


def is_closed(sock: socket.socket) -> bool:
    """Tell whether the server has closed a connection; what it said before is read away."""
    sock.setblocking(False)
    try:
        while sock.recv(65536):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /blog HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"POST /blog HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nx",
    ],
    ids=["head", "body"],
)
def test_a_thousand_unfinished_requests_hold_up_nobody_and_are_closed(site, begun):
    """Each sends a byte now and then: what counts is when it began."""
    before = site.open_connections()
    with contextlib.ExitStack() as stack:
        slow = []
        for _ in range(SLOW):
            sock = socket.create_connection(("127.0.0.1", site.port), timeout=5)
            slow.append(stack.enter_context(sock))
            sock.sendall(begun)
        # These come after all of them. Who waited for one of them would wait until it is closed.
        began = time.monotonic()
        assert "online" in site.fetch()
        with OpenStream(site) as stream:
            stream.read_until("1 reader online")
        assert time.monotonic() - began < KEEPALIVE_SECONDS
        assert site.open_connections() > before
        trickle = slow[0]
        with contextlib.suppress(OSError):
            trickle.sendall(b"a")
        site.wait(
            lambda: all(map(is_closed, slow)),
            "all are closed",
            KEEPALIVE_SECONDS + SLACK_SECONDS,
        )
    site.wait(lambda: site.open_connections() <= before, "no connection of theirs is left")
