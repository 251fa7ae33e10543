"""One chunk to many sockets: by a ring of io_uring the same as by a call for each."""

from __future__ import annotations

import _socket
import contextlib
import os
import platform
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from flask_presence.streams.fast.ring import Ring, Short, send_each
from tests.streams.rings import make_ring

Send = Callable[[Sequence[_socket.socket], bytes], Short]
ENTRIES = 16


@pytest.fixture
def ring() -> Iterator[Ring]:
    ring = make_ring(ENTRIES)
    yield ring
    ring.close()


@pytest.fixture(params=["each", "ring"])
def send(request) -> Send:
    if request.param == "each":
        return send_each
    send: Send = request.getfixturevalue("ring").send
    return send


class Pair:
    """A connection: a socket as the blog has them, and the reader's."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.theirs = socket.create_connection(server.getsockname(), timeout=5)
            accepted, _ = server.accept()
        self.ours = _socket.socket(
            accepted.family, accepted.type, accepted.proto, accepted.detach()
        )
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        self.ours.setblocking(False)

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    with contextlib.ExitStack() as stack:
        pairs = [Pair() for _ in range(ENTRIES)]
        for pair in pairs:
            stack.callback(pair.close)
        yield pairs


def test_any_number_of_sockets_gets_every_chunk(send, pairs):
    """More chunks than a ring has places, in batches of every size: some go over its end."""
    for number in range(3 * ENTRIES):
        some = pairs[: 1 + number % ENTRIES]
        chunk = b"data: %d\n\n" % number
        assert send([pair.ours for pair in some], chunk) == []
        assert {pair.theirs.recv(100) for pair in some} == {chunk}


def test_who_is_gone_or_takes_no_more_is_told_and_the_others_get_it(send, pairs):
    full, closed, gone, *others = pairs
    for pair in others:  # the places of a ring are not the sockets' any more
        assert send([pair.ours], b"first") == []
    with contextlib.suppress(BlockingIOError):
        while full.ours.send(bytes(65536)):
            pass
    closed.ours.close()
    gone.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
    gone.theirs.close()
    chunk = b"second"
    socks = [others[0].ours, full.ours, closed.ours, gone.ours, *(p.ours for p in others[1:])]
    assert sorted(send(socks, chunk), key=lambda short: socks.index(short[0])) == [
        (full.ours, 0),
        (closed.ours, -1),
        (gone.ours, -1),
    ]
    assert {pair.theirs.recv(100) for pair in others} == {b"firstsecond"}


def test_a_part_is_told_as_a_part(send, pairs):
    chunk = os.urandom(8_000_000)
    ((sock, sent),) = send([pairs[0].ours], chunk)
    assert (sock, 0 < sent < len(chunk)) == (pairs[0].ours, True)
    pairs[0].ours.close()
    received = b""
    while part := pairs[0].theirs.recv(1_000_000):
        received += part
    assert received == chunk[:sent]


def test_a_ring_that_fails_says_so(ring, pairs):
    os.close(ring._fd)
    with pytest.raises(OSError, match="did not carry out 1 sends: Bad file descriptor"):
        ring.send([pairs[0].ours], b"a")
    ring._fd = -1


def test_there_is_none_on_a_machine_whose_numbers_are_not_known(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "mips64")
    with pytest.raises(OSError, match="no io_uring"):
        Ring(ENTRIES)


def test_a_ring_gives_its_files_back():
    files = Path("/proc/self/fd")
    before = list(files.iterdir())
    for _ in range(3):
        make_ring(ENTRIES).close()
    assert len(list(files.iterdir())) == len(before)
