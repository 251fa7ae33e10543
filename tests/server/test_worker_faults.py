"""Workers and hosts that die or stand still: when their tabs leave, and that they come back."""

from __future__ import annotations

import time

import pytest

from tests.server.tabs import Tabs
from tests.site import Site

pytestmark = pytest.mark.alone

# From its last heartbeat on; not a setting of these tests, but the default.
LEASE_SECONDS = 15.0
# To find a lease ended: Redis's answer, a pacer, a socket; and a machine that has more to do.
SLACK_SECONDS = 0.5


def test_the_tabs_of_a_killed_worker_are_gone_from_every_other_view_within_6_seconds():
    with Site(workers=3) as site, Tabs() as tabs:
        doomed, *others = site.worker_pids()
        tabs.open(site, 5, worker=doomed, returns=False)
        views = [tab for other in others for tab in tabs.open(site, worker=other)]
        tabs.wait_for_total(7, 5, tabs=views)
        began = time.monotonic()
        site.kill_worker(doomed)
        tabs.wait_for_total(2, 6, tabs=views)
        site.wait(lambda: len(site.worker_pids()) == 3, "the killed worker has a successor")
        site.wait_for_total(2, seconds=began + 6 - time.monotonic())
        assert all(view.streams_opened == 1 for view in views)


@pytest.mark.full
def test_the_tabs_of_a_dead_host_are_gone_within_the_lease(valkey):
    """Master and workers of one of two hosts end at once: nobody is left to say goodbye."""
    redis = {"BLOG_REDIS_URL": valkey.url}
    with (
        Site(workers=2, environ=redis) as dying,
        Site(workers=2, environ=redis) as site,
        Tabs() as tabs,
    ):
        for worker in dying.worker_pids():
            tabs.open(dying, 3, worker=worker, returns=False)
        views = [tab for pid in site.worker_pids() for tab in tabs.open(site, worker=pid)]
        tabs.wait_for_total(8, 5, tabs=views)
        dying.kill_host()
        tabs.wait_for_total(2, LEASE_SECONDS + SLACK_SECONDS, tabs=views)


@pytest.mark.full
def test_a_worker_that_stands_still_for_less_than_its_lease_loses_nobody():
    with Site(workers=2) as site, Tabs() as tabs:
        paused, other = site.worker_pids()
        mine = tabs.open(site, 3, worker=paused)
        (view,) = tabs.open(site, worker=other)
        tabs.wait_for_total(4, 5, tabs=[view])
        view.totals = [4]
        # Its last heartbeat is 5 s ago at most.
        site.pause_worker(paused)
        tabs.pump_for(LEASE_SECONDS - 6)
        site.resume_worker(paused)
        tabs.pump_for(2)
        assert view.changes == [4]
        assert [tab.streams_opened for tab in (*mine, view)] == [1, 1, 1, 1]


@pytest.mark.full
def test_after_a_pause_beyond_its_lease_the_very_same_tabs_are_back_within_2_seconds():
    with Site(workers=3) as site, Tabs() as tabs:
        paused, *others = site.worker_pids()
        mine = tabs.open(site, 3, worker=paused)
        views = [tab for other in others for tab in tabs.open(site, worker=other)]
        tabs.wait_for_total(5, 5, tabs=views)
        site.pause_worker(paused)
        # gunicorn itself would kill it after 30 s.
        tabs.wait_for_total(2, LEASE_SECONDS + SLACK_SECONDS, tabs=views)
        for view in views:
            view.totals = [2]
        site.resume_worker(paused)
        tabs.wait_for_total(5, 2, tabs=[*mine, *views])
        tabs.pump_for(1)
        # None twice, and no stream was opened anew.
        assert [view.changes for view in views] == [[2, 5], [2, 5]]
        assert [tab.streams_opened for tab in (*mine, *views)] == [1] * 5


@pytest.mark.full
@pytest.mark.parametrize("again_seconds", [None, 0.3, 1.5])
def test_a_worker_that_is_killed_while_redis_was_emptied_is_gone_within_6_seconds(again_seconds):
    """Nothing in Redis says that it was there: its master tells the others, who remember it."""
    with Site(workers=3) as site, Tabs() as tabs, site.embedded_redis() as redis:
        doomed, *others = site.worker_pids()
        tabs.open(site, 5, worker=doomed, returns=False)
        views = [tab for other in others for tab in tabs.open(site, worker=other)]
        tabs.wait_for_total(7, 5, tabs=views)
        redis.flushall()
        site.kill_worker(doomed)
        began = time.monotonic()
        if again_seconds is not None:
            tabs.pump_for(again_seconds)
            redis.flushall()
        tabs.wait_for_total(2, began + 6 - time.monotonic(), tabs=views)
        tabs.pump_for(3)
        assert {view.total for view in views} == {2}


@pytest.mark.full
@pytest.mark.parametrize("frozen_seconds", [2.5, 8.0])
def test_a_worker_that_is_killed_while_redis_is_frozen_is_gone_6_seconds_after(
    frozen_seconds, valkey
):
    environ = {"BLOG_REDIS_URL": valkey.url}
    with Site(workers=3, environ=environ) as site, Tabs() as tabs:
        doomed, *others = site.worker_pids()
        tabs.open(site, 5, worker=doomed, returns=False)
        views = [tab for other in others for tab in tabs.open(site, worker=other)]
        tabs.wait_for_total(7, 5, tabs=views)
        valkey.freeze()
        site.kill_worker(doomed)
        tabs.pump_for(frozen_seconds)
        valkey.thaw()
        tabs.wait_for_total(2, 6, tabs=views)


@pytest.mark.full
def test_a_worker_that_is_killed_after_it_took_over_leaves_no_ghosts():
    """The tabs of the first came back to the second: nobody shows what they were before."""
    with Site(workers=2) as site, Tabs() as tabs, site.embedded_redis() as redis:
        first, second = site.worker_pids()
        mine = tabs.open(site, 5, worker=first)
        tabs.wait_for_total(5, 5, tabs=mine)
        redis.flushall()
        site.kill_worker(first)
        tabs.wait_for_total(5, 8, tabs=mine)
        tabs.pump_for(5)
        site.kill_worker(second)
        tabs.pump_for(8)
        tabs.wait_for_total(5, 5, tabs=mine)
        assert max(total for tab in mine for total in tab.totals) <= 5
