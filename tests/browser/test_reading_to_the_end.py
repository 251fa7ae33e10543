"""A page tells once that the end of its text was in sight."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Request

from tests.history.test_recording import POST, read_report
from tests.site import Site


@pytest.mark.full
def test_who_scrolls_to_the_end_of_a_post_has_read_to_the_end(
    tmp_path: Path, new_browser: Callable[[], BrowserContext]
) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with Site(workers=1, environ={"BLOG_DATABASE_URL": url}) as site:
        page = new_browser().new_page()
        told: list[Request] = []
        page.on("request", lambda one: told.append(one) if one.method == "POST" else None)
        page.goto(f"{site.url}/{POST}")
        page.locator(".live-total", has_text="online").wait_for()
        site.wait_for_total(1)
        with page.expect_response(lambda one: one.request.method == "POST") as answer:
            page.mouse.wheel(0, 100_000)
        assert answer.value.status == 204
        page.mouse.wheel(0, -100_000)
        page.mouse.wheel(0, 100_000)
        page.goto(f"{site.url}/blog")
    assert [one.post_data for one in told] == ["end=1"]
    (row,) = [row for row in read_report(url).pages if row.page == POST]
    assert (row.counts.opens, row.counts.read_to_end) == (1, 1)
