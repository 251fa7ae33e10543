"""The author signs in by the keyboard, with scripts and without, and sees who reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from werkzeug.security import generate_password_hash

from tests.ops.nginx import Nginx
from tests.server.test_desk import make_link, open_registry
from tests.setup.tools import AXE_JS
from tests.site import Site
from tests.tracking.test_tls import make_certificate

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery"
ENVIRON = {"BLOG_DESK_PASSWORD_HASH": generate_password_hash(PASSWORD, "scrypt:16384:8:1")}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(workers=2, environ=ENVIRON) as site:
        yield site


def press(tab: Page, name: str) -> None:
    """Go to a button by the tabulator alone, and press it."""
    button = tab.get_by_role("button", name=name, exact=True)
    for _ in range(40):
        tab.keyboard.press("Tab")
        if button.evaluate("button => button === document.activeElement"):
            tab.keyboard.press("Enter")
            return
    raise AssertionError(f"the tabulator does not come to {name!r}")


def find_faults(tab: Page) -> list[str]:
    tab.evaluate(f"() => {{ {AXE_JS.read_text(encoding='utf-8')} }}")
    found = tab.evaluate("() => axe.run().then(result => result.violations)")
    return [one["id"] for one in found]


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_link_signs_in_by_the_keyboard(site, new_browser, scripts):
    context: BrowserContext = new_browser(scripts=scripts)
    tab = context.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    link = site.url + make_link(site)
    tab.goto("data:text/html,<a href=" + link + ">a mail</a>")
    tab.get_by_role("link").press("Enter")
    expect(tab).to_have_url(link)
    press(tab, "Sign in")
    expect(tab).to_have_url(f"{site.url}/desk/readers")
    press(tab, "Do not count my visits")
    expect(tab.get_by_text("are in no statistic")).to_be_visible()
    cookies = {cookie["name"]: cookie["path"] for cookie in context.cookies()}
    assert cookies["viblog_desk"] == "/desk"
    assert cookies["viblog_own"] == "/"
    # From a mail again: a strict cookie is kept back at first.
    tab.goto("data:text/html,<a href=" + site.url + "/desk/readers>a mail</a>")
    tab.get_by_role("link").press("Enter")
    expect(tab.get_by_role("button", name="Sign out")).to_be_visible()
    press(tab, "Sign out")
    expect(tab).to_have_url(f"{site.url}/desk/sign-in")
    tab.goto(f"{site.url}/desk")
    expect(tab).to_have_url(f"{site.url}/desk/sign-in")
    assert said == []


def test_the_password_signs_in_and_the_stream_tells_who_reads(site, new_browser):
    tab = new_browser().new_page()
    tab.goto(f"{site.url}/desk")
    tab.get_by_label("Password").fill("wrong")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("alert")).to_have_text("That is not the password.")
    tab.get_by_label("Password").fill(PASSWORD)
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(f"{site.url}/desk/readers")
    reader = new_browser().new_page()
    reader.goto(f"{site.url}/blog")
    expect(reader.locator(".live-total")).to_contain_text("1 reader online")
    tab.evaluate("() => window.stayed = true")
    expect(tab.locator("main")).to_contain_text("1 reader online")
    reader.close()
    top = tab.locator("h1").bounding_box()
    with open_registry(site) as registry:
        registry.close_desk()
    expect(tab.locator(".desk-state")).to_have_text("You are signed out: sign in")
    assert tab.locator("h1").bounding_box() == top  # nothing below it moved
    assert tab.evaluate("() => window.stayed")
    tab.get_by_role("link", name="You are signed out").click()
    expect(tab).to_have_url(f"{site.url}/desk/sign-in")


@pytest.mark.full
def test_over_https_the_browser_keeps_cookies_that_no_other_name_can_set(chromium, tmp_path):
    says_https = "proxy_set_header X-Forwarded-Proto $scheme;"
    with (
        Site(workers=1, environ={"BLOG_PROXY_HOPS": "1"}) as site,
        Nginx(site, says_https, certificate=make_certificate(tmp_path)) as nginx,
    ):
        context = chromium.new_context(ignore_https_errors=True)
        tab = context.new_page()
        tab.goto(nginx.url + make_link(site))
        press(tab, "Sign in")
        press(tab, "Do not count my visits")
        expect(tab.get_by_role("button", name="Count my visits", exact=True)).to_be_visible()
        kept = {one["name"]: (one["path"], one["secure"]) for one in context.cookies()}
        assert kept["__Secure-viblog_desk"] == ("/desk", True)
        assert kept["__Host-viblog_own"] == ("/", True)
        context.close()


@pytest.mark.full
def test_its_pages_have_no_axe_violation(site, new_browser):
    tab = new_browser().new_page()
    for scheme, width in (("light", 360), ("dark", 1280)):
        tab.emulate_media(color_scheme=scheme)
        tab.set_viewport_size({"width": width, "height": 800})
        for path in ("/desk/sign-in", "/desk/link/used", make_link(site)):
            tab.goto(site.url + path)
            assert find_faults(tab) == [], path
            overflow = "() => document.documentElement.scrollWidth - innerWidth"
            assert tab.evaluate(overflow) <= 0, path
    press(tab, "Sign in")
    expect(tab).to_have_url(f"{site.url}/desk/readers")
    assert find_faults(tab) == []
