"""A reader with as many tabs as count, who follows a link in one of them."""

from __future__ import annotations

import pytest

from tests.server.tabs import Tabs
from tests.site import Site

# Together with what they are asked to wait, less than `RETURN_SECONDS`.
LATE_SECONDS = 1.5
COOKIE = "AAAAAAAAAAAAAAAAAAAAAA"


def test_a_link_followed_in_one_of_four_tabs_parks_none_of_the_others():
    """The page that was left is in the browser's cache: its stream is open, and stays away."""
    with Site(workers=2) as site, Tabs() as tabs:
        *others, left = tabs.open(site, 4, cookie=COOKIE)
        tabs.wait_for_total(4, 5, tabs=[*others, left])
        # Until all have come back a third time: they are asked whether they are there as they are
        # opened, when they have been still for 0.25 s, and 2.5 s after that.
        tabs.pump_for(4.0)
        left.returns = False
        (followed,) = tabs.open(site, cookie=COOKIE)
        tabs.pump_for(4.0)
        assert [tab.total for tab in [*others, followed]] == [4] * 4
        assert not [tab.events for tab in [*others, followed] if "park" in tab.events]


@pytest.mark.full
def test_tabs_that_are_slow_to_come_back_never_make_the_total_dip():
    """Hidden ones, say, that are asked back as their reader follows links, again and again."""
    with Site(workers=2) as site, Tabs() as tabs:
        (watcher,) = tabs.open(site)
        *hidden, left = tabs.open(site, 3, cookie=COOKIE)
        for tab in hidden:
            tab.late_seconds = LATE_SECONDS
        tabs.wait_for_total(4, 5, tabs=[watcher])
        tabs.pump_for(4.0)
        asked = [tab.streams_opened for tab in hidden]
        watcher.totals = [4]
        for _ in range(3):
            (followed,) = tabs.open(site, cookie=COOKIE)
            left.close()
            left = followed
            tabs.pump_for(3.5)
        assert all(tab.streams_opened > before for tab, before in zip(hidden, asked, strict=True))
        assert min(watcher.totals) == 4
        assert watcher.total == 4
