"""What a real browser refuses a page, because the blog has told it to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, Route, expect

from tests.browser.conftest import NewBrowser
from tests.site import Site

pytestmark = pytest.mark.browser

# Raw HTML passes through, as Markdown has it: whatever an author copies from elsewhere is in it.
POST = """---
title: Pasted
date: 2026-11-20
---

<script>window.ran = "a script of the page's own"</script>
<img src="/nothing.png" onerror="window.ran = 'a handler'">
<b style="position: fixed">styled</b>
<a id="link" href="javascript:window.ran = 'an address'">a link</a>
<iframe src="/about"></iframe>
<form action="https://evil.example/"><button id="send">Send</button></form>
<base href="https://evil.example/">
<object data="/drawing.svg"></object>
"""
DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">
<script>window.ran = "a drawing's script"</script></svg>"""

# What the policy refused, as soon as the form is among it.
REFUSED = """new Promise(done => {
    const look = () => window.refused.includes('form-action')
        ? done(window.refused) : setTimeout(look, 10);
    look();
})"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("posts")
    (folder / "pasted.md").write_text(POST)
    (folder / "drawing.svg").write_text(DRAWING)
    with Site(workers=1, environ={"BLOG_POSTS_DIR": str(folder)}) as site:
        yield site


@pytest.fixture
def tab(new_browser: NewBrowser) -> Page:
    return new_browser().new_page()


def open_page(tab: Page, url: str) -> Response:
    response = tab.goto(url)
    assert response is not None
    return response


def ran(tab: Page) -> object:
    return tab.evaluate("window.ran")


def test_nothing_that_a_post_pastes_is_run(site: Site, tab: Page):
    tab.add_init_script(
        "window.refused = []; document.addEventListener('securitypolicyviolation',"
        " event => window.refused.push(event.effectiveDirective));"
    )
    open_page(tab, f"{site.url}/blog/pasted")
    expect(tab.locator(".live-here")).to_have_text("1 reading now")  # our own scripts are
    tab.evaluate("['link', 'send'].forEach(id => document.getElementById(id).click())")
    refused = set(tab.evaluate(REFUSED))
    assert ran(tab) is None
    assert tab.url == f"{site.url}/blog/pasted"
    assert tab.evaluate("document.baseURI") == tab.url
    assert {"script-src-elem", "script-src-attr", "style-src-attr"} <= refused
    assert {"frame-src", "form-action", "base-uri", "object-src"} <= refused


def test_a_drawing_that_is_opened_by_itself_runs_nothing(site: Site, tab: Page):
    response = open_page(tab, f"{site.url}/blog/pasted/drawing.svg")
    assert response.status == 200
    assert ran(tab) is None


def test_the_page_may_not_use_what_a_blog_has_no_use_for(site: Site, tab: Page):
    open_page(tab, f"{site.url}/about")
    allowed = tab.evaluate(
        "['camera', 'microphone', 'geolocation', 'payment', 'usb', 'display-capture']"
        ".filter(name => document.featurePolicy.allowsFeature(name))"
    )
    assert allowed == []


def test_no_text_becomes_a_program(site: Site, tab: Page):
    open_page(tab, f"{site.url}/about")
    # By a script element of the page's own origin would be allowed; text is not.
    tried = "(() => { try { return Function('return 1')() } catch (e) { return e.name } })()"
    assert tab.evaluate(f"new Promise(done => setTimeout(() => done({tried})))") == "EvalError"


def test_no_other_site_frames_the_blog_reads_it_or_counts_on_it(
    site: Site, tab: Page, new_browser: NewBrowser
):
    """The other site is the same server by another name: to a browser it is another origin."""
    other = site.url.replace("127.0.0.1", "localhost")
    open_page(tab, f"{other}/about")
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    outcome = tab.evaluate(
        """async address => {
            const outcomes = [];
            for (const mode of ['cors', 'no-cors'])
                try { outcomes.push((await fetch(address, {mode})).type) }
                catch (error) { outcomes.push(error.name) }
            return outcomes;
        }""",
        f"{site.url}/live?page=index",
    )
    assert set(outcome) == {"TypeError"}
    stranger = new_browser().new_page()
    stranger.route(
        "**/stranger",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f"<iframe src='{site.url}/about'></iframe><img src='{site.url}/live?page=index'>",
        ),
    )
    open_page(stranger, f"{other}/stranger")
    stranger.wait_for_load_state("networkidle")
    frame = stranger.frames[1]
    assert "about" not in (frame.url or "")
    # The tab that is open on /about, by its other name; and one of another test, for a second.
    site.wait_for_total(1)


def test_a_link_to_elsewhere_tells_the_site_and_not_the_page(site: Site, tab: Page):
    open_page(tab, f"{site.url}/blog/pasted")
    told: list[str | None] = []

    def answer(route: Route) -> None:
        told.append(route.request.headers.get("referer"))
        route.fulfill(body="")

    tab.route("https://elsewhere.example/**", answer)
    tab.evaluate("location.href = 'https://elsewhere.example/'")
    tab.wait_for_url("https://elsewhere.example/")
    assert told == [f"{site.url}/"]


def test_every_answer_says_all_of_it(site: Site, tab: Page):
    for path in ("/blog", "/blog/pasted", "/blog/pasted/drawing.svg", "/nowhere", "/robots.txt"):
        headers = open_page(tab, site.url + path).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]
        assert "strict-transport-security" not in headers  # it is http
