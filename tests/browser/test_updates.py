"""What a reader sees of a post that its author changes meanwhile: a word of it, and no move."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.author import Author, open_quiet_tab
from tests.browser.conftest import NewBrowser
from tests.site import Site

pytestmark = pytest.mark.browser

UPDATED = "This post was updated. New version"
GONE = "This post is no longer published. Other posts"
# Where the text stands in the window, to the pixel.
PLACES = """() => [scrollY, ...[...document.querySelectorAll('main p, footer')].map(
    element => element.getBoundingClientRect().top)]"""


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Author:
    author = Author(tmp_path_factory.mktemp("posts"))
    for name in ("owls", "bats", "moths", "frogs", "larks"):
        author.save(name)
    return author


@pytest.fixture(scope="module")
def site(author: Author) -> Iterator[Site]:
    with Site(workers=2, environ={"BLOG_POSTS_DIR": str(author.folder)}) as site:
        yield site


def find_notice(tab: Page) -> Locator:
    return tab.locator(".post-updated")


@contextlib.contextmanager
def no_worker(site: Site) -> Iterator[None]:
    """Kill every worker; none is started before the end, for the master is frozen so long."""
    os.kill(site.master_pid, signal.SIGSTOP)
    for pid in site.worker_pids():
        site.kill_worker(pid)
    site.wait(lambda: not site.worker_pids(), "no worker is left")
    try:
        yield
    finally:
        os.kill(site.master_pid, signal.SIGCONT)


def test_a_reader_is_told_of_a_change_and_nothing_moves(
    site: Site, author: Author, new_browser: NewBrowser
) -> None:
    tab, said = open_quiet_tab(new_browser(), f"{site.url}/blog/owls")
    tab.evaluate("() => window.scrollTo(0, 900)")
    before = tab.evaluate(PLACES)
    author.save("owls", "New words.")
    expect(find_notice(tab)).to_have_text(UPDATED)
    assert tab.evaluate(PLACES) == before
    assert "Opening words." in tab.inner_text("main")

    # More frames come. The link keeps the focus, for it is the same one.
    link = tab.get_by_role("link", name="New version")
    link.focus()
    other, other_said = open_quiet_tab(new_browser(), f"{site.url}/blog/owls")
    expect(tab.locator(".live-here")).to_have_text("2 reading now")
    expect(link).to_be_focused()
    expect(find_notice(other)).to_have_text("")
    assert "New words." in other.inner_text("main")

    author.save("owls", "Newer words.")
    expect(find_notice(other)).to_have_text(UPDATED)
    expect(find_notice(tab)).to_have_text(UPDATED)
    link.press("Enter")
    expect(tab.locator("main")).to_contain_text("Newer words.")
    expect(tab.locator(".live-here")).to_have_text("2 reading now")
    expect(find_notice(tab)).to_have_text("")
    assert said + other_said == []


def test_a_change_that_is_taken_back_is_told_no_more(
    site: Site, author: Author, new_browser: NewBrowser
) -> None:
    tab, said = open_quiet_tab(new_browser(), f"{site.url}/blog/bats")
    author.save("bats", "A slip.")
    expect(find_notice(tab)).to_have_text(UPDATED)
    author.save("bats")
    expect(find_notice(tab)).to_have_text("")
    author.save("bats", fields="draft: true\n")
    expect(find_notice(tab)).to_have_text(GONE)
    author.save("bats")

    def is_told_nothing() -> bool:
        """Look at the tab again: a worker may not have read the post yet, and parks it anew."""
        tab.evaluate("() => window.dispatchEvent(new Event('focus'))")
        tab.wait_for_timeout(200)
        return find_notice(tab).inner_text() == ""

    site.wait(is_told_nothing, "it is told no more")
    assert said == []


@pytest.mark.full
def test_a_change_made_while_no_worker_ran_is_told_when_the_tab_is_back(
    site: Site, author: Author, new_browser: NewBrowser
) -> None:
    changed, _ = open_quiet_tab(new_browser(), f"{site.url}/blog/moths")
    removed, _ = open_quiet_tab(new_browser(), f"{site.url}/blog/frogs")
    with no_worker(site):
        author.save("moths", "New words.")
        author.remove("frogs")
    # A worker has to start first, and htmx waits twice as long after each try in vain.
    expect(find_notice(changed)).to_have_text(UPDATED, timeout=20_000)
    expect(find_notice(removed)).to_have_text(GONE, timeout=20_000)
    expect(removed.locator("main")).to_contain_text("Opening words.")


def test_at_the_end_of_the_page_the_notice_covers_no_words(
    site: Site, author: Author, new_browser: NewBrowser
) -> None:
    tab, _ = open_quiet_tab(new_browser(), f"{site.url}/blog/larks")
    tab.set_viewport_size({"width": 360, "height": 640})
    author.save("larks", "Words to be told of.")
    expect(find_notice(tab)).to_have_text(UPDATED)
    expect(find_notice(tab)).to_be_in_viewport(ratio=1)
    tab.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
    last, notice = (
        tab.locator(at).bounding_box() for at in ("footer p >> nth=-1", ".post-updated")
    )
    assert last is not None
    assert notice is not None
    assert last["y"] + last["height"] <= notice["y"]
