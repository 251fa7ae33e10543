"""One reader with several tabs, counted once: `BLOG_COUNT=readers`."""

from __future__ import annotations

import secrets

from tests.server.tabs import Tabs
from tests.site import Site

# A closed tab lingers for 1 s before its leave is published.
LINGER_SECONDS = 1.0


def test_a_reader_with_three_tabs_on_two_workers_stays_while_one_is_open():
    with Site(workers=2, environ={"BLOG_COUNT": "readers"}) as site, Tabs() as tabs:
        here, there = site.worker_pids()
        views = [tab for pid in (here, there) for tab in tabs.open(site, worker=pid)]
        tabs.wait_for_total(2, 5, tabs=views)
        cookie = secrets.token_urlsafe(16)
        mine = [tab for _ in range(3) for tab in tabs.open(site, cookie=cookie)]
        # Each that opens has the others come back, to see which of them are still there.
        tabs.wait_for_total(3, 5, tabs=[*views, *mine])
        tabs.pump_for(1)
        for tab, worker in zip(mine, (here, there, there), strict=True):
            tabs.move(site, tab, worker)
        tabs.pump_for(1.5 * LINGER_SECONDS)
        for view in views:
            view.totals = view.totals[-1:]

        first, second, third = mine
        third.close()
        tabs.pump_for(1.5 * LINGER_SECONDS)
        first.close()
        tabs.pump_for(1.5 * LINGER_SECONDS)
        assert [view.changes for view in views] == [[3], [3]]
        assert second.is_live
        second.close()
        tabs.wait_for_total(2, LINGER_SECONDS + 1, tabs=views)
        assert [view.changes for view in views] == [[3, 2], [3, 2]]
