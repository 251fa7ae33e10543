"""The hub, without sockets, sleeping or greenlets: what each stream is given, and when it ends."""

from __future__ import annotations

import pytest

from blog.streams.event import PING, encode_event
from blog.streams.generator import GeneratorTransport
from blog.streams.hub import Ending, Hub, Limits


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def numbers() -> dict[str, int]:
    return {"index": 1, "blog/a": 1}


@pytest.fixture
def hub(clock, numbers) -> Hub:
    limits = Limits(ping_seconds=15, rotate_seconds=600, stall_seconds=10)
    return Hub(lambda page: encode_event(f"{page} {numbers[page]}"), limits, now=clock)


def open_stream(hub: Hub, page: str = "index"):
    endings: list[Ending] = []
    return hub.open(page, endings.append), endings


def test_a_stream_that_could_not_take_two_frames_gets_only_the_newer(hub):
    stream, _ = open_stream(hub)
    stream.offer(b"data: 1\n\n")
    stream.offer(b"data: 2\n\n")
    assert stream.take() == b"data: 2\n\n"
    assert stream.take() is None


def test_a_frame_it_has_is_not_sent_again(hub):
    stream, _ = open_stream(hub)
    hub.greet(stream)
    stream.offer(b"data: index 1\n\n")
    assert stream.take() is None


def test_an_ending_is_told_once_and_the_hub_forgets_the_stream(hub):
    stream, endings = open_stream(hub)
    stream.end()
    stream.end(b"again")
    assert endings == [Ending.CLOSED]
    assert len(hub) == 0
    assert list(hub.pages()) == []


def test_the_goodbye_is_the_last_thing_that_is_sent(hub):
    stream, _ = open_stream(hub)
    stream.offer(b"data: 1\n\n")
    stream.end(b"data: bye\n\n", ending=Ending.PARKED)
    assert stream.take() == b"data: bye\n\n"
    assert stream.take() is None


def test_a_silent_stream_is_pinged(hub, clock):
    stream, _ = open_stream(hub)
    hub.keep(clock.now + 14)
    assert stream.take() is None
    hub.keep(clock.now + 15)
    assert stream.take() == PING


def test_an_old_stream_is_asked_to_come_back(hub, clock):
    stream, endings = open_stream(hub)
    hub.keep(clock.now + 600 * 1.2)
    assert endings == [Ending.RETURNS]
    assert stream.take().startswith(b"retry: ")


def test_a_stream_that_takes_nothing_is_torn_down(hub, clock):
    torn_down: list[str] = []
    stream, endings = open_stream(hub)
    stream.on_stall(lambda: torn_down.append("yes"))
    hub.note_sending(stream)
    hub.keep(clock.now + 9)
    assert endings == []
    hub.keep(clock.now + 10)
    assert endings == [Ending.CLOSED]
    assert torn_down == ["yes"]


def test_a_response_that_was_never_begun_ends_its_stream(hub):
    """A server calls close() even where the client was gone before the first byte."""
    stream, endings = open_stream(hub)
    GeneratorTransport(hub, stream, None).close()
    assert endings == [Ending.CLOSED]


def test_the_transport_sends_the_first_frame_at_once_and_the_goodbye_last(hub):
    stream, _ = open_stream(hub, "blog/a")
    stream.id = "w-1"
    transport = GeneratorTransport(hub, stream, None)
    first = next(transport)
    assert first.startswith(b"retry: ")
    assert first.endswith(b"\nid: w-1\ndata: blog/a 1\n\n")
    stream.end(b"data: bye\n\n")
    assert list(transport) == [b"data: bye\n\n"]
