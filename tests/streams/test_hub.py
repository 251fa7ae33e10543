"""The hub with either transport: what each stream is given, when it ends, what is never waited for.

The clock is the test's, and nothing is started: what the hub's greenlets do, the test does.
"""

from __future__ import annotations

import _socket
import gc
import math
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import gevent.socket
import pytest

from flask_presence.streams.event import PING, encode_event
from flask_presence.streams.fast.detached import DetachedStream
from flask_presence.streams.fast.transport import FastTransport
from flask_presence.streams.hub import Hub, Limits
from flask_presence.streams.observer import Ending, StreamObserver
from flask_presence.streams.portable.generator import PortableTransport
from tests.streams.ends import DetachedEnd, GeneratorEnd, Somebody, ask, take_over
from tests.streams.rings import make_ring

Open = Callable[..., "DetachedEnd | GeneratorEnd"]


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
def fast() -> FastTransport:
    return FastTransport()


@pytest.fixture
def hub(clock, numbers, fast) -> Iterator[Hub]:
    limits = Limits(pace_seconds=0.1, ping_seconds=15, rotate_seconds=600, stall_seconds=10)
    hub = Hub(
        [fast, PortableTransport()],
        lambda page: encode_event(f"{page} {numbers[page]}"),
        limits=limits,
        now=clock,
    )
    fast.start()
    yield hub
    hub.close()


def sockets_of(hub: Hub) -> Any:
    """Return what watches the sockets that a hub has taken over."""
    return hub._transports[0].sockets  # type: ignore[attr-defined]


def use_ring(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a ring used for any number of streams, where the kernel has one."""
    make_ring(1).close()
    assert sockets_of(hub)._ring is not None
    monkeypatch.setattr("flask_presence.streams.fast.sockets.RING_PAYS_FROM", 1)


@pytest.fixture(params=["detached", "detached, by a ring", "generator"])
def open_end(request, hub, monkeypatch) -> Iterator[Open]:
    """Open streams of one transport; close their clients in the end."""
    ends: list[DetachedEnd | GeneratorEnd] = []
    kind = GeneratorEnd if request.param == "generator" else DetachedEnd
    if "ring" in request.param:
        use_ring(hub, monkeypatch)

    def open_one(page: str = "index", **options: str) -> DetachedEnd | GeneratorEnd:
        ends.append(kind(hub, page, **options))
        return ends[-1]

    yield open_one
    for end in ends:
        end.close()


def test_the_first_frame_comes_at_once_and_says_when_to_come_back(open_end):
    end = open_end("blog/a", id="w-1")
    assert re.fullmatch(rb"retry: \d+\nid: w-1\ndata: blog/a 1\n\n", end.read())


def test_a_stream_without_a_first_frame_is_given_up(hub):
    ours, theirs = gevent.socket.socketpair()
    with theirs, pytest.raises(KeyError):
        take_over(hub, ours, "no page", Somebody())
    assert (len(hub), len(sockets_of(hub)), list(hub.pages())) == (0, 0, [])


@pytest.mark.parametrize("is_blocking", [True, False])
def test_a_socket_that_was_only_just_accepted_is_taken_over(hub, is_blocking):
    ours, theirs = _socket.socketpair()
    ours.setblocking(is_blocking)
    theirs.send(b"GET")
    take_over(hub, ours, "index", owner := Somebody())
    assert owner.stream.sock is ours
    assert theirs.recv(1000).endswith(b"data: index 1\n\n")
    with pytest.raises(BlockingIOError):  # the request is out of it, and nothing waits for more
        ours.recv(1)
    owner.stream.end()
    assert (ours.fileno(), theirs.recv(1)) == (-1, b"")
    theirs.close()


def test_what_a_stream_opens_with_is_sent_once_and_to_no_other(hub, numbers, open_end):
    hub.opening = lambda stream: f"data: {stream.owner.event_id} in {stream.page}\n\n".encode()
    ends = [open_end("blog/a", id=name) for name in ("w-1", "w-2")]
    for end, name in zip(ends, ("w-1", "w-2"), strict=True):
        assert end.read().endswith(f"data: blog/a 1\ndata: {name} in blog/a\n\n".encode())
    numbers["blog/a"] = 2
    hub.touch()
    hub.send_due()
    assert [end.read() for end in ends] == [b"data: blog/a 2\n\n"] * 2


def test_a_change_is_sent_to_all_of_its_page(hub, numbers, open_end):
    ends = [open_end(), open_end()]
    other = open_end("blog/a")
    for end in [*ends, other]:
        end.read()
    numbers["index"] = 2
    hub.touch()
    hub.send_due()
    assert [end.read() for end in ends] == [b"data: index 2\n\n"] * 2
    assert other.read() == b""


def test_a_frame_it_began_with_is_not_sent_again(hub, numbers, open_end):
    first = open_end()
    numbers["index"] = 2
    second = open_end()
    assert second.read().endswith(b"data: index 2\n\n")
    first.read()
    hub.touch()
    hub.send_due()
    assert first.read() == b"data: index 2\n\n"
    assert second.read() == b""


def test_one_that_began_with_what_is_true_no_more_is_told_though_nobody_else_is(
    hub, numbers, open_end
):
    """One came, one went: the page's frame is what it was, but not for who came in between."""
    staying = open_end()
    numbers["index"] = 2
    coming = open_end()
    numbers["index"] = 1
    staying.read()
    coming.read()
    hub.touch()
    hub.send_due()
    assert coming.read() == b"data: index 1\n\n"
    assert staying.read() == b""


def test_an_ending_is_told_once_and_the_hub_forgets_the_stream(hub, open_end):
    end = open_end()
    end.stream.end()
    end.stream.end(b"again")
    assert end.endings == [Ending.CLOSED]
    assert len(hub) == 0
    assert list(hub.pages()) == []
    assert len(sockets_of(hub)) == 0


def test_the_goodbye_is_the_last_thing_that_is_sent(hub, open_end):
    end = open_end()
    end.read()
    end.stream.end(b"data: bye\n\n", ending=Ending.PARKED)
    hub.touch()
    hub.send_due()
    assert end.read() == b"data: bye\n\n"
    assert end.has_ended()
    assert end.endings == [Ending.PARKED]


def test_every_stream_is_ended_with_a_goodbye_of_its_own(hub, open_end):
    ends = [open_end(), open_end("blog/a")]
    for end in ends:
        end.read()
    goodbyes = iter([b"data: 1\n\n", b"data: 2\n\n"])
    assert hub.end_all(lambda: next(goodbyes)) == 2
    assert {end.read() for end in ends} == {b"data: 1\n\n", b"data: 2\n\n"}
    assert all(end.has_ended() for end in ends)
    assert [end.endings for end in ends] == [[Ending.RETURNS]] * 2


class Told(StreamObserver):
    """Remember what a hub tells; `frames` are (how many, bytes of each)."""

    def __init__(self) -> None:
        self.came_and_went: list[str] = []
        self.frames: list[tuple[int, int]] = []
        self.waits: list[float] = []

    def opened(self, page: str) -> None:
        self.came_and_went.append(f"+{page}")

    def ended(self, page: str, ending: Ending) -> None:
        self.came_and_went.append(f"-{page} {ending.name}")

    def sent(self, frames: int, frame_bytes: int) -> None:
        self.frames.append((frames, frame_bytes))

    def fanned_out(self, worked_seconds: float, waited_seconds: float) -> None:
        self.waits.append(waited_seconds)


def test_who_counts_is_told_of_every_stream_and_frame_and_of_no_ping(hub, clock, numbers, open_end):
    hub.observer = told = Told()
    first, second = open_end(), open_end("blog/a")
    first_bytes, post_bytes = len(b"data: index 1\n\n"), len(b"data: blog/a 1\n\n")
    assert told.frames == [(1, first_bytes), (1, post_bytes)]
    numbers["index"] = 10
    hub.touch()
    clock.now += 0.4
    hub.send_due()
    first.read()
    assert sum(frames for frames, _ in told.frames) == 3
    assert sum(frames * size for frames, size in told.frames) == 2 * first_bytes + 1 + post_bytes
    assert told.waits == [pytest.approx(0.4)]
    clock.now += 16
    hub.keep(clock.now)
    first.read()
    hub.touch()
    hub.send_due()  # the same numbers: nothing is sent
    assert sum(frames for frames, _ in told.frames) == 3
    assert len(told.waits) == 1
    second.stream.end()
    assert told.came_and_went == ["+index", "+blog/a", "-blog/a CLOSED"]


def test_a_silent_stream_is_pinged(hub, clock, open_end):
    end = open_end()
    end.read()
    hub.keep(clock.now + 14)
    assert end.read() == b""
    hub.keep(clock.now + 15)
    assert end.read() == PING
    hub.keep(clock.now + 29)
    assert end.read() == b""


def test_an_old_stream_is_asked_to_come_back(hub, clock, open_end):
    end = open_end()
    end.read()
    hub.keep(clock.now + 600 * 1.2)
    assert end.endings == [Ending.RETURNS]
    assert re.fullmatch(rb"retry: \d+\nevent: rotate\ndata: \n\n", end.read())
    assert end.has_ended()


class TestRotation:
    """Every stream in time, and no look at them all while none can be old.

    `rotate_at` is the stream's own: nothing of it is a transport's.
    """

    @pytest.fixture
    def open_old(self, hub) -> Iterator[Callable[[float], GeneratorEnd]]:
        ends: list[GeneratorEnd] = []

        def open_one(rotate_at: float) -> GeneratorEnd:
            ends.append(GeneratorEnd(hub))
            ends[-1].stream.rotate_at = rotate_at
            return ends[-1]

        yield open_one
        for end in ends:
            end.close()

    @pytest.fixture
    def looks(self, hub) -> list[float]:
        """Return when all streams were looked at; it grows."""
        looks: list[float] = []
        streams = hub._streams

        def look():
            looks.append(hub.now())
            return streams()

        hub._streams = look
        return looks

    @pytest.fixture
    def keep_until(self, hub, clock) -> Callable[[float], None]:
        """Look after the streams each second, as the hub's own greenlet does."""

        def keep(until: float) -> None:
            while clock.now < until:
                clock.now += 1
                hub.keep(clock.now)

        return keep

    def test_nobody_is_looked_at_before_the_oldest_can_be_due(self, open_old, looks, keep_until):
        """The first look is at nobody, at 1001: who comes after it is young until 1001 + 480."""
        keep_until(1001)
        end = open_old(1700)
        keep_until(1699)
        assert looks == [1001, 1481]
        assert end.endings == []
        keep_until(1700)
        assert looks == [1001, 1481, 1700]
        assert end.endings == [Ending.RETURNS]

    def test_one_that_came_after_the_look_is_not_forgotten(self, open_old, looks, keep_until):
        older = open_old(1720)
        keep_until(1100)
        younger = open_old(1580)  # as early as can be
        keep_until(1581)
        assert (older.endings, younger.endings) == ([], [Ending.RETURNS])
        keep_until(1720)
        assert older.endings == [Ending.RETURNS]
        assert looks == [1001, 1481, 1580, 1720]

    def test_where_one_after_another_is_due_all_are_looked_at_fifty_times_in_a_rotation(
        self, open_old, looks, keep_until
    ):
        """Each at most so much later than its time: 12 s of 600."""
        ends = [open_old(1500 + second) for second in range(60)]
        keep_until(1500)
        assert [end.endings for end in ends].count([Ending.RETURNS]) == 1
        keep_until(1572)
        assert [end.endings for end in ends] == [[Ending.RETURNS]] * 60
        assert looks == [1001, 1481, 1500, 1512, 1524, 1536, 1548, 1560]

    def test_where_there_are_none_nobody_is_looked_for(self, looks, keep_until):
        keep_until(1480)
        assert looks == [1001]


def fill(end: DetachedEnd, hub: Hub, numbers: dict[str, int]) -> int:
    """Send changes until the socket takes no more; return the number of the last one."""
    while not sockets_of(hub).slow:
        numbers["index"] += 1
        hub.touch()
        hub.send_due()
        hub.now.now += 1  # type: ignore[attr-defined]
    return numbers["index"]


class TestASlowReader:
    @pytest.fixture
    def end(self, hub) -> Iterator[DetachedEnd]:
        end = DetachedEnd(hub)
        yield end
        end.close()

    @pytest.fixture(params=["by a call for each", "by a ring"], autouse=True)
    def way(self, request, hub, monkeypatch):
        if "ring" in request.param:
            use_ring(hub, monkeypatch)

    def test_gets_whole_frames_and_of_those_it_missed_only_the_newest(self, hub, numbers, end):
        hub.observer = told = Told()
        last = fill(end, hub, numbers)
        for _ in range(10):
            numbers["index"] += 1
            hub.touch()
            hub.send_due()
            hub.now.now += 1
        (stream,) = sockets_of(hub).slow.values()
        assert len(stream.rest) <= len(b"data: index 10000\n\n")
        text = end.read()
        stream.flush()
        text += end.read()
        assert not sockets_of(hub).slow
        *frames, rest = text.split(b"\n\n")
        assert rest == b""
        got = [int(frame.removeprefix(b"data: index ")) for frame in frames[1:]]
        assert got == [*range(2, last + 1), last + 10]
        assert sum(count for count, _ in told.frames) == len(got)

    def test_is_given_up_when_it_takes_nothing_for_too_long(self, hub, clock, numbers, end):
        fill(end, hub, numbers)
        (stream,) = sockets_of(hub).slow.values()
        hub.keep(stream.moved_at + 9.9)
        assert end.endings == []
        hub.keep(stream.moved_at + 10)
        assert end.endings == [Ending.STALLED]
        assert len(sockets_of(hub)) == 0

    def test_that_takes_a_little_is_not_given_up(self, hub, clock, numbers, end):
        fill(end, hub, numbers)
        (stream,) = sockets_of(hub).slow.values()
        clock.now += 9
        stream.rest = b"x" * 100_000  # more than it will take at once
        end.read()
        stream.flush()
        assert stream.rest
        hub.keep(clock.now + 9)
        assert end.endings == []

    def test_gets_the_goodbye_after_the_frame_that_was_begun(self, hub, numbers, end):
        last = fill(end, hub, numbers)
        (stream,) = sockets_of(hub).slow.values()
        stream.end(b"data: bye\n\n")
        assert len(hub) == 0
        text = end.read()
        stream.flush()
        text += end.read()
        assert text.endswith(b"data: index %d\n\ndata: bye\n\n" % last)
        assert end.has_ended()
        assert len(sockets_of(hub)) == 0

    def test_is_not_pinged(self, hub, clock, numbers, end):
        fill(end, hub, numbers)
        (stream,) = sockets_of(hub).slow.values()
        rest = stream.rest
        hub.keep(clock.now + 8)
        clock.now += 15
        stream.moved_at = clock.now
        hub.keep(clock.now)
        assert stream.rest == rest
        assert not stream.is_behind


def test_a_ring_that_fails_costs_only_those_it_was_to_send_to(hub, numbers, monkeypatch, caplog):
    use_ring(hub, monkeypatch)
    ends = [DetachedEnd(hub) for _ in range(3)]
    with Path(os.devnull).open("rb") as no_ring:
        os.dup2(no_ring.fileno(), sockets_of(hub)._ring._fd)
    for number in (2, 3):
        numbers["index"] = number
        hub.touch()
        hub.send_due()
        hub.now.now += 1
        ends.append(DetachedEnd(hub))
    assert [end.endings for end in ends] == [[Ending.CLOSED]] * 3 + [[]] * 2
    assert ends[3].read().endswith(b"data: index 2\n\ndata: index 3\n\n")
    assert caplog.text.count("io_uring failed, and is not used any more") == 1
    for end in ends:
        end.close()


def test_a_first_frame_and_a_goodbye_larger_than_the_socket_takes_arrive_whole():
    """Also where the hub is closed meanwhile."""
    frame, goodbye = b"data: %b\n\n" % (b"x" * 100_000), b"data: %b\n\n" % (b"y" * 100_000)
    hub = Hub([FastTransport()], lambda page: frame)
    sockets_of(hub).start()
    end = DetachedEnd(hub)
    end.stream.end(goodbye)
    closing = gevent.spawn(hub.close)
    received = b""
    while not closing.ready():
        received += end.read()
        gevent.sleep(0.001)
    received += end.read()
    assert received.endswith(frame + goodbye)
    end.close()


def test_a_response_that_was_never_begun_ends_its_stream(hub):
    """A server calls close() even where the client was gone before the first byte."""
    hub.open("index", owner := Somebody(), ask())
    owner.stream.close()
    assert owner.endings == [Ending.CLOSED]


def test_a_generator_that_could_not_take_two_frames_gets_only_the_newer(hub):
    hub.open("index", owner := Somebody(), ask())
    stream = owner.stream
    next(stream)
    stream.offer(b"data: 1\n\n")
    stream.offer(b"data: 2\n\n")
    assert next(stream) == b"data: 2\n\n"
    stream.end()
    assert list(stream) == []


def test_a_change_is_sent_though_everyone_had_gone_meanwhile(hub, numbers):
    """The hub's own greenlets: what changed when nobody was left must not hide what comes later."""
    hub.now = time.monotonic
    hub.start()
    for number in (2, 3):
        end = DetachedEnd(hub)
        numbers["index"] = number
        hub.touch()
        end.stream.end()
        end.close()
        hub.touch()
        gevent.sleep(0.01)  # the pacer looks, and finds nobody
    end = DetachedEnd(hub)
    end.read()
    numbers["index"] = 4
    hub.touch()
    end.sock.settimeout(5)
    assert end.sock.recv(100) == b"data: index 4\n\n"
    end.close()


@pytest.mark.parametrize("by_ring", [False, True])
def test_twenty_thousand_streams_that_came_and_went_leave_nothing(
    hub, numbers, monkeypatch, by_ring
):
    """However they end: by the client, by us, with something still to be sent."""
    if by_ring:
        use_ring(hub, monkeypatch)
    files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for turn in range(2_000):
        ends = [DetachedEnd(hub, page) for page in ("index", "blog/a") for _ in range(5)]
        numbers["index"] = turn
        hub.touch()
        hub.send_due()
        hub.now.now += 1
        ends[0].close()
        ends[1].sock.shutdown(socket.SHUT_WR)
        gevent.sleep(0.00001)  # the loop sees that the two are gone
        ends[2].stream.end()
        ends[3].stream.end(b"data: bye\n\n")
        ends[4].stream.keep(b"x" * 50_000)
        hub.end_all(lambda: b"data: bye\n\n")
        for end in ends:
            end.close()
    with gevent.Timeout(5):
        while len(sockets_of(hub)):
            gevent.sleep(0.001)
    assert (len(hub), len(sockets_of(hub)), sockets_of(hub).slow) == (0, 0, {})
    assert list(hub.pages()) == []
    assert len(os.listdir("/proc/self/fd")) == files  # noqa: PTH208
    del ends, end
    gc.collect()
    assert [one for one in gc.get_objects() if isinstance(one, DetachedStream)] == []


class TestPace:
    """A page is sent at once, then at most every 0.1 s; and what takes long makes all wait."""

    @pytest.fixture
    def ends(self, hub) -> Iterator[list[DetachedEnd]]:
        ends = [DetachedEnd(hub, page) for page in ("index", "blog/a")]
        yield ends
        for end in ends:
            end.close()

    def test_nothing_is_due_where_nothing_changed(self, hub, ends):
        assert hub.next_due() == math.inf

    def test_a_change_of_a_quiet_page_is_due_at_once(self, hub, clock, ends):
        hub.touch()
        assert hub.next_due() <= clock.now

    def test_the_next_change_of_a_page_is_due_a_tenth_of_a_second_later(
        self, hub, clock, numbers, ends
    ):
        numbers["index"] = 2
        hub.touch()
        hub.send_due()
        hub.touch(["index"])
        assert hub.next_due() == clock.now + 0.1

    def test_another_page_need_not_wait_for_it(self, hub, clock, numbers, ends):
        numbers["index"] = 2
        hub.touch(["index"])
        hub.send_due()
        numbers["blog/a"] = 2
        hub.touch()
        assert hub.next_due() <= clock.now
        ends[1].read()
        hub.send_due()
        assert ends[1].read() == b"data: blog/a 2\n\n"

    def test_what_was_not_due_yet_is_sent_later(self, hub, clock, numbers, ends):
        for number in (2, 3):
            numbers["index"] = number
            hub.touch()
            hub.send_due()
        assert hub.next_due() == clock.now + 0.1
        ends[0].read()
        clock.now += 0.1
        hub.send_due()
        assert ends[0].read() == b"data: index 3\n\n"
        assert hub.next_due() == math.inf

    def test_all_pages_together_take_a_quarter_of_the_time(self, hub, clock, numbers, ends):
        """Two pages that take 0.2 s each: the next change of any page waits three times 0.4 s."""
        numbers["index"] = numbers["blog/a"] = 2
        render = hub.render

        def take_long(page):
            clock.now += 0.2
            return render(page)

        hub.render = take_long
        hub.touch()
        hub.send_due()
        hub.touch()
        assert hub.next_due() == pytest.approx(clock.now + 3 * 0.4)

    def test_a_worker_that_stood_still_while_it_sent_does_not_rest_for_that(
        self, hub, clock, numbers, ends
    ):
        """Paused for 16 s in the middle of it, it would show old numbers for 48 s more."""
        numbers["index"] = 2
        render = hub.render

        def stand_still(page):
            clock.now += 16
            return render(page)

        hub.render = stand_still
        hub.touch(["index"])
        hub.send_due()
        hub.touch()
        assert hub.next_due() <= clock.now + 0.75

    def test_a_fault_of_one_page_does_not_stop_the_others(self, hub, numbers, ends):
        del numbers["index"]
        numbers["blog/a"] = 2
        ends[1].read()
        hub.touch()
        hub.send_due()
        assert ends[1].read() == b"data: blog/a 2\n\n"
