"""A reader with as many tabs as count, who follows a link in one of them."""

from __future__ import annotations

from tests.server.tabs import Tabs
from tests.site import Site

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
