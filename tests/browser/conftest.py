"""Sites and browsers for the browser tests; each is started once for a whole file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.setup.tools import CHROMIUM_OPTIONS, find_chromium
from tests.site import Site
from tests.valkey import Valkey

StartSites = Callable[[str], list[Site]]
NewBrowser = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def start_sites() -> Iterator[StartSites]:
    """Return a function that starts a kind of site once; each test finds it without readers."""
    with ExitStack() as stack:
        running: dict[str, list[Site]] = {}

        def start(kind: str) -> list[Site]:
            if kind not in running:
                running[kind] = [stack.enter_context(site) for site in make_sites(kind, stack)]
            for site in running[kind]:
                site.wait_for_total(0)
            return running[kind]

        yield start


def make_sites(kind: str, stack: ExitStack) -> list[Site]:
    """Return the gunicorns of a kind of site, not started."""
    if kind == "two gunicorns":
        valkey = stack.enter_context(Valkey())
        valkey.start()
        environ = {"BLOG_REDIS_URL": valkey.url}
        return [Site(workers=1, environ=environ), Site(workers=1, environ=environ)]
    if kind == "readers":
        environ = {"BLOG_COUNT": "readers", "BLOG_TITLE_COUNT": "1", "BLOG_SECTIONS": "1"}
        return [Site(workers=2, environ=environ)]
    return [Site(workers={"1 worker": 1, "2 workers": 2, "4 workers": 4}[kind])]


@pytest.fixture
def site(start_sites: StartSites) -> Site:
    """Return the usual site, of two workers, without readers."""
    return start_sites("2 workers")[0]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Start one Chromium for the whole file."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def new_browser(chromium: Browser) -> Iterator[NewBrowser]:
    """Return a function that makes a browser with cookies, cache and connections of its own."""
    with ExitStack() as stack:

        def make(**options: bool) -> BrowserContext:
            context = chromium.new_context(
                reduced_motion="reduce", java_script_enabled=options.pop("scripts", True)
            )
            context.set_default_timeout(10_000)
            stack.callback(context.close)
            return context

        yield make
