"""What a stream's client sees, whatever carries the stream: one suite, every transport.

Detached (on TCP, on a unix socket) and generator under the real gunicorn. Each test starts when
nobody is online any more.
"""

from __future__ import annotations

import contextlib
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.site import Site
from tests.streams.tab import TRUST_ALL, Tab, Where
from tests.tracking.test_tls import make_certificate

POST = "blog/how-the-counter-works"
TRANSPORTS = ("detached on TCP", "detached on a unix socket", "generator", "generator over TLS")
OVER_ALL = [*TRANSPORTS[:3], pytest.param(TRANSPORTS[3], marks=pytest.mark.full)]
CAP = 30


@dataclass(frozen=True)
class Place:
    """A site, and where to connect to it."""

    site: Site
    where: Where
    is_detached: bool = False

    def open(self, page: str = "index", **options) -> Tab:
        return Tab(self.where, page, tls=isinstance(self.site, TlsSite), **options)


class TwoSocketSite(Site):
    """A site that listens on a unix socket, too, as it does behind a proxy."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.path = f"{self._folder.name}/blog.sock"
        binds = f"--bind 127.0.0.1:{self.port} --bind unix:{self.path}"
        self._environ["GUNICORN_CMD_ARGS"] = binds


class TlsSite(Site):
    """A site that does TLS itself, with a certificate of its own."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        certificate = make_certificate(Path(self._folder.name))
        arguments = self._environ.get("GUNICORN_CMD_ARGS", "")
        arguments += f" --certfile {certificate} --keyfile {certificate}"
        self._environ["GUNICORN_CMD_ARGS"] = arguments

    def fetch(self, path: str = "/blog", *, seconds: float = 5.0) -> str:
        url = self.url.replace("http:", "https:") + path
        with urllib.request.urlopen(url, timeout=seconds, context=TRUST_ALL) as response:
            return str(response.read().decode("utf-8"))


def say_cookie(letter: str) -> str:
    """Return the cookie of a reader, by the names that it has over http and over https."""
    return f"Cookie: viblog_reader={letter * 22}; __Host-viblog_reader={letter * 22}\r\n"


@contextlib.contextmanager
def start_places(*names: str, **settings: str) -> Iterator[dict[str, Place]]:
    """Start the sites of the transports of these names, each only once."""
    common = {"BLOG_LINGER_SECONDS": "0.01", "BLOG_PACE_SECONDS": "0.01", **settings}
    by_generator = {**common, "BLOG_TRANSPORT": "generator"}
    places: dict[str, Place] = {}
    with contextlib.ExitStack() as stack:
        if any(name.startswith("detached") for name in names):
            detached = stack.enter_context(TwoSocketSite(workers=1, environ=common))
            places["detached on TCP"] = Place(detached, detached.port, is_detached=True)
            places["detached on a unix socket"] = Place(detached, detached.path, is_detached=True)
        if "generator" in names:
            generator = stack.enter_context(Site(workers=1, environ=by_generator))
            places["generator"] = Place(generator, generator.port)
        if "generator over TLS" in names:
            tls = stack.enter_context(TlsSite(workers=1, environ=common))
            places["generator over TLS"] = Place(tls, tls.port)
        yield places


def send_many_frames(place: Place, watcher: Tab) -> None:
    """Have a tab come and go until `watcher` has had sixty frames more.

    That is more than the sockets of one who does not read can hold.
    """
    wanted = len(watcher.events()) + 60
    deadline = time.monotonic() + 30
    while len(watcher.events()) < wanted:
        assert time.monotonic() < deadline, f"only {len(watcher.events())} frames in 30 s"
        with place.open() as tab:
            tab.read_until("online")
            watcher.read_for(0.015)
        watcher.read_for(0.015)


def find_chosen(request: pytest.FixtureRequest) -> list[str]:
    """Return the transports that a chosen test is about."""
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    chosen = [value for call in calls if call is not None for value in call.params.values()]
    return [each for each in TRANSPORTS if each in chosen]


@pytest.fixture(scope="module")
def places(request: pytest.FixtureRequest) -> Iterator[dict[str, Place]]:
    """Start the sites that most tests share."""
    limits = {"BLOG_MAX_STREAMS": str(CAP), "BLOG_STALL_SECONDS": "3"}
    with start_places(*find_chosen(request), **limits) as places:
        yield places


@pytest.fixture(scope="module")
def pinging_places(request: pytest.FixtureRequest) -> Iterator[dict[str, Place]]:
    """Start sites that ping often; no rotation may come first, however slow a machine is."""
    with start_places(*find_chosen(request), BLOG_PING_SECONDS="0.3") as places:
        yield places


@pytest.fixture(scope="module")
def rotating_places(request: pytest.FixtureRequest) -> Iterator[dict[str, Place]]:
    """Start sites whose streams are old after a second."""
    with start_places(*find_chosen(request), BLOG_ROTATE_SECONDS="1") as places:
        yield places


@pytest.fixture(params=OVER_ALL)
def place(request, places):
    place = places[request.param]
    place.site.wait_for_total(0)
    return place


@pytest.fixture(params=OVER_ALL)
def pinging_place(request, pinging_places):
    place = pinging_places[request.param]
    place.site.wait_for_total(0)
    return place


@pytest.fixture(params=OVER_ALL)
def rotating_place(request, rotating_places):
    place = rotating_places[request.param]
    place.site.wait_for_total(0)
    return place


class TestTheResponse:
    def test_begins_at_once_with_the_right_numbers(self, place):
        began = time.monotonic()
        with place.open(POST) as tab:
            body = tab.read_until("\n\n")
            assert time.monotonic() - began < 0.5
            assert ">1 reader online<" in body
            assert ">1 reading now<" in body
            assert body.startswith("retry: ")

    def test_says_what_it_is_and_is_kept_by_nobody(self, place):
        with place.open() as tab:
            tab.read_until("online")
        status, *lines = tab.head.split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        assert status == "HTTP/1.1 200 OK"
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Accel-Buffering"] == "no"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Date"].endswith(" GMT")
        cookie, *attributes = headers["Set-Cookie"].split("; ")
        if isinstance(place.site, TlsSite):
            assert cookie.startswith("__Host-viblog_reader=")
            assert attributes == ["Secure", "HttpOnly", "Path=/", "SameSite=Lax"]
        else:
            assert cookie.startswith("viblog_reader=")
            assert attributes == ["HttpOnly", "Path=/live", "SameSite=Lax"]
        is_unframed = headers["Connection"] == "close" and "Transfer-Encoding" not in headers
        assert is_unframed == place.is_detached

    def test_is_understood_by_an_old_proxy(self, place):
        """nginx speaks HTTP/1.0 to what is behind it, unless told otherwise."""
        with place.open(version="1.0") as tab:
            assert tab.read_until("\n\n").startswith("retry: ")
            assert "chunked" not in tab.head

    def test_has_a_cookie_for_https_only_where_the_page_came_by_https(self, place):
        with place.open(headers="X-Forwarded-Proto: https\r\n") as tab:
            tab.read_until("online")
        # From an address that gunicorn trusts, as the loopback is.
        assert "Set-Cookie: __Host-viblog_reader=" in tab.head
        assert "; Secure; HttpOnly; Path=/; SameSite=Lax" in tab.head

    def test_brings_every_change_and_each_once(self, place):
        with place.open(POST) as tab:
            tab.read_until("1 reading now")
            with place.open(POST) as second:
                second.read_until("2 reading now")
                tab.read_until("2 reading now")
            tab.read_until_last("1 reading now")
            numbers = [read_number(event) for event in tab.events()]
        assert numbers == [1, 2, 1]


@pytest.mark.parametrize("leave", ["close", "reset", "half_close"])
@pytest.mark.parametrize("has_spoken", [False, True])
def test_a_leave_is_seen_at_once(place, leave, has_spoken):
    """Within 100 ms, and not at the next ping; whatever the client has sent before.

    The quickest of three counts: where others have the cores, any of them may wait for one.
    """
    took: list[float] = []
    with place.open(POST) as staying:
        for _ in range(3):
            with place.open(POST) as leaving:
                leaving.read_until_last("2 reading now")
                staying.read_until_last("2 reading now")
                if has_spoken:
                    leaving.sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    time.sleep(0.05)  # until it has been looked at, which nothing shows
                began = time.monotonic()
                getattr(leaving, leave)()
                staying.read_until_last("1 reading now", seconds=7)
                took.append(time.monotonic() - began)
    # The watch of a socket that is the server's looks away after a stray byte, until it is told to
    # look again.
    assert min(took) < (1.5 if has_spoken and not place.is_detached else 0.1)


def test_a_new_page_of_a_reader_has_its_other_tabs_come_back(place):
    cookie = say_cookie("A")
    with place.open(headers=cookie) as first:
        first.read_until("online")  # else its request may come after the second's
        with place.open(headers=cookie):
            assert first.read_to_end().endswith("event: rotate\ndata: \n\n")


def test_what_a_client_has_said_does_not_spoil_the_end(place):
    """Unread bytes would turn the end of the connection into a reset."""
    cookie = say_cookie("A")
    with place.open(headers=cookie) as first:
        first.read_until("online")
        first.sock.sendall(b"x")
        with place.open(headers=cookie):
            assert first.read_to_end().endswith("event: rotate\ndata: \n\n")


def test_a_fifth_tab_of_a_reader_parks_the_oldest(place):
    """Each new one has the others come back; they keep their age."""
    cookie = say_cookie("A")
    with contextlib.ExitStack() as stack:
        tabs: list[Tab] = []
        for count in range(1, 6):
            tabs.append(stack.enter_context(place.open(headers=cookie)))
            tabs[-1].read_until(f"{count} tabs<" if count > 1 else ">1 reader online<")
        deadline = time.monotonic() + 10

        def is_parked() -> bool:
            shown = (tabs[1].events() or [""])[-1]
            return "event: park" in tabs[0].body and ">1 reader, 4 tabs<" in shown

        while not is_parked():
            assert time.monotonic() < deadline, "five count"
            for number, tab in enumerate(tabs):
                tab.read_for(0.01)
                if tab.has_ended and tab.body.endswith("event: rotate\ndata: \n\n"):
                    headers = f"{cookie}Last-Event-ID: {tab.event_id}\r\n"
                    tabs[number] = stack.enter_context(place.open(headers=headers))
        assert tabs[0].read_to_end().endswith("event: park\ndata: \n\n")


def test_above_the_cap_a_stream_says_busy_and_pages_still_answer(place):
    with contextlib.ExitStack() as stack:
        for _ in range(CAP):
            stack.enter_context(place.open()).read_until("online")
        with place.open() as refused:
            body = refused.read_until("\n\n")
        retry, rest = body.split("\n", 1)
        assert 5_000 <= int(retry.removeprefix("retry: ")) <= 15_000
        assert rest == "event: busy\ndata: \n\n"
        assert place.site.total() == CAP


def test_a_silent_stream_is_pinged(pinging_place):
    with pinging_place.open() as tab:
        ping = 'data: <hx-partial hx-target=".live-pulse" hx-swap="innerHTML"><span class="beat">'
        body = tab.read_until("online")
        while body.count(f"\n\n{ping}") < 2:
            body = tab.read_until(f"\n\n{ping}", 5)
            tab.read_for(0.1)


def test_an_old_stream_is_asked_to_come_back_and_never_counts_twice(rotating_place):
    cookie = say_cookie("B")
    with rotating_place.open(headers=cookie) as tab:
        body = tab.read_to_end()
    assert body.endswith("event: rotate\ndata: \n\n")
    headers = f"{cookie}Last-Event-ID: {tab.event_id}\r\n"
    with rotating_place.open(headers=headers) as tab:
        assert ">1 reader online<" in tab.read_until("online")


class TestASlowReader:
    """One that does not read: its receive buffer is small, and there are many changes."""

    def test_gets_whole_frames_and_in_the_end_the_right_number(self, place):
        with place.open(receive_bytes=1) as slow:
            slow.read_until("online")
            with place.open() as watcher:
                watcher.read_until_last(">2 readers online<")
                send_many_frames(place, watcher)
            slow.read_until_last(">1 reader online<")
            for event in slow.events()[1:]:
                assert event.startswith("data: <hx-partial")
                assert event.count("<hx-partial") == event.count("</hx-partial>") == 2

    def test_is_given_up_and_others_do_not_notice(self, place):
        with place.open(receive_bytes=1), place.open() as staying:
            staying.read_until_last(">2 readers online<")
            send_many_frames(place, staying)
            staying.read_until_last(">1 reader online<", seconds=3 + 3)


def test_a_stream_that_was_taken_over_is_in_the_access_log_where_there_is_one():
    arguments = {"GUNICORN_CMD_ARGS": "--access-logfile -"}
    with Site(workers=1, environ=arguments) as site, Tab(site.port) as tab:
        tab.read_until("online")
        site.wait(lambda: "/live" in site.read_log(), "the stream is logged")
        (line,) = [line for line in site.read_log().splitlines() if "/live" in line]
    assert line.endswith(
        "request, a stream from now on method=GET path=/live status=200 page=index"
    )


@pytest.mark.parametrize("transport", OVER_ALL)
def test_a_stop_sends_every_tab_away_and_then_the_stream_ends(transport):
    with start_places(transport) as places:
        place = places[transport]
        with place.open() as tab:
            tab.read_until("online")
            place.site.stop()
            body = tab.read_to_end()
    event = body.split("\n\n")[-2]
    assert event.startswith("retry: ")
    assert event.endswith("event: drain\ndata: ")


def read_number(event: str) -> int:
    """Read how many are on the page out of a frame."""
    return int(event.partition(" reading now")[0].rpartition(">")[2])
