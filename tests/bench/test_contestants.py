"""Every contestant does its job here, or says what it lacks. So the benchmark stays alive.

What can be installed by pip is always here. A C compiler and nginx with nchan may not be: then the
benchmark has to say so, and that is what is tested.
"""

from __future__ import annotations

import re
import socket

import pytest

import bench.contestants
from bench.contestants import CONTESTANTS, Contestant
from bench.crowd import REQUEST, Crowd
from bench.frame import make_html
from bench.server import ROOT, Server

BY_NAME = {contestant.name: contestant for contestant in CONTESTANTS}
NOT_FROM_PIP = {
    "floor": "there is no C compiler",
    "nchan": "nginx (is not installed|has no nchan module)",
}


def read_first_event(server: Server, path: str) -> str:
    """Open a stream; return the data of its first event."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
        sock.sendall(REQUEST % path.encode())
        received = b""
        while not re.search(rb"online.*(\n\n|\r\n\r\n)", received, re.DOTALL):
            more = sock.recv(65536)
            assert more, f"the stream ended after {received!r}"
            received += more
    body = received.partition(b"\r\n\r\n")[2].decode()
    first_event = next(part for part in re.split(r"\n\r?\n", body) if "data:" in part)
    return "\n".join(re.findall(r"^data: ?(.*?)\r?$", first_event, re.MULTILINE))


def assert_it_counts(contestant: Contestant, readers: int) -> list[bool | None]:
    """Assert that all readers are told of each other, of a join and of a leave; return whether
    each stream is sent in chunks.
    """
    server = Server(contestant.prepare, readers + 1)
    crowd = Crowd(server.port, contestant.path, late_leaves=contestant.late_leaves)
    with crowd, server:
        crowd.open_many(readers, 10)
        crowd.settle(readers, 10)
        one_more, _ = crowd.open()
        crowd.settle(readers + 1, 10)
        crowd.leave(one_more)
        crowd.settle(readers, 20)
        assert crowd.updates >= 2 * readers
        return [stream.is_chunked for stream in crowd.moments()]


def assert_it_says_what_it_lacks(contestant: Contestant) -> None:
    assert contestant.name in NOT_FROM_PIP, contestant.missing()
    assert re.match(NOT_FROM_PIP[contestant.name], contestant.missing())


@pytest.mark.parametrize("name", BY_NAME)
def test_a_contestant_tells_20_readers_of_each_other(name):
    contestant = BY_NAME[name]
    if contestant.missing():
        assert_it_says_what_it_lacks(contestant)
    else:
        assert_it_counts(contestant, 20)


@pytest.mark.parametrize("name", BY_NAME)
def test_every_contestant_sends_the_same_html_as_the_blog(name):
    contestant = BY_NAME[name]
    if contestant.missing():
        assert_it_says_what_it_lacks(contestant)
        return
    with Server(contestant.prepare, 20) as server:
        assert read_first_event(server, contestant.path) == make_html(1)


def test_the_floor_tells_50_readers_of_each_other():
    floor = BY_NAME["floor"]
    if floor.missing():
        assert_it_says_what_it_lacks(floor)
    else:
        assert_it_counts(floor, 50)


def test_the_floor_has_under_80_lines():
    source = ROOT / "bench" / "floor.c"
    assert len(source.read_text(encoding="utf-8").splitlines()) < 80


def test_the_blog_is_measured_on_both_of_its_transports():
    """The generator's server cuts its streams into chunks; a socket taken over has none."""
    assert assert_it_counts(BY_NAME["detached"], 3) == [False] * 3
    assert assert_it_counts(BY_NAME["generator"], 3) == [True] * 3


def test_a_missing_compiler_nginx_or_module_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(bench.contestants, "SYSTEM_PATH", str(tmp_path))
    assert BY_NAME["floor"].missing() == "there is no C compiler (cc)"
    assert BY_NAME["nchan"].missing() == "nginx is not installed (Debian: libnginx-mod-nchan)"
    (tmp_path / "nginx").write_text("#!/bin/sh\n")
    (tmp_path / "nginx").chmod(0o755)
    monkeypatch.setattr(bench.contestants, "NCHAN_MODULES", [tmp_path / "module.so"])
    assert BY_NAME["nchan"].missing() == "nginx has no nchan module (Debian: libnginx-mod-nchan)"
