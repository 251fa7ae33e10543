"""Messages get lost, come twice, or late; a subscription is cut, or says nothing more.

At the timings of life where not said otherwise, with the bounds of life.
"""

from __future__ import annotations

import time

import pytest

from tests.tracking.faults import cut_subscription
from tests.tracking.nodes import REAL_TIMINGS, assert_all_views_equal, meet, wait_until
from tests.tracking.views import assert_every_slot_is_whole, assert_told_diffs_give_the_list

# Of the issue: from the last fault until all views are equal.
EQUAL_SECONDS = 2.0
REPLACED_SECONDS = 6.0


def open_tabs(node, keys) -> None:
    """Track some keys, one after another and not in one write; update some and untrack some."""
    for number, key in enumerate(keys):
        node.call("track", key, key, "index")
        if number % 5 == 2:
            node.call("update", key, key, "about")
        if number % 5 == 3:
            node.call("untrack", keys[number - 1])
        time.sleep(0.02)


@pytest.fixture
def proxy(start_proxy):
    return start_proxy()


@pytest.fixture
def here_and_there(start_node, proxy):
    """Return two nodes that have met, the second of them behind the proxy."""
    nodes = (start_node(**REAL_TIMINGS), start_node(url=proxy.url, **REAL_TIMINGS))
    meet(nodes)
    return nodes


def lose_some(proxy) -> None:
    proxy.drop_messages(5)


def lose_all(proxy) -> None:
    proxy.drop_messages(1000)


def double(proxy) -> None:
    proxy.double_messages()


def reorder(proxy) -> None:
    proxy.reorder_messages()


def lose_double_and_reorder(proxy) -> None:
    proxy.drop_messages(3)
    proxy.double_messages()
    proxy.reorder_messages()


@pytest.mark.parametrize("hurt", [lose_some, lose_all, double, reorder, lose_double_and_reorder])
def test_views_are_equal_within_2_seconds_of_the_last_message_that_was_hurt(
    here_and_there, proxy, valkey, hurt
):
    """And whoever listens is told each change once."""
    here, there = here_and_there
    hurt(proxy)
    open_tabs(here, [f"reader {number}" for number in range(60)])
    assert_every_slot_is_whole(valkey, here_and_there, within_seconds=1.0)
    proxy.pass_everything()
    view = assert_all_views_equal(here_and_there, within_seconds=EQUAL_SECONDS)
    assert len(view) == 48
    assert proxy.faults >= 5
    assert_told_diffs_give_the_list(there)


def test_the_loss_of_the_last_message_of_a_burst_is_noticed_as_soon(here_and_there, proxy):
    """Nothing follows it that would show the gap but the heartbeat that follows each change."""
    here, there = here_and_there
    open_tabs(here, ["ann", "bob"])
    there.wait_for_count(2)
    proxy.drop_messages(1, containing=b'"last"')
    here.call("track", "last", "last", "index")
    wait_until(lambda: proxy.faults == 1, within_seconds=1.0, what=lambda: "a loss")
    assert there.call("count") == 2
    there.wait_for_count(3, within_seconds=EQUAL_SECONDS - proxy.seconds_since_last_fault())
    assert_told_diffs_give_the_list(there)


def test_views_are_equal_within_2_seconds_of_the_last_cut_in_a_burst_of_joins(start_node, valkey):
    """All subscriptions are cut; the last time just after the last join."""
    nodes = [start_node(**REAL_TIMINGS) for _ in range(3)]
    meet(nodes)
    for number in range(60):
        if number in (20, 40):
            cut_subscription(valkey)
        nodes[number % 3].call("track", f"tab {number}", f"reader {number}", "index")
        time.sleep(0.01)
    cut_subscription(valkey)
    view = assert_all_views_equal(nodes, within_seconds=EQUAL_SECONDS)
    assert len(view) == 60
    for node in nodes:
        assert_told_diffs_give_the_list(node)


@pytest.mark.full
def test_a_silent_subscription_is_replaced_within_6_seconds_and_a_healthy_one_is_not(
    start_node, start_proxy
):
    """Whatever moment of its heartbeat it falls silent at. What it has missed is made up for."""
    proxies = [start_proxy() for _ in range(4)]
    nodes = [start_node(url=proxy.url, **REAL_TIMINGS) for proxy in proxies]
    meet(nodes)
    silent = proxies[1:]
    for proxy in silent:
        proxy.silence_subscription()
        time.sleep(1.3)
    nodes[0].call("track", "tab", "ann", "index")
    wait_until(
        lambda: [proxy.subscriptions for proxy in silent] == [2, 2, 2],
        within_seconds=2 * REPLACED_SECONDS,
        what=lambda: f"other subscriptions; {[node.log() for node in nodes]}",
    )
    assert max(proxy.last_subscription - proxy.last_fault for proxy in silent) < REPLACED_SECONDS
    for node in nodes:
        node.wait_for_count(1)
    assert [proxy.subscriptions for proxy in proxies] == [1, 2, 2, 2]
    assert [node.call("state_history") for node in nodes] == [[], [], [], []]


@pytest.mark.full
def test_an_idle_healthy_subscription_is_never_replaced(start_node, start_proxy):
    """For seven digests and forty heartbeats of ten-times speed."""
    proxies = [start_proxy() for _ in range(2)]
    nodes = [start_node(url=proxy.url) for proxy in proxies]
    meet(nodes)
    time.sleep(20.0)
    assert [proxy.subscriptions for proxy in proxies] == [1, 1]
    assert [node.call("state_history") for node in nodes] == [[], []]
