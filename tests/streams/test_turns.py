"""Long work in slices: what else waits has its turn in between."""

from __future__ import annotations

import gevent
import gevent.socket
import pytest

from blog.streams.turns import SLICE_SECONDS, Turns


class Clock:
    """Each reading is a millisecond after the last one."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


def test_within_a_slice_nothing_else_has_its_turn():
    turns = Turns(lambda: 1.0)
    others = gevent.spawn(lambda: None)
    assert not any(turns.rest_if_due() for _ in range(1000))
    assert not others.ready()
    others.join()


def test_after_each_slice_the_loop_looks_at_its_sockets():
    """As a page request needs it: a message goes to and fro, one way in each round of it."""
    one, other = gevent.socket.socketpair()
    hops = 0

    def answer(sock: gevent.socket.socket) -> None:
        nonlocal hops
        while sock.recv(1):
            hops += 1
            sock.send(b"x")

    players = [gevent.spawn(answer, sock) for sock in (one, other)]
    gevent.sleep(0)
    one.send(b"x")
    turns = Turns(Clock())
    rests = sum(turns.rest_if_due() for _ in range(100))
    assert rests >= 40
    assert hops >= rests - 2
    gevent.killall(players)
    one.close()
    other.close()


def test_only_the_work_is_counted_and_not_the_rests():
    clock = Clock()
    turns = Turns(clock)
    while not turns.rest_if_due():
        pass
    worked = turns.stop()
    assert SLICE_SECONDS <= worked <= clock.now
    clock.now += 100.0
    assert turns.stop() == pytest.approx(worked + 100.001)
