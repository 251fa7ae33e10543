"""The real site while its Redis is frozen, absent or full: it serves, says so, and heals."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator

import pytest

from tests.server.tabs import Tab, Tabs
from tests.site import Site
from tests.valkey import Valkey

pytestmark = pytest.mark.alone

FROZEN_SECONDS = 30.0
# A worker that has nothing to tell notices at its next heartbeat: 6 s, and a call's limit of 1 s.
NOTICE_SECONDS = 7.5
HEAL_SECONDS = 6.0
STALE = "not live right now, as last known"


def time_page(site: Site) -> float:
    """Return the seconds that one page took, its connection included."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    connection.request("GET", "/blog")
    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.status == 200
    return time.perf_counter() - began


def p99(seconds: list[float]) -> float:
    """Return the time that all but one request in a hundred stay under."""
    return sorted(seconds)[len(seconds) * 99 // 100]


def pages_of_all_workers(site: Site) -> Iterator[str]:
    """Yield the index as each worker shows it."""
    for pid in site.worker_pids():
        with site.only_worker(pid):
            yield site.fetch()


def is_whole(view: Tab, total: int) -> bool:
    """Tell whether a tab shows a total and no notice."""
    return (view.total, view.notice) == (total, "")


@pytest.mark.full
def test_with_redis_frozen_for_30_seconds_pages_are_as_fast_and_all_heals_in_6_seconds(valkey):
    """Local counts live on, and stream and page say in words that the numbers are stale.

    As fast as before: beside it runs a site whose Redis is well, and each in turn is asked for a
    page, so that whatever else this machine does slows both of them alike.
    """
    with (
        Site(workers=2, environ={"BLOG_REDIS_URL": valkey.url}) as site,
        Site(workers=2) as healthy,
        Tabs() as tabs,
    ):
        first, second = site.worker_pids()
        (view,) = tabs.open(site, worker=first)
        (other_view,) = tabs.open(site, worker=second)
        (closing,) = tabs.open(site, worker=second)
        tabs.wait_for_total(3, 5, tabs=[view, other_view])
        for _ in range(100):  # neither has to load or connect anything for the first time
            time_page(site), time_page(healthy)

        valkey.freeze()
        frozen_at = time.monotonic()
        closing.close()
        tabs.open(site, 3, worker=first)
        # What happens here is counted; what happens there cannot be known.
        tabs.wait(lambda: view.total == 6, "the local tabs count", 1)
        tabs.wait(lambda: other_view.total == 2, "the local tab's leave counts", 3)
        tabs.wait(
            lambda: view.notice == other_view.notice == STALE, "the streams say so", NOTICE_SECONDS
        )
        assert [STALE in page for page in pages_of_all_workers(site)] == [True, True]
        timings: list[float] = []
        healthy_timings: list[float] = []
        while time.monotonic() < frozen_at + FROZEN_SECONDS:
            timings.append(time_page(site))
            healthy_timings.append(time_page(healthy))
            tabs.pump(0.002)
        assert (view.total, other_view.total) == (6, 2)

        valkey.thaw()
        took = tabs.wait(
            lambda: is_whole(view, 5) and is_whole(other_view, 5), "all is whole", HEAL_SECONDS
        )
        assert [STALE in page for page in pages_of_all_workers(site)] == [False, False]
        print(
            f"{len(timings)} pages each; p99 {p99(timings) * 1000:.1f} ms frozen, "
            f"{p99(healthy_timings) * 1000:.1f} ms healthy; healed in {took:.1f} s"
        )
        assert p99(timings) < 2 * p99(healthy_timings)
        assert [tab.streams_opened for tab in tabs.all] == [1] * 6


def test_a_site_that_starts_without_redis_serves_and_presence_begins_when_redis_comes():
    with (
        Valkey() as valkey,
        Site(workers=2, environ={"BLOG_REDIS_URL": valkey.url}) as site,
        Tabs() as tabs,
    ):
        views = [tab for pid in site.worker_pids() for tab in tabs.open(site, worker=pid)]
        # Each worker counts its own, and says that this is not the whole.
        assert [view.total for view in views] == [1, 1]
        tabs.wait(lambda: all(view.notice == STALE for view in views), "they say so", 3)
        assert [STALE in page for page in pages_of_all_workers(site)] == [True, True]
        valkey.start()
        tabs.wait(lambda: all(is_whole(view, 2) for view in views), "presence begins", HEAL_SECONDS)


def test_with_redis_out_of_memory_the_site_serves_and_says_once_that_it_is_not_live():
    """The embedded Valkey, whose `maxmemory` is reached, with `noeviction`."""
    with Site(workers=2) as site, Tabs() as tabs:
        views = [tab for pid in site.worker_pids() for tab in tabs.open(site, worker=pid)]
        tabs.wait_for_total(2, 5, tabs=views)
        with site.embedded_redis() as redis:
            assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            redis.config_set("maxmemory", "1mb")
            tabs.wait(
                lambda: all(view.notice == STALE for view in views), "they say so", NOTICE_SECONDS
            )
            assert [STALE in page for page in pages_of_all_workers(site)] == [True, True]
            (late,) = tabs.open(site, worker=site.worker_pids()[0])
            tabs.wait(lambda: views[0].total == 3, "the local tab counts", 1)
            # Longer than a heartbeat, in which a writer tries again about once a second.
            tabs.pump_for(6)
            assert [view.total for view in views] == [3, 2]
            redis.config_set("maxmemory", "256mb")
        tabs.wait(
            lambda: all(is_whole(view, 3) for view in (*views, late)), "all is whole", HEAL_SECONDS
        )
        log = site.read_whole_log()
        # One line of each worker when it begins, and one when it ends.
        assert log.count("presence: Redis refuses (OutOfMemoryError") == 2
        assert log.count("presence: Redis is back") == 2
        assert log.count("WARNING") == 2
