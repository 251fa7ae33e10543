"""The site as readers see it: HTTP/2 and TLS, through nginx and through Caddy."""

from __future__ import annotations

import gzip
import http.client
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from blog.config import Settings
from blog.ops.headers import STRICT_TRANSPORT_SECURITY, security_headers
from tests.deploy.conftest import NewBrowser, commit, run_step
from tests.deploy.site import DOMAIN, URL, DeployedSite, SlowClient
from tests.deploy.steps import steps_under

pytestmark = pytest.mark.browser

POST = "/blog/what-is-counted"
INDEX = "/blog"
LEAVE_SECONDS = 1.5
AWAY = "The blog is being restarted"


def open_page(browser: BrowserContext, path: str = POST) -> Page:
    tab = browser.new_page()
    tab.goto(URL + path)
    return tab


def expect_here(tab: Page, count: int, seconds: float = 5, *, is_one_browser: bool = False) -> None:
    """Wait until a post says how many are reading it, without touching the page."""
    words = f"1 reading, {count} tabs" if is_one_browser else f"{count} reading now"
    expect(tab.locator(".live-here")).to_have_text(words, timeout=seconds * 1000)


def mark(tab: Page) -> None:
    """Remember the document; `is_same` tells whether it is still that one, and whole."""
    tab.evaluate("() => { window.isSame = document.querySelector('main').innerText; }")


def is_same(tab: Page) -> bool:
    return bool(tab.evaluate("() => window.isSame === document.querySelector('main').innerText"))


@pytest.fixture(scope="module")
def slow_client(site: DeployedSite) -> SlowClient:
    """Begin a request that is never ended, while the other tests run."""
    client = SlowClient(site.connect())
    client.start()
    return client


@pytest.fixture(autouse=True)
def _without_readers(site: DeployedSite, slow_client: SlowClient) -> None:
    """Begin with a blog that runs and that nobody reads."""

    def nobody() -> bool:
        return all("just you online" in site.get(INDEX).body.decode() for _ in range(3))

    site.machine.wait(nobody, "nobody reads", 20)


def test_numbers_move_over_http_2_and_a_leave_is_seen_in_time(
    site: DeployedSite, new_browser: NewBrowser
) -> None:
    ada, ben = open_page(new_browser()), open_page(new_browser())
    for tab in (ada, ben):
        protocol = tab.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")
        assert protocol == "h2"
        expect_here(tab, 2)
    began = time.monotonic()
    ben.close()
    expect_here(ada, 1)
    took = time.monotonic() - began
    print(f"\n{site.proxy}: a closed tab is gone after {took * 1000:.0f} ms")
    assert took < LEAVE_SECONDS


def test_twelve_tabs_of_one_browser_are_all_live(
    site: DeployedSite, new_browser: NewBrowser
) -> None:
    browser = new_browser()
    tabs = [open_page(browser) for _ in range(12)]
    for tab in tabs:
        expect_here(tab, 12, is_one_browser=True)
    tabs.pop().close()
    for tab in tabs:
        expect_here(tab, 11, is_one_browser=True)


def test_a_killed_worker_is_replaced_and_its_readers_come_back(
    site: DeployedSite, new_browser: NewBrowser
) -> None:
    tabs = [open_page(new_browser()) for _ in range(2)]
    for tab in tabs:
        expect_here(tab, 2)
        mark(tab)
    killed = site.worker_pids()
    site.machine.run(f"kill -s KILL {' '.join(map(str, killed))}")
    site.machine.wait(lambda: len(set(site.worker_pids()) - set(killed)) == 2, "they are replaced")
    tabs.append(open_page(new_browser()))
    for tab in tabs:
        expect_here(tab, 3, seconds=20)
    assert all(is_same(tab) for tab in tabs[:2])


def test_an_update_as_the_document_has_it_goes_live_without_a_gap(
    site: DeployedSite, new_browser: NewBrowser
) -> None:
    clone = site.machine.root / "srv" / "viblog.git"
    template = clone / "templates" / "base.html"
    version = f"version-for-{site.proxy}"
    template.write_text(
        re.sub(r'<html lang="[^"]*"', rf'\g<0> data-is="{version}"', template.read_text("utf-8")),
        encoding="utf-8",
    )
    commit(clone, "Another version")
    tab = open_page(new_browser())
    expect_here(tab, 1)
    mark(tab)
    before = set(site.worker_pids())
    statuses = []
    update, restart = steps_under("5.")
    with ThreadPoolExecutor(1) as pool:
        updating = pool.submit(run_step, site.machine, update)
        while not updating.done() or set(site.worker_pids()) & before:
            statuses.append(site.get(INDEX).status)
            assert len(statuses) < 2_000, "the old workers do not go"
        updating.result()
    assert set(statuses) == {200}
    assert version in site.get(INDEX).body.decode()
    second = open_page(new_browser())
    for reader in (tab, second):
        expect_here(reader, 2, seconds=20)

    run_step(site.machine, restart)
    for reader in (tab, second):
        expect_here(reader, 2, seconds=20)
    assert is_same(tab)


def test_the_commands_know_the_settings_of_the_service(
    site: DeployedSite, new_browser: NewBrowser
) -> None:
    tab = open_page(new_browser())
    expect_here(tab, 1)
    (step,) = steps_under("6.")
    install, *commands = step.commands.splitlines()
    site.machine.run(install)
    doctor, listed = (site.machine.run(command) for command in commands)
    # Each line of what was looked at; what it is about to ask stands further right.
    found = [line.split()[0] for line in doctor.splitlines() if not line.startswith(" ")]
    assert len(found) == 7
    assert set(found) == {"ok"}, doctor
    assert POST.removeprefix("/") in listed


def test_while_the_blog_is_away_no_page_is_spoilt_and_all_comes_back(
    site: DeployedSite, new_browser: NewBrowser
) -> None:
    browser = new_browser()
    tab, searching = open_page(browser), open_page(browser, "/search")
    expect_here(tab, 1)
    mark(tab)
    site.machine.run("systemctl stop viblog")
    try:
        head = site.read_stream_head()
        assert head.startswith("HTTP/1.1 200")
        assert re.search(r"(?i)^content-type: text/event-stream", head, re.MULTILINE)
        assert "event: busy\nretry: 3000\ndata:" in head
        page = site.get(POST)
        assert (page.status, page.headers["Retry-After"]) == (503, "3")
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        headers = security_headers(Settings())
        for name in set(headers) - {"Content-Security-Policy", "Permissions-Policy"}:
            assert page.headers.get_all(name) == [headers[name]]
        assert page.headers["Strict-Transport-Security"] == STRICT_TRANSPORT_SECURITY
        assert AWAY in page.body.decode()
        assert site.get("/search?q=a", {"HX-Request": "true"}).status == 204

        late = open_page(browser)
        assert AWAY in late.inner_text("body")
        found = searching.inner_text("#found")
        with searching.expect_response("**/search?**"):
            searching.fill("input[name=q]", "presence")
        assert searching.inner_text("#found") == found
    finally:
        site.machine.run("systemctl start viblog")
    expect_here(late, 2, seconds=20, is_one_browser=True)  # it has loaded by itself
    expect_here(tab, 2, seconds=20, is_one_browser=True)
    assert is_same(tab)
    assert AWAY not in searching.inner_text("body")


def test_a_stream_survives_that_the_proxy_reads_its_configuration_anew(
    site: DeployedSite, new_browser: NewBrowser
) -> None:
    """As it does each time that a certificate is renewed."""
    first = open_page(new_browser())
    expect_here(first, 1)
    mark(first)
    site.machine.run(f"systemctl reload {site.proxy}")
    second = open_page(new_browser())
    for tab in (first, second):
        expect_here(tab, 2, seconds=20)
    second.close()
    expect_here(first, 1)
    assert is_same(first)


def test_a_stream_is_neither_compressed_nor_held_back_and_a_page_is_compressed(
    site: DeployedSite,
) -> None:
    head = site.read_stream_head(more="Accept-Encoding: gzip, zstd, br\r\n")
    assert "reader online" in head  # before anything else has happened
    assert "content-encoding" not in head.lower()
    page = site.get(POST, {"Accept-Encoding": "gzip"})
    assert page.headers["Content-Encoding"] == "gzip"
    assert "what is counted" in gzip.decompress(page.body).decode().lower()


def test_nobody_can_claim_another_address_name_or_scheme(site: DeployedSite) -> None:
    forged = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "for=203.0.113.9;proto=http;host=evil.example",
        "X-Real-IP": "203.0.113.9",
    }
    for source in ("127.0.0.1", "127.0.0.7"):
        query = f"mark={site.proxy}-{source.rpartition('.')[2]}"
        page = site.get(f"/blog?{query}", forged, source)
        assert page.status == 200
        assert "evil.example" not in page.body.decode()
        assert page.headers["Strict-Transport-Security"], "the blog was told that it is http"
        assert site.address_seen(query) == source
    lines = "".join(f"{name}: {value}\r\n" for name, value in forged.items())
    assert re.search(
        "(?i)^set-cookie: .*; Secure;", site.read_stream_head(more=lines), re.MULTILINE
    )


def test_http_leads_to_https_and_other_names_lead_nowhere(site: DeployedSite) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=10)
    connection.request("GET", "/blog?page=2", headers={"Host": DOMAIN})
    response = connection.getresponse()
    connection.close()
    assert response.status in (301, 308)
    assert response.headers["Location"] == f"{URL}/blog?page=2"
    # nginx asks the blog, which refuses it; Caddy answers with nothing.
    assert b"online" not in site.get("/blog", {"Host": "evil.example"}).body


def test_the_proxy_keeps_its_connections_to_the_blog(site: DeployedSite) -> None:
    """And lets go of them before the blog does, which would be in the middle of a request."""
    count = "ss --no-header --tcp state established '( dport = :8000 )' | wc --lines"
    for _ in range(20):
        assert site.get(INDEX).status == 200
    assert 1 <= int(site.machine.run(count)) <= 4
    assert site.machine.wait(lambda: int(site.machine.run(count)) == 0, "none is left", 1.9) > 0.7


def test_who_does_not_finish_a_request_is_sent_away(
    site: DeployedSite, slow_client: SlowClient
) -> None:
    slow_client.join(15)
    assert 8 < slow_client.seconds < 13
