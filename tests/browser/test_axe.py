"""No page of a real blog has an axe violation, in any palette, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewBrowser
from tests.pages.test_markdown_in_browser import EVERYTHING
from tests.pictures.photos import draw, write
from tests.setup.tools import AXE_JS
from tests.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.full]

PAGES = [
    "/blog",
    "/blog/all",
    "/tags",
    "/tags/x",
    "/archive",
    "/archive/2026",
    "/search?q=words",
    "/search?q=nowhere",
    "/about",
    "/counting",
    "/now",
    "/nowhere",
]
WINDOWS: list[tuple[Literal["light", "dark"], int]] = [("light", 360), ("dark", 1280)]
PALETTES = ["paper", "slate", "rose", "ink"]
FIELDS = "---\ntitle: Everything\ndate: 2026-11-20\ntags: [x]\nimage: sky.jpg\n---\n"
SETTINGS = {"BLOG_SECTIONS": "1", "BLOG_SCHEME_SWITCH": "1", "BLOG_ACTIVITY": "events"}


@pytest.mark.parametrize("palette", PALETTES)
def test_pages_have_no_axe_violation(palette: str, new_browser: NewBrowser, tmp_path: Path) -> None:
    """Another reader is there, so that faces, names of posts and numbers of sections are seen."""
    (tmp_path / "sky.jpg").write_bytes(write(draw(600, 400), "JPEG", quality=90))
    (tmp_path / "all.md").write_text(FIELDS + EVERYTHING, encoding="utf-8")
    environ = {**SETTINGS, "BLOG_POSTS_DIR": str(tmp_path), "BLOG_PALETTE": palette}
    axe = AXE_JS.read_text(encoding="utf-8")
    with Site(workers=1, environ=environ) as site:
        site.wait(lambda: "srcset" in site.fetch("/blog/all"), "the picture's copies are made", 20)
        other = new_browser().new_page()
        other.goto(f"{site.url}/blog/all")
        expect(other.locator(".live-here")).to_have_text("1 reading now")
        tab = new_browser().new_page()
        for scheme, width in WINDOWS:
            tab.emulate_media(color_scheme=scheme)
            tab.set_viewport_size({"width": width, "height": 800})
            for path in PAGES:
                answer = tab.goto(site.url + path)
                assert answer is not None
                assert answer.status == (404 if path == "/nowhere" else 200), path
                tab.evaluate(f"() => {{ {axe} }}")
                found = tab.evaluate("() => axe.run().then(result => result.violations)")
                named = [(v["id"], [node["html"] for node in v["nodes"]]) for v in found]
                assert named == [], f"{path}, {scheme}, {width} px"
