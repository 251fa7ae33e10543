"""The Flask extension in real browsers, under the servers that people have."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewBrowser
from tests.web.example import fetch, serve

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    "server",
    [
        "gunicorn",
        pytest.param("configured", marks=pytest.mark.full),
        pytest.param("pywsgi", marks=pytest.mark.full),
    ],
)
def test_readers_see_each_other_come_and_go(server, tmp_path, valkey_url, new_browser: NewBrowser):
    prefix = f"{{{tmp_path.name}}}"
    redis = {"PRESENCE_REDIS_URL": valkey_url, "PRESENCE_REDIS_PREFIX": prefix}
    with serve(server, tmp_path, **redis) as port:
        ada, ben = (new_browser().new_page() for _ in range(2))
        ada.goto(f"http://127.0.0.1:{port}/a")
        expect(ada.locator("p")).to_have_text("1 reading now, 1 online")
        ben.goto(f"http://127.0.0.1:{port}/a")
        for tab in (ada, ben):
            expect(tab.locator("p")).to_have_text("2 reading now, 2 online")
        ben.goto(f"http://127.0.0.1:{port}/b")
        expect(ada.locator("p")).to_have_text("1 reading now, 2 online")
        expect(ben.locator("p")).to_have_text("1 reading now, 2 online")
        assert all("2 online" in fetch(port, "/c") for _ in range(4))  # of every worker
        ben.close()
        expect(ada.locator("p")).to_have_text("1 reading now, 1 online")
