"""Pictures under the real server: made beside the workers, named by each, and without a place."""

from __future__ import annotations

import re
import urllib.request
from html import unescape
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.pictures.photos import draw, write, write_noise
from tests.setup.tools import CHROMIUM_OPTIONS, find_chromium
from tests.site import Site

POST = "---\ntitle: A\ndate: 2026-11-20\nimage: large.jpg\n---\n" + "Words.\n\n" * 40


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    (tmp_path / "sky.jpg").write_bytes(write(draw(600, 400), "JPEG", quality=90))
    (tmp_path / "a.md").write_text("---\ntitle: A\n---\n![The sky](sky.jpg)\n")
    return tmp_path


def fetch(site: Site, path: str) -> tuple[str, bytes]:
    with urllib.request.urlopen(site.url + path, timeout=5) as answer:
        return answer.headers["Content-Type"], answer.read()


def test_copies_are_made_beside_the_workers_and_named_by_each(posts: Path):
    with Site(workers=2, environ={"BLOG_POSTS_DIR": str(posts)}) as site:
        # Not yet paused: a worker that stands still while it makes them keeps the others waiting.
        site.wait(lambda: "srcset" in site.fetch("/blog/a"), "some worker has made them", 20)
        for pid in site.worker_pids():
            with site.only_worker(pid):
                site.wait(lambda: "srcset" in site.fetch("/blog/a"), "the page names them")
                (address,) = re.findall(r"(/blog/a/sky.jpg\?w=480\S+) 480w", site.fetch("/blog/a"))
                kind, content = fetch(site, unescape(address))
                assert kind == "image/webp"
                assert content.startswith(b"RIFF")
                assert b"GPS" not in fetch(site, "/blog/a/sky.jpg")[1]
        assert "pictures" not in site.read_whole_log()


@pytest.mark.full
@pytest.mark.browser
def test_a_phone_fetches_at_most_200_kb_of_a_photo_of_6_mb_and_nothing_moves(tmp_path: Path):
    (tmp_path / "large.jpg").write_bytes(write_noise(2400, 1800))
    assert (tmp_path / "large.jpg").stat().st_size > 6_000_000
    (tmp_path / "a.md").write_text(POST)
    with (
        Site(workers=1, environ={"BLOG_POSTS_DIR": str(tmp_path)}) as site,
        sync_playwright() as pw,
    ):
        site.wait(lambda: "srcset" in site.fetch("/blog/a"), "the page names the copies", 30)
        browser = pw.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_OPTIONS)
        for width, density in ((360, 3), (768, 2), (1280, 1)):
            fetched, moved = look(browser, f"{site.url}/blog/a", width, density)
            assert len(fetched) == 1
            assert 20_000 < fetched[0] <= 200_000
            assert moved == []
        browser.close()


def look(browser: Browser, url: str, width: int, density: int) -> tuple[list[int], list[str]]:
    """Open a page; return the bytes of each picture of it, and what of its text moved."""
    context = browser.new_context(
        viewport={"width": width, "height": 740}, device_scale_factor=density
    )
    page = context.new_page()
    pictures = []
    page.on("response", lambda got: pictures.append(got) if ".jpg" in got.url else None)
    page.goto(url, wait_until="load")
    moved = page.evaluate(
        """() => new Promise(tell => {
            const moved = [];
            new PerformanceObserver(list => list.getEntries().forEach(
                shift => shift.sources.filter(({node}) => node?.parentElement.closest("main"))
                    .forEach(({node}) => moved.push(node.textContent))
            )).observe({type: "layout-shift", buffered: true});
            requestAnimationFrame(() => requestAnimationFrame(() => tell(moved)));
        })"""
    )
    sizes = [len(got.body()) for got in pictures]
    context.close()
    return sizes, moved
