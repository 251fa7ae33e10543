"""A worker accepts as many connections as it has room for."""

from __future__ import annotations

import socket

import gevent
import gevent.socket
import pytest

from flask_presence.server.acceptor import MOST_UNASKED, Acceptor

ROOM = MOST_UNASKED + 6
WAIT_SECONDS = 5.0


@pytest.fixture
def listener():
    with gevent.socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(2 * ROOM)
        yield listening


def test_no_more_are_accepted_than_there_is_room_for_and_it_is_not_asked_each_time(listener):
    held, asked = [], []

    def open_stream(sock, address) -> bool:
        held.append(sock)
        return True

    def count_room() -> int:
        asked.append(len(held))
        return ROOM - len(held)

    acceptor = Acceptor(listener, pytest.fail, open_stream, count_room=count_room, spawn=None)
    acceptor.start()
    clients = [socket.create_connection(listener.getsockname()) for _ in range(ROOM + 3)]
    with gevent.Timeout(WAIT_SECONDS):
        while asked[-1:] != [ROOM]:
            gevent.sleep(0.01)
    assert len(held) == ROOM
    assert asked[:3] == [0, MOST_UNASKED, ROOM]
    held.pop().close()
    with gevent.Timeout(WAIT_SECONDS):  # it looks again after a pause
        while len(held) < ROOM:
            gevent.sleep(0.01)
    acceptor.close()
    for sock in (*held, *clients):
        sock.close()
