"""What an open page's meta holds beside our own fields, and who is told what of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest

from flask_presence.settings import PresenceSettings
from flask_presence.streams.event import encode_event
from flask_presence.streams.stream import Request, Stream
from flask_presence.tracking import Roster
from flask_presence.web.identity import Identity
from flask_presence.web.own_meta import MAX_META_BYTES, MetaError, check_added
from flask_presence.web.readers import TOPIC
from flask_presence.web.service import PresenceService
from flask_presence.web.tab import Tab


class Site:
    """A worker's presence, in which nothing is started, and pages that open in it."""

    def __init__(self) -> None:
        self.service = PresenceService(PresenceSettings(takes_over=False))
        self.roster = Roster("page")
        self.service.tracker.subscribe(self.roster.apply, topic=TOPIC)

    def open(self, key: str, page: str = "a", prev_ref: str | None = None) -> Stream:
        service = self.service
        places = service.gate.find("192.0.2.1")
        tab = Tab(service.gate, places, service.readers, Identity(key, "", prev_ref))
        tab.choose_meta({"HTTP_X": key.upper()}, page)
        request = Request({}, lambda *_: lambda _: None, [])
        stream = service.hub.open(page, tab, request)
        assert isinstance(stream, Stream)
        return stream

    def shown(self, page: str = "a") -> list[Any]:
        return [
            {name: value for name, value in p.meta.items() if name != "joined_at"}
            for p in self.roster.first(page)
        ]


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.service.readers.close()


def test_the_application_adds_to_the_meta_and_sees_the_request_and_who_is_there(site):
    def choose(environ, page, key, before):
        return {"x": environ["HTTP_X"], "seat": site.roster.count(page), "of": page}

    site.service.readers.choose_meta = choose
    for key in ("ann", "bob"):
        site.open(key)
    assert site.shown() == [
        {"page": "a", "x": "ANN", "seat": 0, "of": "a"},
        {"page": "a", "x": "BOB", "seat": 1, "of": "a"},
    ]


def test_a_tab_that_comes_back_keeps_its_meta_and_place_but_not_on_another_page(site):
    seats = iter(range(9))
    site.service.readers.choose_meta = lambda environ, page, key, before: (
        {} if "seat" in before else {"seat": next(seats)}
    )
    first, _ = site.open("ann"), site.open("bob")
    first.rotate()
    site.open("ann", prev_ref=first.owner.event_id)
    assert site.shown() == [{"page": "a", "seat": 0}, {"page": "a", "seat": 1}]
    back = site.open("bob", prev_ref=site.roster.first("a")[1].ref)
    site.open("bob", "b", prev_ref=back.owner.event_id)
    assert site.shown("b") == [{"page": "b", "seat": 2}]


def test_it_keeps_its_meta_where_nothing_is_chosen_any_more(site):
    """By a worker of another version, say, or for one that its application forgot to name."""
    site.service.readers.choose_meta = lambda *_: {"seat": 7}
    first = site.open("ann")
    site.service.readers.choose_meta = None
    site.open("ann", prev_ref=first.owner.event_id)
    assert site.shown() == [{"page": "a", "seat": 7}]


@pytest.mark.parametrize("answer", [None, {"page": "b"}, {"x": "y" * 2000}, {"x": object()}, "x"])
def test_a_meta_of_no_use_costs_what_it_would_add_and_is_said(site, caplog, answer):
    site.service.readers.choose_meta = lambda *_: answer
    site.open("ann")
    assert site.shown() == [{"page": "a"}]
    (said,) = caplog.messages
    assert said.startswith("presence: found ")
    assert said.endswith("; the page has none of it")
    assert site.service.tracker.count(TOPIC, page="a") == 1


def test_a_function_that_fails_costs_what_it_would_add(site, caplog):
    site.service.readers.choose_meta = lambda *_: int("no")
    site.open("ann")
    assert site.shown() == [{"page": "a"}]
    assert "found no meta to add to a page, as its function failed" in caplog.text


def test_each_tab_is_greeted_for_itself(site):
    site.service.readers.choose_meta = lambda environ, page, key, before: {"name": key}
    site.service.opening = lambda page: encode_event(f"of {page}")
    site.service.greeting = lambda page, tab: encode_event(f"you are {tab.meta['name']} in {page}")
    for key in ("ann", "bob"):
        first = next(iter(site.open(key)))
        assert re.search(rb"\ndata: of a\ndata: you are %b in a\n\n$" % key.encode(), first)


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (["x"], "found a meta of type list, expected a dict"),
        ({1: 2}, "found the field 1 in a meta, expected a str"),
        ({"joined_at": 2}, "found the field 'joined_at' in a meta, expected another name"),
        ({"x": {1, 2}}, "found a meta that JSON cannot hold: "),
        ({"x": math.nan}, "found a meta that JSON cannot hold: "),
        ({"x": "y" * MAX_META_BYTES}, f"expected {MAX_META_BYTES} at most"),
    ],
)
def test_what_no_meta_may_hold_is_one_line_that_says_what_was_found(added, said):
    with pytest.raises(MetaError, match=re.escape(said)) as raised:
        check_added(added)
    assert "\n" not in str(raised.value)
