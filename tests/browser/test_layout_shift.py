"""Nothing of a page moves while its readers come and go, at any width: a layout shift of 0."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from blog.words import list_languages
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
    (360, "/now"),
    (360, "/blog/how-the-counter-works"),
    (768, "/blog/writing-a-post"),
    (1280, "/blog/what-is-counted"),
]
# Chromium judges text that grows leftwards by its left side, though its first letter stays.
LEFTWARDS = ("ar", "he")
POSTS = [(width, path) for width, path in READ if path.startswith("/blog/")]


@pytest.mark.full
@pytest.mark.parametrize("language", list_languages())
def test_nothing_moves_when_other_browsers_come_and_go(
    language: str, new_browser: NewBrowser
) -> None:
    """One was there before; another has two tabs of each post, which is said in longer words."""
    with Site(workers=1, environ={"BLOG_LANGUAGE": language}) as site:
        first = new_browser()
        others = [first.new_page() for _ in POSTS]
        for other, (_, path) in zip(others, POSTS, strict=True):
            other.goto(site.url + path)
        expect_online(others, len(POSTS))
        tabs = [open_tab(new_browser, site.url + path, width) for width, path in READ]
        online = len(POSTS) + len(READ) - 1
        expect_online(tabs, online)
        visitor = new_browser()
        for _, path in POSTS:
            visitor.new_page().goto(site.url + path)
        expect_online(tabs, online + len(POSTS))
        first.close()
        expect_online(tabs, online)
        visitor.close()
        expect_online(tabs, online - len(POSTS))
        for (width, path), tab in zip(READ, tabs, strict=True):
            moved = tab.evaluate(MOVED)
            if language in LEFTWARDS:
                moved = [one for one in moved if one[0] != "meta"]
            assert moved == [], f"{path} at {width} px"
            # The words are whole: they fit into the room that is kept for them.
            for words in tab.locator(".presence [data-widest]:visible > span").all():
                cut = words.evaluate("words => words.scrollWidth - words.clientWidth")
                assert cut <= 0, words.text_content()


def open_tab(new_browser: NewBrowser, url: str, width: int) -> Page:
    tab = new_browser().new_page()
    tab.set_viewport_size({"width": width, "height": 823})
    tab.goto(url)
    return tab


def expect_online(tabs: list[Page], count: int) -> None:
    """Wait until each page is told of so many tabs."""
    for tab in tabs:
        expect(tab.locator(f'.live-total [id^="total-{count}"]').first).to_be_attached()
