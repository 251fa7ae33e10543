"""Which tabs of a reader stay, where there are too many of them; nothing is started."""

from __future__ import annotations

import time

import gevent
import pytest

from flask_presence.settings import PresenceSettings
from flask_presence.streams.observer import Ending
from flask_presence.streams.stream import Request, Stream
from flask_presence.web.identity import Identity
from flask_presence.web.readers import TOPIC
from flask_presence.web.service import PresenceService
from flask_presence.web.tab import Tab


class Browser:
    """One reader's tabs, each with a stream that a WSGI server sends."""

    def __init__(self) -> None:
        self.service = PresenceService(PresenceSettings(takes_over=False, max_streams_per_reader=1))

    def open(self, prev_ref: str | None = None) -> Stream:
        service = self.service
        places = service.gate.find("192.0.2.1")
        tab = Tab(service.gate, places, service.readers, Identity("ada", "", prev_ref))
        tab.choose_meta({}, "index")
        request = Request({}, lambda *_: lambda _: None, [])
        stream = service.hub.open("index", tab, request)
        assert isinstance(stream, Stream)
        return stream

    def look_for_too_many(self) -> None:
        """Do at once what is due 2.75 s after a tab too many came."""
        check = self.service.readers._checks["ada"]
        check.kill()
        self.service.readers._park_oldest("ada")

    def refs(self) -> set[str]:
        return {meta["ref"] for meta in self.service.tracker.get_by_key(TOPIC, "ada")}


@pytest.fixture
def browser():
    browser = Browser()
    yield browser
    browser.service.readers.close()


def ref_of(stream: Stream) -> str:
    return stream.owner.event_id


def test_a_tab_too_many_that_is_on_its_way_back_is_parked_as_it_comes(browser):
    older = browser.open()
    older.rotate()  # its tab is asked to come back, and counts meanwhile
    newer = browser.open()
    browser.look_for_too_many()
    assert browser.refs() == {ref_of(older), ref_of(newer)}
    back = browser.open(prev_ref=ref_of(older))
    gevent.sleep(0)
    assert not back.is_open
    assert browser.refs() == {ref_of(newer)}


def test_it_stays_where_it_is_none_too_many_any_more(browser):
    older = browser.open()
    older.rotate()
    newer = browser.open()
    browser.look_for_too_many()
    newer.end(ending=Ending.PARKED)
    back = browser.open(prev_ref=ref_of(older))
    gevent.sleep(0)
    assert back.is_open
    assert browser.refs() == {ref_of(back)}


def test_who_listens_is_told_which_stream_ended_and_why_before_its_tab_leaves(browser):
    told = []

    def note(ref: str, ending: Ending) -> None:
        told.append((ref, ending, ref in browser.refs()))

    browser.service.readers.on_end = note
    refs: list[str] = []
    for end in (
        Stream.end,
        Stream.rotate,
        lambda stream: browser.service.readers._park({"ref": refs[-1]}),
    ):
        stream = browser.open()
        refs.append(ref_of(stream))
        end(stream)
    assert told == [
        (refs[0], Ending.CLOSED, True),
        (refs[1], Ending.RETURNS, True),
        (refs[2], Ending.PARKED, True),
    ]


@pytest.mark.parametrize(
    ("times", "seconds_ago", "is_asked"),
    [(1, 0.5, True), (2, 0.5, True), (3, 0.5, True), (4, 0.5, False), (4, 2.6, True)],
)
def test_a_tab_that_comes_back_has_all_asked_again_but_four_times_in_a_row(
    browser, times, seconds_ago, is_asked
):
    """It has answered what it was asked last, or its reader has gone back: only that tells."""
    probes = browser.service.readers._probes
    older, _ = browser.open(), browser.open()
    older.rotate()
    probes._settled["ada"] = (time.monotonic() - seconds_ago, times)
    browser.open(prev_ref=ref_of(older))
    assert ("ada" in probes._settling) == is_asked
