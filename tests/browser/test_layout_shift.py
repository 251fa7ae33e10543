"""Nothing of a page moves while its readers come and go, at any width: a layout shift of 0."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewBrowser
from tests.site import Site

pytestmark = pytest.mark.browser

# What moved since the page was opened, and from where to where, as the browser itself counts it.
MOVED = """() => new Promise(tell => {
    const moved = [];
    new PerformanceObserver(list => list.getEntries().forEach(shift => shift.sources.forEach(
        ({node, previousRect, currentRect}) => moved.push(
            [(node?.parentElement.closest('[class]') ?? node)?.className,
             previousRect.toJSON(), currentRect.toJSON()])
    ))).observe({type: "layout-shift", buffered: true});
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => tell(moved))));
})"""
# A page and the width that it is read at; each has a post of its own, to see its first reader come.
READ = [
    (360, "/blog"),
    (360, "/blog/how-the-counter-works"),
    (412, "/blog/writing-a-post"),
    (1280, "/blog/what-is-counted"),
]


@pytest.mark.full
def test_nothing_moves_when_a_second_browser_comes_and_goes(
    site: Site, new_browser: NewBrowser
) -> None:
    tabs = [open_tab(new_browser, site.url + path, width) for width, path in READ]
    expect_readers(tabs, "1 reading now")
    visitor = new_browser()
    for _, path in READ:
        visitor.new_page().goto(site.url + path)
    expect_readers(tabs, "2 reading now")
    visitor.close()
    expect_readers(tabs, "1 reading now")
    for (width, path), tab in zip(READ, tabs, strict=True):
        assert tab.evaluate(MOVED) == [], f"{path} at {width} px"


def open_tab(new_browser: NewBrowser, url: str, width: int) -> Page:
    tab = new_browser().new_page()
    tab.set_viewport_size({"width": width, "height": 823})
    tab.goto(url)
    return tab


def expect_readers(tabs: list[Page], words: str) -> None:
    """Wait until each post says how many read it; the index is told in the same moment."""
    for tab in tabs[1:]:
        expect(tab.locator(".live-here")).to_have_text(words)
