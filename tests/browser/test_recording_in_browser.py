"""What a page tells by itself, in a real browser, and what becomes of that in the history."""

from __future__ import annotations

import re
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


@pytest.mark.full
def test_a_parked_tab_that_is_looked_at_again_is_no_new_open(
    tmp_path: Path, new_browser: Callable[[], BrowserContext]
) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    environ = {"BLOG_DATABASE_URL": url, "BLOG_MAX_STREAMS_PER_READER": "1"}
    with Site(workers=2, environ=environ) as site:
        browser = new_browser()
        first, second = browser.new_page(), browser.new_page()
        first.goto(f"{site.url}/{POST}")
        first.locator(".live-total", has_text="online").wait_for()
        second.goto(f"{site.url}/blog")
        first.locator(".live-notice input").wait_for(state="attached", timeout=10_000)
        first.bring_to_front()
        with first.expect_request(lambda one: re.search(r"&again=\d", one.url) is not None):
            first.evaluate("window.dispatchEvent(new Event('focus'))")
        first.locator(".live-notice input").wait_for(state="detached")
    assert read_report(url).total.opens == 2
