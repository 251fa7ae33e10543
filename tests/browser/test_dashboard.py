"""The dashboard of a real blog: live, by the keyboard, on a phone, without scripts, for axe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from blog.history.tables import merge
from blog.store.database import Database
from tests.browser.author import REPORT_VIOLATIONS
from tests.browser.conftest import NewBrowser
from tests.browser.test_axe import PALETTES, WINDOWS
from tests.desk.year import count_days
from tests.server.test_desk import make_link
from tests.setup.tools import AXE_JS
from tests.site import Site

pytestmark = pytest.mark.browser

POST = "---\ntitle: {}\ndate: {:%Y-%m-%d}\n---\n\nWords.\n"
WIDTH = "document.documentElement.scrollWidth"
PAGES = (
    "/desk/readers",
    "/desk/readers?period=today",
    "/desk/readers?period=two-years&sort=-title",
    "/desk/readers?page=blog/owls",
    "/desk/events",
)


def start_site(folder: Path, palette: str) -> Site:
    """Start a blog that has counted for sixty days, until now."""
    posts = folder / palette
    posts.mkdir()
    for name, title in (("owls", "Owls, and what they see " * 4), ("night", "Night")):
        (posts / f"{name}.md").write_text(POST.format(title, datetime.now(UTC)), encoding="utf-8")
    environ = {"BLOG_POSTS_DIR": str(posts), "BLOG_PALETTE": palette}
    site = Site(workers=1, environ=environ).start()
    database = Database("", site.log_path.parent)
    for batch in count_days(datetime.now(UTC), 60):
        database.write(merge, batch, UTC)  # type: ignore[arg-type]
    database.close()
    return site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = start_site(tmp_path_factory.mktemp("posts"), "paper")
    yield site
    site.stop()


def sign_in(site: Site, tab: Page) -> None:
    tab.goto(site.url + make_link(site))
    tab.get_by_role("button", name="Sign in").click()
    tab.wait_for_url(f"{site.url}/desk/readers")


def test_who_reads_is_seen_as_they_come_and_no_sideways_scrolling(site, new_browser) -> None:
    tab = new_browser().new_page()
    tab.add_init_script(REPORT_VIOLATIONS)
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    sign_in(site, tab)
    now = tab.locator(".desk-now")
    expect(now).to_contain_text("just you online")
    reader = new_browser().new_page()
    reader.goto(f"{site.url}/blog/night")
    expect(now).to_contain_text("1 reader online")
    expect(now.get_by_role("link", name="Night")).to_be_visible()
    reader.close()
    expect(now).to_contain_text("just you online")
    tab.set_viewport_size({"width": 360, "height": 800})
    for path in PAGES:
        tab.goto(site.url + path)
        assert tab.evaluate(WIDTH) == 360, path
    assert said == []


def test_each_minute_the_numbers_are_new_and_what_is_unfolded_stays_so(site, new_browser):
    tab = new_browser().new_page()
    tab.add_init_script(REPORT_VIOLATIONS)
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    sign_in(site, tab)
    tab.clock.install()
    tab.goto(f"{site.url}/desk/readers?period=today")
    table = tab.locator("details").first
    table.locator("summary").click()
    value = tab.locator(".numbers .value").first
    value.evaluate("element => element.textContent = 'as it was'")
    with tab.expect_response("**/desk/readers?period=today"):
        tab.clock.fast_forward(61_000)
    expect(value).not_to_have_text("as it was")
    expect(table).to_have_attribute("open", "")
    expect(tab).to_have_title("Readers · Viblog")
    tab.goto(f"{site.url}/desk/events")
    reader = new_browser().new_page()
    with reader.expect_response("**/live?**"):
        reader.goto(f"{site.url}/blog/owls")
    tab.clock.fast_forward(11_000)
    expect(tab.locator(".events li", has_text="opened").filter(has_text="Owls")).to_have_count(1)
    assert said == []


def test_by_the_keyboard_one_sorts_and_unfolds_and_without_scripts_all_is_there(site, new_browser):
    tab = new_browser(scripts=False).new_page()
    sign_in(site, tab)
    tab.get_by_role("link", name="Title", exact=True).focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url("**sort=title#posts")
    titles = tab.locator(".posts tbody th a").all_inner_texts()
    assert titles[:2] == ["gone", "Night"]
    tab.locator("summary").first.focus()
    tab.keyboard.press("Space")
    expect(tab.get_by_role("cell", name="(in doubt)")).to_have_count(0)
    expect(tab.get_by_role("columnheader", name="When").first).to_be_visible()
    with tab.expect_download() as download:
        tab.get_by_role("link", name="Pages (CSV)").click()
    assert download.value.suggested_filename.startswith("pages-month-")


@pytest.mark.full
@pytest.mark.parametrize("palette", PALETTES)
def test_it_has_no_axe_violation(palette: str, new_browser: NewBrowser, tmp_path: Path) -> None:
    site = start_site(tmp_path, palette)
    try:
        tab = new_browser().new_page()
        sign_in(site, tab)
        axe = AXE_JS.read_text(encoding="utf-8")
        for scheme, width in WINDOWS:
            tab.emulate_media(color_scheme=scheme)
            tab.set_viewport_size({"width": width, "height": 800})
            for path in PAGES:
                tab.goto(site.url + path)
                assert tab.evaluate(WIDTH) == width, path
                if tab.locator("summary").count():
                    tab.locator("summary").first.click()
                tab.evaluate(f"() => {{ {axe} }}")
                found = tab.evaluate("() => axe.run().then(result => result.violations)")
                named = [(v["id"], [node["html"] for node in v["nodes"]]) for v in found]
                assert named == [], f"{path}, {scheme}, {width} px"
    finally:
        site.stop()
