"""Streams where sockets cannot be taken over: another WSGI server, and one without gevent."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import reserve_port
from tests.streams.tab import Tab

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 15


@contextlib.contextmanager
def serve(command: list[str], port: int, redis_url: str) -> Iterator[int]:
    """Run a server of the blog until the end of the block; return its port."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BLOG_")}
    settings = {
        "BLOG_REDIS_URL": redis_url,
        "BLOG_LINGER_SECONDS": "0.01",
        "BLOG_PING_SECONDS": "0.3",
    }
    server = subprocess.Popen([sys.executable, *command], cwd=ROOT, env={**clean, **settings})
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, "the server does not answer"
                assert server.poll() is None, "the server has ended"
                time.sleep(0.05)
        yield port
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def pywsgi_port(valkey_url) -> Iterator[int]:
    port = reserve_port()
    with serve(["-m", "tests.streams.pywsgi_site", str(port)], port, valkey_url) as served:
        yield served


def test_under_gevents_own_server_readers_see_each_other_come_and_go(pywsgi_port):
    """The socket is not to be seen there: a leave is noticed by the second ping that fails."""
    with Tab(pywsgi_port) as staying:
        staying.read_until_last(">1 reader online<")
        with Tab(pywsgi_port) as leaving:
            leaving.read_until_last(">2 readers online<")
            staying.read_until_last(">2 readers online<")
        staying.read_until_last(">1 reader online<", seconds=3)


def test_under_a_server_of_threads_a_stream_says_busy_and_no_page_has_a_number(valkey_url, capfd):
    """Each open page would hold one of its threads for ever. The log says so once."""
    port = reserve_port()
    command = ["-m", "flask", "--app", "app", "run", "--port", str(port)]
    with serve(command, port, valkey_url) as served:
        for _ in range(2):
            with Tab(served) as tab:
                assert tab.read_until("\n\n").endswith("event: busy\ndata: \n\n")
        for path in ("/blog", "/blog/running-it"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                page = answer.read().decode()
            numbers = re.findall(r'<span class="live-(?:total|here)"[^>]*>([^<]*)</span>', page)
            assert numbers == ["", ""]
    assert capfd.readouterr().err.count("the pages have no live numbers") == 1
