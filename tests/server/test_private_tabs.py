"""Tabs whose browser asks for privacy: each is known by itself, and by nothing that others have."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Callable, Iterator

import pytest

from flask_presence.web.identity import key_of, read_event_id, token_of
from tests.server.open_stream import OpenStream
from tests.server.tabs import Tab, Tabs
from tests.server.test_admission import keys_in
from tests.server.test_stops import find_slots
from tests.site import Site
from tests.valkey import Valkey

TOKEN = "AAAAAAAAAAAAAAAAAAAAA_"


def key_of_tab(tab: Tab) -> str:
    return key_of(read_event_id(tab.last_event_id)[1])


def wait_for_returns(tabs: Tabs, returning: list[Tab], streams: int) -> None:
    """Wait until each of these has had so many streams, and shows numbers again."""
    tabs.wait(
        lambda: all(tab.streams_opened >= streams and tab.is_live for tab in returning),
        f"each tab is back, with {streams} streams in all",
        10,
    )


@pytest.mark.full
def test_a_private_tab_that_is_rotated_is_never_counted_twice_and_keeps_its_key(valkey):
    """Two times, seen by itself and from a host where nothing is rotated."""
    environ = {"BLOG_REDIS_URL": valkey.url}
    with (
        Site(workers=1, environ=environ) as other_host,
        Site(workers=2, environ={**environ, "BLOG_ROTATE_SECONDS": "1"}) as site,
        Tabs() as tabs,
    ):
        (view,) = tabs.open(other_host)
        mine = tabs.open(site, 3, is_private=True)
        tabs.wait_for_total(4, 5, tabs=[view, *mine])
        before = {key_of_tab(tab) for tab in mine}
        view.totals = view.totals[-1:]
        wait_for_returns(tabs, mine, streams=3)
        assert view.changes == [4]
        assert {key_of_tab(tab) for tab in mine} == before
        # Each own key, beside the one of the view.
        assert len(before) == 3
        assert keys_in(valkey.client) == {*before, key_of(token_of(view.cookie))}
        assert {*mine[0].events} == {"rotate"}


def kill(site: Site, worker: int) -> None:
    site.kill_worker(worker)


def drain(site: Site, worker: int) -> None:
    os.kill(worker, signal.SIGTERM)


@pytest.mark.parametrize("end", [kill, pytest.param(drain, marks=pytest.mark.full)])
def test_a_private_tab_whose_worker_ends_is_never_counted_twice_and_keeps_its_key(
    valkey: Valkey, end: Callable[[Site, int], None]
):
    """Until what the worker has left behind in Redis is gone, too."""
    with Site(workers=2, environ={"BLOG_REDIS_URL": valkey.url}) as site, Tabs() as tabs:
        ending, staying = site.worker_pids()
        mine = tabs.open(site, 3, worker=ending, is_private=True)
        (view,) = tabs.open(site, worker=staying)
        tabs.wait_for_total(4, 5, tabs=[view])
        before = {key_of_tab(tab) for tab in mine}
        (left_behind,) = find_slots(valkey, 3)
        view.totals = view.totals[-1:]
        end(site, ending)
        wait_for_returns(tabs, mine, streams=2)
        tabs.wait(lambda: not valkey.client.exists(left_behind), "its slot is gone", 10)
        tabs.wait_for_total(4, 1, tabs=[view, *mine])
        assert view.changes == [4]
        assert {key_of_tab(tab) for tab in mine} == before
        assert keys_in(valkey.client) == {*before, key_of(token_of(view.cookie))}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(workers=1, environ={"BLOG_LINGER_SECONDS": "0.01"}) as site:
        yield site


def test_what_is_in_redis_does_not_make_another_tab_count_as_this_one(site):
    """Neither its ref, nor its key in the place of the token."""
    with contextlib.ExitStack() as stack, site.embedded_redis() as redis:
        tab = stack.enter_context(OpenStream(site, headers="Sec-GPC: 1\r\n"))
        tab.read_until("1 reader online")
        ref, token = read_event_id(tab.event_id)
        site.wait(lambda: keys_in(redis) == {key_of(token)}, "it counts under its key")
        for number, forged in enumerate((f"{ref}", f"{ref}.{key_of(token)}"), 2):
            headers = f"Sec-GPC: 1\r\nLast-Event-ID: {forged}\r\n"
            other = stack.enter_context(OpenStream(site, headers=headers))
            other.read_until(f"{number} readers online")
            assert read_event_id(other.event_id)[1] not in ("", token)
        site.wait(lambda: len(keys_in(redis)) == 3, "each has a key of its own")
    site.wait_for_total(0)


def test_a_reader_with_a_cookie_gets_no_token(site):
    headers = f"Cookie: viblog_reader={TOKEN}\r\nLast-Event-ID: w-1\r\n"
    with OpenStream(site, headers=headers) as stream, site.embedded_redis() as redis:
        stream.read_until("1 reader online")
        assert read_event_id(stream.event_id)[1] == ""
        site.wait(lambda: keys_in(redis) == {key_of(token_of(TOKEN))}, "the cookie is what counts")
    site.wait_for_total(0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("w-1", ("w-1", "")),
        (f"w-1.{TOKEN}", ("w-1", TOKEN)),
        (None, (None, "")),
        ("", (None, "")),
        (f".{TOKEN}", (None, "")),
        ("w-1.", (None, "")),
        (f"w-1.{TOKEN}A", (None, "")),
        (f"w-1.{TOKEN[1:]}", (None, "")),
        (f"w-1.{TOKEN}.{TOKEN}", (None, "")),
        (f"w-1.{TOKEN}\n", (None, "")),
        (f"w-1.{TOKEN[1:]}é", (None, "")),
        ("x" * 65, (None, "")),
    ],
)
def test_a_last_event_id_of_another_form_is_a_new_tabs(text, told):
    assert read_event_id(text) == told


def test_two_tabs_that_a_browser_opened_at_once_come_back_as_themselves(site):
    """Each was given a cookie, and the browser has kept the second."""
    with contextlib.ExitStack() as stack, site.embedded_redis() as redis:
        tabs = [stack.enter_context(OpenStream(site)) for _ in range(2)]
        for tab in tabs:
            tab.read_until("online")
        site.wait(lambda: len(keys_in(redis)) == 2, "both count")
        keys = keys_in(redis)
        (cookie,) = re.findall(r"Set-Cookie: viblog_reader=([\w-]+);", tabs[1].text)
        for tab in tabs:
            headers = f"Cookie: viblog_reader={cookie}\r\nLast-Event-ID: {tab.event_id}\r\n"
            back = stack.enter_context(OpenStream(site, headers=headers))
            assert ">2 readers online<" in back.read_until("online")
            assert "Set-Cookie" not in back.text
        assert keys_in(redis) == keys
    site.wait_for_total(0)


def test_a_tab_whose_browser_keeps_no_cookie_comes_back_under_its_key(site):
    """As one whose browser keeps it does, which says the cookie and no token."""
    with OpenStream(site) as tab, site.embedded_redis() as redis:
        tab.read_until("1 reader online")
        event_id = tab.event_id
        (cookie,) = re.findall(r"Set-Cookie: viblog_reader=([\w-]+);", tab.text)
        assert read_event_id(event_id)[1] == token_of(cookie)
        key = key_of(token_of(cookie))
        site.wait(lambda: keys_in(redis) == {key}, "it counts under its key")
        for kept in ("", f"Cookie: viblog_reader={cookie}\r\n"):
            with OpenStream(site, headers=f"{kept}Last-Event-ID: {event_id}\r\n") as back:
                assert ">1 reader online<" in back.read_until("online")
                site.wait(lambda: keys_in(redis) == {key}, "it counts under that key")
            site.wait_for_total(1)
    site.wait_for_total(0)
