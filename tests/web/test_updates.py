"""An open page changes its own meta by a request, which may reach any worker."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import gevent
import pytest
from gevent import monkey

from flask_presence.settings import PresenceSettings
from flask_presence.streams.stream import Request, Stream
from flask_presence.tracking import Roster
from flask_presence.tracking.asks import MOST_WAITING, Asks
from flask_presence.web.bounded import MOST_KEYS, put_last
from flask_presence.web.identity import key_of
from flask_presence.web.readers import TOPIC
from flask_presence.web.service import PresenceService
from flask_presence.web.tab import Tab
from flask_presence.web.updates import MAX_BODY_BYTES, MOST_AT_ONCE, Updates
from flask_presence.web.updates import MOST_WAITING as MOST_AT_A_TIME

TOKENS = {name: name.ljust(22, "x") for name in ("ann", "bob")}


class CutOff(io.BytesIO):
    """The body of a request whose client is gone, as gevent's `pywsgi` has it."""

    def read(self, *size: object) -> bytes:
        raise OSError("unexpected end of file while reading request")


class Worker:
    """One worker's presence. Its loops are the test's."""

    def __init__(self, redis_url: str, prefix: str) -> None:
        settings = PresenceSettings(takes_over=False, redis_url=redis_url, redis_prefix=prefix)
        self.service = service = PresenceService(settings)
        self.diffs = 0
        self.roster = Roster("page")
        service.tracker.subscribe(self.roster.apply, topic=TOPIC)
        service.tracker.subscribe(self._note, topic=TOPIC)
        self.read: Any = lambda environ, meta, form: {"typing": form["typing"] == "1"}
        self.updates = Updates(
            service.readers,
            service.identify,
            lambda *given: self.read(*given),
        )

    def _note(self, diff: Any) -> None:
        self.diffs += 1

    def open(self, name: str, event_id: str | None = None) -> Stream:
        service = self.service
        environ = {"HTTP_LAST_EVENT_ID": event_id or f"new.{TOKENS[name]}"}
        who = service.identify(environ)
        tab = Tab(service.gate, service.gate.find("192.0.2.1"), service.readers, who)
        tab.choose_meta({}, "a")
        stream = service.hub.open("a", tab, Request({}, lambda *_: lambda _: None, []))
        assert isinstance(stream, Stream)
        return stream

    def post(self, event_id: str, headers: dict[str, str] | None = None, **form: str) -> str:
        body = urlencode({"tab": event_id, **form}).encode()
        environ = {
            "REQUEST_METHOD": "POST",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            **(headers or {}),
        }
        return self.updates.answer(environ)

    def tell(self, event_id: str, **form: str) -> str:
        """Change the meta of another worker's tab: the answer comes when that is in the store."""
        answer = gevent.spawn(lambda: self.post(event_id, None, **form))
        asks = self.service.tracker.asks
        while not (asks._waiting or answer.ready()):
            gevent.sleep(0.01)
        assert not answer.ready()
        self.service.tracker.sync.write()
        return str(answer.get(timeout=5))

    def metas(self) -> list[dict[str, Any]]:
        hidden = ("page", "joined_at", "tab", "was")
        return [
            {name: value for name, value in p.meta.items() if name not in hidden}
            for p in self.roster.first("a")
        ]

    def close(self) -> None:
        self.service.readers.close()
        self.service.tracker.sync.close(lease_seconds=0)


@pytest.fixture(autouse=True)
def under_gevent(monkeypatch):
    monkeypatch.setattr(monkey, "is_module_patched", lambda name: True)


@pytest.fixture
def make_worker(valkey_url, request) -> Iterator[Callable[[], Worker]]:
    workers: list[Worker] = []

    def make() -> Worker:
        workers.append(Worker(valkey_url, f"{{{request.node.name}}}"))
        return workers[-1]

    yield make
    for worker in workers:
        worker.close()


@pytest.fixture
def worker(make_worker: Callable[[], Worker]) -> Worker:
    return make_worker()


def test_a_page_changes_its_own_meta_and_nobody_elses_and_keeps_its_place(worker):
    ann, bob = worker.open("ann"), worker.open("bob")
    assert worker.post(ann.owner.event_id, typing="1") == "204 No Content"
    assert worker.metas() == [{"typing": True}, {}]
    worker.post(ann.owner.event_id, typing="0")
    worker.post(bob.owner.event_id, typing="1")
    assert worker.metas() == [{"typing": False}, {"typing": True}]
    for stream in (ann, bob):
        assert stream.is_open
        stream.end()
    assert worker.service.readers._streams == worker.service.readers._changed == {}


def test_it_comes_back_by_what_its_stream_began_with_and_keeps_the_change(worker):
    stream = worker.open("ann")
    worker.post(stream.owner.event_id, typing="1")
    worker.post(stream.owner.event_id, typing="0")
    stream.rotate()
    back = worker.open("ann", stream.owner.event_id)
    assert worker.metas() == [{"typing": False}]
    assert worker.service.tracker.count(TOPIC) == 1
    worker.post(back.owner.event_id, typing="1")
    assert worker.metas() == [{"typing": True}]


@pytest.mark.parametrize("drains", [False, True])
def test_a_change_while_its_tab_is_on_its_way_back_is_kept(worker, drains):
    stream = worker.open("ann")
    if drains:
        worker.service.readers.drain()
    worker.post(stream.owner.event_id, typing="1")
    stream.rotate()
    worker.post(stream.owner.event_id, typing="0")
    assert worker.service.readers._are_back.is_set() is not drains  # it is waited for
    worker.open("ann", stream.owner.event_id)
    assert worker.service.readers._are_back.is_set()
    gevent.idle()
    assert (worker.metas(), worker.service.tracker.count(TOPIC)) == ([{"typing": False}], 1)
    assert worker.service.readers._late == {}


@pytest.mark.parametrize("was_changed", [False, True])
def test_a_change_while_its_tab_comes_back_to_another_worker_is_made_there(
    make_worker, was_changed
):
    before, after = make_worker(), make_worker()
    stream = before.open("ann")
    if was_changed:
        before.post(stream.owner.event_id, typing="0")
    before.service.tracker.sync.read()
    before.service.tracker.sync.write()
    wait_for(after, lambda: len(after.metas()) == 1)
    stream.rotate()
    before.post(stream.owner.event_id, typing="1")
    after.open("ann", stream.owner.event_id)
    after.service.tracker.sync.write()
    wait_for(before, lambda: not before.service.readers._late)
    gevent.idle()  # it asks
    before.service.tracker.sync.write()
    wait_for(after, lambda: after.metas() == [{"typing": True}])
    assert after.service.tracker.count(TOPIC) == 1
    # And by the id that the page had until it came back, at any worker.
    after.service.tracker.sync.write()
    wait_for(before, lambda: before.metas() == [{"typing": True}])
    before.tell(stream.owner.event_id, typing="0")
    wait_for(after, lambda: after.metas() == [{"typing": False}])
    assert after.service.tracker.count(TOPIC) == 1


def test_a_tab_that_never_comes_back_leaves_no_change_behind(worker):
    stream = worker.open("ann")
    stream.rotate()
    worker.post(stream.owner.event_id, typing="1")
    assert len(worker.service.readers._late) == 1
    wait_for(worker, lambda: worker.service.readers._late == {})


def test_a_change_by_the_id_that_its_tab_has_just_had_is_made(worker):
    stream = worker.open("ann")
    stream.rotate()
    worker.open("ann", stream.owner.event_id)
    worker.post(stream.owner.event_id, typing="1")
    assert (worker.metas(), worker.service.tracker.count(TOPIC)) == ([{"typing": True}], 1)


def test_what_the_application_tracks_is_no_tab_whose_change_waits_for_its_return(worker):
    """Its ref can be guessed: refs are numbered, and a page knows one of its own."""
    tracker, meta = worker.service.tracker, {"page": "a", "joined_at": 1, "tab": ""}
    ref = tracker.track("a job", TOPIC, key_of(TOKENS["ann"]), meta)
    worker.updates._clock = map(float, range(1000)).__next__  # it is not waited for, either
    worker.post(f"{ref}.{TOKENS['ann']}", typing="1")
    assert worker.metas() == [{}]
    assert worker.service.readers._late == {}


def test_a_change_that_changes_nothing_is_told_to_nobody(worker):
    stream = worker.open("ann")
    worker.post(stream.owner.event_id, typing="1")
    before = worker.diffs
    worker.post(stream.owner.event_id, typing="1")
    assert worker.diffs == before


def test_the_other_tabs_of_its_reader_are_left_alone(worker):
    """Where one comes back, all others are asked soon after whether they are there."""
    older, newer = worker.open("ann"), worker.open("ann")
    assert not older.is_open
    older = worker.open("ann", older.owner.event_id)
    worker.service.readers._probes._settling.pop(key_of(TOKENS["ann"])).kill()
    worker.post(older.owner.event_id, typing="1")
    assert older.is_open
    assert newer.is_open
    assert worker.service.readers._probes._settling == {}
    assert sorted(worker.metas(), key=len) == [{}, {"typing": True}]


def test_the_worker_that_holds_the_stream_makes_the_change(make_worker):
    holder, other = make_worker(), make_worker()
    stream = holder.open("ann")
    holder.service.tracker.sync.read()
    holder.service.tracker.sync.write()
    wait_for(other, lambda: other.metas() == [{}])
    assert other.tell(stream.owner.event_id, typing="1") == "204 No Content"
    assert other.metas() == [{}]
    wait_for(holder, lambda: holder.metas() == [{"typing": True}])
    holder.service.tracker.sync.write()
    wait_for(other, lambda: other.metas() == [{"typing": True}])
    # Again, by the one that it began with; and for one that nobody has nothing happens.
    other.tell(stream.owner.event_id, typing="0")
    other.service.tracker.ask(key_of(TOKENS["ann"]), "w9-1", {"typing": True})
    other.service.tracker.sync.write()
    wait_for(holder, lambda: holder.metas() == [{"typing": False}])


def test_a_change_that_comes_before_its_worker_has_heard_of_the_tab_waits_for_that(make_worker):
    holder, other = make_worker(), make_worker()
    other.service.tracker.sync.read()
    stream = holder.open("ann")
    told = gevent.spawn(other.tell, stream.owner.event_id, typing="1")
    holder.service.tracker.sync.read()
    assert not told.ready()
    holder.service.tracker.sync.write()
    wait_for(other, lambda: other.metas() == [{}])
    assert told.get(timeout=5) == "204 No Content"
    wait_for(holder, lambda: holder.metas() == [{"typing": True}])


def test_only_so_many_requests_wait_for_tabs_that_nobody_has_heard_of(worker, monkeypatch):
    monkeypatch.setattr("flask_presence.web.updates.HEARD_SECONDS", 0.2)
    names = [f"w9-{number}.{TOKENS['ann']}" for number in range(MOST_AT_A_TIME + 1)]
    worker.updates._takes_one = lambda key: True  # they may come from as many readers
    answers = [gevent.spawn(worker.post, name, None, typing="1") for name in names]
    gevent.idle()
    assert [answer.ready() for answer in answers] == [False] * MOST_AT_A_TIME + [True]
    assert {answer.get(timeout=5) for answer in answers} == {"204 No Content"}
    late = gevent.spawn(worker.post, names[0], None, typing="1")
    gevent.idle()
    assert not late.ready()  # there is room again
    late.join(timeout=5)


def wait_for(worker: Worker, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < deadline, worker.metas()
        worker.service.tracker.sync.read()
        gevent.sleep(0.001)  # timers, and what was spawned


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"HTTP_SEC_FETCH_SITE": "cross-site"}, "403 Forbidden"),
        ({"HTTP_ORIGIN": "http://evil.example", "HTTP_HOST": "localhost"}, "403 Forbidden"),
        ({"CONTENT_LENGTH": ""}, "411 Length Required"),
        ({"CONTENT_LENGTH": str(MAX_BODY_BYTES + 1)}, "413 Content Too Large"),
        ({"CONTENT_LENGTH": "9" * 5000}, "413 Content Too Large"),
        ({"wsgi.input": CutOff()}, "400 Bad Request"),
        ({"wsgi.input": io.BytesIO(b"\xff"), "CONTENT_LENGTH": "1"}, "400 Bad Request"),
        ({"wsgi.input": io.BytesIO(b"&=" * 100), "CONTENT_LENGTH": "200"}, "400 Bad Request"),
    ],
)
def test_a_request_that_is_none_of_ours_changes_nothing(worker, headers, status):
    stream = worker.open("ann")
    assert worker.post(stream.owner.event_id, headers, typing="1") == status
    assert worker.metas() == [{}]


def test_who_has_no_open_stream_changes_nothing(worker, monkeypatch):
    stream = worker.open("ann")
    monkeypatch.setattr("flask_presence.web.updates.HEARD_SECONDS", 0.1)
    strangers = ("", "x", stream.owner.ref, f"{stream.owner.ref}.{TOKENS['bob']}")
    for event_id in strangers:
        assert worker.post(event_id, typing="1") == "204 No Content"
    assert worker.metas() == [{}]


def test_a_reader_has_so_many_changes_at_once_and_then_two_a_second(worker):
    now = 1000.0
    worker.updates._clock = lambda: now
    stream = worker.open("ann")
    answers = [
        worker.post(stream.owner.event_id, typing=str(n % 2)) for n in range(MOST_AT_ONCE + 1)
    ]
    assert answers == ["204 No Content"] * MOST_AT_ONCE + ["429 Too Many Requests"]
    now += 1
    answers = [worker.post(stream.owner.event_id, typing="1") for _ in range(3)]
    assert answers == ["204 No Content"] * 2 + ["429 Too Many Requests"]


@pytest.mark.parametrize("changes", [{"page": "b"}, {"x": "y" * 2000}, ["no", "dict"], {"x": {1}}])
def test_a_change_of_no_use_is_said_and_changes_nothing(worker, caplog, changes):
    stream = worker.open("ann")
    worker.read = lambda environ, meta, form: changes
    assert worker.post(stream.owner.event_id, typing="1") == "204 No Content"
    assert worker.metas() == [{}]
    (said,) = caplog.messages
    assert said.startswith("presence: found ")
    assert said.endswith("; it stays as it was")


def test_many_small_changes_make_no_meta_that_is_too_large(worker, caplog):
    stream = worker.open("ann")
    worker.read = lambda environ, meta, form: {form["name"]: "x" * 400}
    for name in "abc":
        worker.post(stream.owner.event_id, name=name)
    assert [sorted(meta) for meta in worker.metas()] == [["a", "b"]]
    assert "expected 1024 at most; it stays as it was" in caplog.text


def test_a_page_that_says_no_tab_tells_for_those_that_its_reader_has_there(worker):
    heard: list[tuple[list[str], Any]] = []
    service = worker.service
    updates = Updates(
        service.readers,
        service.identify,
        None,
        lambda metas, form: heard.append(([meta["page"] for meta in metas], form)),
    )
    cookie = {"HTTP_COOKIE": f"presence_reader={'c' * 22}"}

    def tell(query: str, headers: dict[str, str]) -> str:
        more = {"wsgi.input": io.BytesIO(b"end=1"), "CONTENT_LENGTH": "5", "QUERY_STRING": query}
        return updates.answer({"REQUEST_METHOD": "POST", **more, **headers})

    assert tell("page=a", cookie) == "204 No Content"  # it is not open yet
    who = service.identify(cookie)
    tab = Tab(service.gate, service.gate.find("192.0.2.1"), service.readers, who)
    tab.choose_meta(cookie, "a")
    service.hub.open("a", tab, Request({}, lambda *_: lambda _: None, []))
    for query, headers in (("page=a", cookie), ("page=b", cookie), ("page=a", {}), ("", cookie)):
        assert tell(query, headers) == "204 No Content"
    assert heard == [(["a"], {"end": "1"})]
    answers = [tell("page=a", cookie) for _ in range(MOST_AT_ONCE)]
    assert answers[-1] == "429 Too Many Requests"


def test_what_waits_for_other_workers_and_who_is_remembered_is_bounded():
    asks = Asks()
    readers: dict[str, int] = {}
    for number in range(2 * MOST_WAITING):
        asks.add("ann", str(number), {"x": 1})
    newest = range(MOST_WAITING, 2 * MOST_WAITING)
    assert [ref for _, ref in asks.take()] == list(map(str, newest))
    for number in range(2 * MOST_KEYS):
        put_last(readers, str(number), number)
    assert list(readers.values()) == list(range(MOST_KEYS, 2 * MOST_KEYS))
