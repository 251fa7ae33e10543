"""Every page of a blog below a path, walked in a real browser."""

from __future__ import annotations

import re
import urllib.request
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.ops.nginx import Nginx
from tests.site import Site

BASE = "/blog"
SITE_URL = f"https://own.example{BASE}"
LINKS = """() => [...document.querySelectorAll("a[href], link[href], [src], form[action]")]
  .flatMap(e => [e.href, e.src, e.action]).filter(address => typeof address === "string")
  .concat([...document.querySelectorAll("[data-hx-get]")].map(e => e.dataset.hxGet))"""


@pytest.mark.full
def test_every_address_is_below_the_path_and_answered(chromium: Browser) -> None:
    with (
        Site(workers=1, environ={"BLOG_SITE_URL": SITE_URL, "BLOG_PROXY_HOPS": "1"}) as site,
        Nginx(site, "proxy_buffering off;") as nginx,
    ):
        tab = chromium.new_page()
        failed: list[str] = []
        tab.on(
            "response",
            lambda response: failed.append(response.url) if response.status >= 400 else None,
        )
        tab.goto(f"{nginx.url}{BASE}/")
        tab.locator(".card h2 a").first.click()
        other = chromium.new_page()
        other.goto(tab.url)
        for page in (tab, other):
            expect(page.locator(".live-here")).to_have_text("2 reading now")
        other.close()
        with urllib.request.urlopen(f"{nginx.url}{BASE}/live?page=index", timeout=5) as stream:
            assert "; Path=/blog/live;" in stream.headers["Set-Cookie"]
        seen: set[str] = set()
        waiting = [f"{nginx.url}{BASE}"]
        while waiting:
            address = waiting.pop()
            if address in seen:
                continue
            seen.add(address)
            is_page = "." not in urlsplit(address).path.rpartition("/")[2]
            if not is_page:
                text = site.fetch(address.removeprefix(nginx.url))
                found = re.findall(r"https://own\.example(/[^\s\"'<>&?#]*)", text)
            else:
                tab.goto(address)
                found = tab.evaluate(LINKS)
            for link in found:
                whole = urldefrag(urljoin(address, link).replace("https://own.example", nginx.url))
                if whole.url.startswith(f"{nginx.url}/") and "?" not in whole.url:
                    assert whole.url.startswith(f"{nginx.url}{BASE}"), f"{link} in {address}"
                    waiting.append(whole.url)
        assert failed == []
        assert len(seen) > 30
        tab.close()
