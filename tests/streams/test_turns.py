"""Long work in slices: what comes meanwhile has its turn between two of them."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import gevent
import gevent.server
import pytest
from gevent import monkey

from flask_presence.streams.turns import SLICE_SECONDS, Turns

original_socket = monkey.get_original("socket", "socket")
ANSWER = b"answered"


@pytest.fixture
def server() -> Iterator[gevent.server.StreamServer]:
    """Yield a server with a greenlet for each connection, as the blog's pages have it."""

    def answer(sock: socket.socket, address: object) -> None:
        assert sock.recv(1024) == b"?"
        sock.sendall(ANSWER)

    server = gevent.server.StreamServer(("127.0.0.1", 0), answer)
    server.start()
    yield server
    server.stop()


class Clock:
    """A clock that goes on when it is told."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds


def test_only_work_is_counted_and_rest_is_due_after_a_slice() -> None:
    clock = Clock()
    turns = Turns(clock)
    clock.pass_(SLICE_SECONDS / 2)
    assert not turns.rest_if_due()
    other = gevent.spawn(clock.pass_, 7.0)
    clock.pass_(SLICE_SECONDS)
    assert turns.rest_if_due()
    assert other.dead
    assert not turns.rest_if_due()
    clock.pass_(SLICE_SECONDS / 2)
    assert turns.stop() == pytest.approx(2 * SLICE_SECONDS)


def test_a_request_that_came_in_a_slice_is_answered_before_the_next(
    server: gevent.server.StreamServer,
) -> None:
    clock = Clock()
    turns = Turns(clock)
    for _ in range(20):
        with original_socket() as client:  # waits for nothing that the event loop has to do
            client.connect(("127.0.0.1", server.server_port))
            client.sendall(b"?")
            clock.pass_(2 * SLICE_SECONDS)
            assert turns.rest_if_due()
            assert client.recv(1024, socket.MSG_DONTWAIT) == ANSWER
