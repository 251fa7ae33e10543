"""What strangers ask for and takes long is made in turn, and few may wait for it."""

from __future__ import annotations

import time

import gevent
import pytest

from blog.desk.turns import Turn
from blog.native import BusyError


def test_one_after_another_has_a_turn_and_few_wait():
    turn = Turn(most_waiting=3)
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        with turn:
            inside.append(number)
            most.append(len(inside))
            gevent.sleep(0.01)
            inside.remove(number)

    greenlets = [gevent.spawn(work, number) for number in range(6)]
    gevent.joinall(greenlets)
    assert most == [1, 1, 1, 1]  # one works, three wait
    assert sum(isinstance(one.exception, BusyError) for one in greenlets) == 2


def test_between_two_turns_is_a_rest_as_long_as_the_first():
    turn = Turn()
    with turn:
        time.sleep(0.05)
        begun, ended = time.monotonic() - 0.05, time.monotonic()
    with turn:
        assert time.monotonic() - ended >= 0.9 * (ended - begun)


def test_who_is_ended_in_the_rest_leaves_the_turn_to_others():
    turn = Turn()
    with turn:
        time.sleep(0.05)
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.001), turn:
        pass
    with turn:
        pass
