"""The desk's streams: a frame a second at most, for as long as their pass is good."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest

from blog.desk import streams
from blog.desk.passes import Pass
from blog.desk.streams import DeskStreams
from flask_presence.streams.hub import Limits

SECONDS = 0.02
MINE, OTHER = Pass("a", "epoch", 1), Pass("b", "epoch", 1)


class Opened:
    """A stream that a greenlet reads, as a server does."""

    def __init__(self, made: DeskStreams, known: Pass) -> None:
        self.chunks: list[bytes] = []
        self._body = made.open(known, {})
        self._reading = gevent.spawn(self._read)
        gevent.sleep(0)

    def _read(self) -> None:
        self.chunks.extend(iter(self._body.__next__, b""))

    def read_to_end(self) -> bytes:
        self._reading.join(5)
        assert self._reading.ready()
        return b"".join(self.chunks)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[DeskStreams]:
    monkeypatch.setattr(streams, "SECONDS", SECONDS)
    made = DeskStreams(Limits(), lambda known: known in GOOD, lambda: "draining" in STATE)
    GOOD.clear()
    GOOD.update({MINE, OTHER})
    STATE.clear()
    yield made
    made.close()


GOOD: set[Pass] = set()
STATE: set[str] = set()


def wait_until(is_so) -> None:
    with gevent.Timeout(5):
        while not is_so():
            gevent.sleep(SECONDS / 4)


def test_a_stream_begins_with_the_frame_and_has_each_that_differs(made):
    shown = ["one"]
    made.render = lambda: shown[-1]
    stream = Opened(made, MINE)
    assert stream.chunks[0].endswith(b"data: one\n\n")
    asked = len(shown)
    wait_until(lambda: asked)
    shown.append("two")
    wait_until(lambda: stream.chunks[1:] == [b"data: two\n\n"])
    assert len(stream.chunks) == 2


def test_it_ends_when_its_pass_is_good_no_more_and_others_do_not(made):
    stream, other = Opened(made, MINE), Opened(made, OTHER)
    GOOD.discard(MINE)
    assert stream.read_to_end().endswith(b"event: park\ndata: \n\n")
    assert not other._reading.ready()


def test_a_store_that_is_away_for_a_moment_ends_none(made):
    asked = []

    def fail(known: Pass) -> bool:
        asked.append(known)
        raise OSError("gone")

    stream, same = Opened(made, MINE), Opened(made, MINE)
    made._is_good = fail
    wait_until(lambda: len(asked) > 5)
    assert not stream._reading.ready()
    made._is_good = lambda known: False
    for each in (stream, same):
        assert each.read_to_end().endswith(b"event: park\ndata: \n\n")


def test_it_ends_where_for_long_nobody_can_say_whether_it_is(made, monkeypatch):
    monkeypatch.setattr(streams, "FORGIVEN_SECONDS", 5 * SECONDS)

    def fail(known: Pass) -> bool:
        raise OSError("gone")

    stream = Opened(made, MINE)
    gevent.sleep(10 * SECONDS)  # while it can be said, no time runs out
    assert not stream._reading.ready()
    made._is_good = fail
    assert stream.read_to_end().endswith(b"event: park\ndata: \n\n")


def test_it_comes_back_to_another_worker_when_this_one_stops(made):
    stream = Opened(made, MINE)
    STATE.add("draining")
    assert stream.read_to_end().endswith(b"event: drain\ndata: \n\n")
    assert b"".join(made.open(MINE, {})) == b"retry: 1000\nevent: drain\ndata: \n\n"


def test_there_are_so_many_at_most(made, monkeypatch):
    monkeypatch.setattr(streams, "MOST_STREAMS", 2)
    first = [Opened(made, MINE), Opened(made, MINE)]
    assert b"".join(made.open(MINE, {})) == b"retry: 5000\nevent: busy\ndata: \n\n"
    assert all(stream.chunks for stream in first)
