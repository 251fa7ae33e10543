"""What readers see of each other: real browsers, the real gunicorn, a real Valkey."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import time

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from flask_presence.web.readers import RETURN_SECONDS
from tests.browser.conftest import NewBrowser, StartSites
from tests.browser.raw_chromium import RawChromium
from tests.setup.tools import CHROMIUM_OPTIONS
from tests.site import Site

pytestmark = pytest.mark.browser

POST = "/blog/what-is-counted"
OTHER_POST = "/blog/running-it"
LONG_POST = "/blog/how-the-counter-works"
INDEX = "/blog"
CHANGE_MS = 1500  # a closed tab is gone from the others' screens
DELAY_MS = 150  # a new tab is on the others' screens
JOINS = 5
# A page that was left, and is kept by the browser, has 2.5 s to come back; it is asked to once
# more, or twice, where the reader went back and forth quickly.
LEFT_SECONDS = 3.0
TURNED_SECONDS = 6.0

# Keeps each text that the total ever has, and when it came, in milliseconds since 1970.
WATCH_TOTAL = """() => {
    const total = document.querySelector('.live-total');
    const note = () => window.totals.push(
        [performance.timeOrigin + performance.now(), total.textContent]);
    window.totals = [];
    note();
    new MutationObserver(note).observe(
        total, {childList: true, characterData: true, subtree: true});
}"""


def open_page(browser: BrowserContext, url: str) -> Page:
    tab = browser.new_page()
    tab.goto(url)
    return tab


def expect_numbers(
    tab: Page, *, total: int, here: int | None = None, seconds: float = 5, is_one: bool = False
) -> None:
    """Wait until a tab shows these numbers, without touching it; `is_one`: of one browser."""
    words = "1 reader online" if total == 1 else f"{total} readers online"
    reading = f"{here} reading now"
    if is_one and total > 1:
        words, reading = f"1 reader, {total} tabs", f"1 reading, {here} tabs"
    milliseconds = seconds * 1000
    expect(tab.locator(".live-total")).to_have_text(words, timeout=milliseconds)
    if here is not None:
        expect(tab.locator(".live-here")).to_have_text(reading, timeout=milliseconds)


def read_totals(tab: Page) -> list[tuple[float, int]]:
    """Return what the total has been since WATCH_TOTAL, and when."""
    seen = [(at, re.match(r"\d+", text)) for at, text in tab.evaluate("() => window.totals")]
    return [(at, int(found[0])) for at, found in seen if found]


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("1 worker", marks=pytest.mark.full),
        "4 workers",
        pytest.param("two gunicorns", marks=pytest.mark.full),
    ],
)
def test_readers_see_each_other_come_and_go(
    start_sites: StartSites, new_browser: NewBrowser, kind: str
) -> None:
    sites = start_sites(kind)
    places = [(site, pid) for site in sites for pid in site.worker_pids()]
    ada, ben, cleo = (new_browser().new_page() for _ in range(3))
    # Each of them at a worker of its own, as far as there are so many.
    for n, (tab, path) in enumerate([(ada, POST), (ben, POST), (cleo, INDEX)]):
        site, pid = places[n % len(places)]
        with site.only_worker(pid), tab.expect_response("**/live?**"):
            tab.goto(site.url + path)
    for tab in (ada, ben):
        expect_numbers(tab, here=2, total=3)
    expect_numbers(cleo, total=3)

    for tab in (ada, cleo):
        tab.evaluate(WATCH_TOTAL)
    began_ms = time.time() * 1000
    ben.close()
    expect_numbers(ada, here=1, total=2)
    expect_numbers(cleo, total=2)
    took = [read_totals(tab)[-1][0] - began_ms for tab in (ada, cleo)]
    print(f"\n{kind}: a closed tab is gone after {took[0]:.0f} and {took[1]:.0f} ms")
    assert max(took) < CHANGE_MS


@pytest.mark.parametrize(("kind", "total"), [("2 workers", 3), ("readers", 1)])
def test_a_third_tab_of_one_browser_counts_only_where_tabs_are_counted(
    start_sites: StartSites, new_browser: NewBrowser, kind: str, total: int
) -> None:
    site = start_sites(kind)[0]
    browser = new_browser()
    first = open_page(browser, site.url + POST)
    expect_numbers(first, here=1, total=1)
    open_page(browser, site.url + POST)
    expect_numbers(first, here=min(2, total), total=min(2, total), is_one=True)
    third = browser.new_page()
    with third.expect_response("**/live?**"):
        third.goto(site.url + POST)
    expect_numbers(third, here=total, total=total, is_one=True)
    expect_numbers(first, here=total, total=total, is_one=True)
    title = "What is counted, and what is not · Viblog"
    assert first.title() == ("(1) " if kind == "readers" else "") + title
    first.wait_for_timeout(300)  # nothing more comes
    expect_numbers(first, here=total, total=total, is_one=True)


def test_the_index_shows_which_posts_are_read_now(site: Site, new_browser: NewBrowser) -> None:
    """On their cards, and above the list; from the first byte on, and as they come and go."""
    watcher = open_page(new_browser(), site.url + INDEX)
    card, other = (
        watcher.locator(f'.card:has(a[href="{path}"]) .reads') for path in (POST, OTHER_POST)
    )
    being_read = watcher.locator(".being-read")
    expect(card).to_be_empty()
    expect(being_read.locator("li")).to_have_count(0)
    height = being_read.bounding_box()
    ada, ben = (open_page(new_browser(), site.url + POST) for _ in range(2))
    expect(card).to_have_text("2 reading now")
    expect(being_read.locator("li")).to_have_text(re.compile(r"What is counted.*2 reading now"))
    assert being_read.bounding_box() == height
    link = being_read.locator("a")
    link.focus()
    ben.goto(site.url + OTHER_POST)
    expect(card).to_have_text("1 reading now")
    expect(other).to_have_text("1 reading now")
    expect(being_read.locator("li")).to_have_count(2)
    expect(link.and_(being_read.locator(f'a[href="{POST}"]'))).to_be_focused()
    served = site.fetch("/blog")
    assert served.count("1 reading now") == 4  # two cards, and two lines above them
    ada.close()
    expect(card).to_be_empty()
    ben.close()
    expect(being_read.locator("li")).to_have_count(0)
    assert being_read.bounding_box() == height  # nothing below it has moved
    expect(other).to_be_empty()


def test_readers_of_a_post_are_shown_as_faces_and_nothing_moves(
    start_sites: StartSites, new_browser: NewBrowser
) -> None:
    """As many as the number says, in one order at every worker; each is told which is its own."""
    site = start_sites("2 workers")[0]
    first, second = site.worker_pids()
    ada, ben, cleo = (new_browser().new_page() for _ in range(3))
    with site.only_worker(first), ada.expect_response("**/live?**"):
        ada.goto(site.url + POST)
    expect_numbers(ada, here=1, total=1)
    expect(ada.locator(".faces")).to_be_hidden()
    text = ada.locator("main").bounding_box()
    strip = ada.locator(".presence").bounding_box()
    for tab, pid in ((ben, first), (cleo, second)):
        with site.only_worker(pid), tab.expect_response("**/live?**"):
            tab.goto(site.url + POST)
    shown = []
    for tab in (ada, ben, cleo):
        expect_numbers(tab, here=3, total=3)
        faces = tab.locator(".faces img:not(.gone)")  # of a test before
        expect(faces).to_have_count(3)
        faces.evaluate_all("all => Promise.all(all.map(one => one.decode()))")  # none is broken
        shown.append(faces.evaluate_all("all => all.map(one => one.getAttribute('src'))"))
    assert shown[0] == shown[1] == shown[2]
    own = [tab.locator(".live-you img").get_attribute("src") for tab in (ada, ben, cleo)]
    assert own == shown[0]  # in the order in which they came
    assert ada.locator("main").bounding_box() == text
    assert ada.locator(".presence").bounding_box() == strip
    ben.close()
    expect_numbers(ada, here=2, total=2)
    expect(ada.locator(".faces img:visible")).to_have_count(2)
    expect(ada.locator(".faces .gone")).to_have_attribute("src", shown[0][1])
    cleo.close()
    expect_numbers(ada, here=1, total=1)
    expect(ada.locator(".faces")).to_be_hidden()


def test_the_contents_say_how_many_are_at_each_section(
    start_sites: StartSites, new_browser: NewBrowser
) -> None:
    """By one request at most for each section that comes into view, and one after the other."""
    site = start_sites("readers")[0]
    ada, ben = (new_browser().new_page() for _ in range(2))
    posted: list[str] = []
    under_way = [0]  # after each of them began, and ended

    def note(request: Request, change: int) -> None:
        if request.method == "POST":
            under_way.append(under_way[-1] + change)
            if change > 0:
                posted.append(request.post_data or "")

    ben.on("request", lambda request: note(request, +1))
    ben.on("requestfinished", lambda request: note(request, -1))
    for tab in (ada, ben):
        tab.goto(site.url + LONG_POST)
        expect_numbers(tab, here=1 if tab is ada else 2, total=1 if tab is ada else 2)
    ada.locator(".contents summary").click()
    headings = ben.locator(".prose :is(h2, h3)")
    last = headings.last
    beside = ada.locator(f'.contents li:has(a[href="#{last.get_attribute("id")}"]) .at')
    expect(beside).to_be_empty()
    last.scroll_into_view_if_needed()
    expect(beside).to_have_text("1 here")
    expect(ada.locator(".contents .at:not(:empty)")).to_have_count(2)  # one at each's own section
    headings.first.scroll_into_view_if_needed()
    last.scroll_into_view_if_needed()
    ben.wait_for_timeout(300)  # nothing more comes
    assert len(posted) == len(set(posted)) <= headings.count()
    assert max(under_way) == 1
    ben.close()
    expect_numbers(ada, here=1, total=1)
    expect(beside).to_be_hidden()


def test_a_wall_shows_who_is_here_and_counts_nobody(site: Site, new_browser: NewBrowser) -> None:
    wall = open_page(new_browser(), site.url + "/now")
    expect(wall.locator(".now-total")).to_have_text("just you online")
    ada = open_page(new_browser(), site.url + POST)
    expect(wall.locator(".now-total")).to_have_text("1 reader online")
    expect(wall.locator(".being-read li")).to_have_text(re.compile(r"counted.*1 reading now"))
    expect_numbers(ada, here=1, total=1)
    assert json.loads(site.fetch("/now.json"))["online"] == 1


def test_following_a_link_never_makes_the_total_dip(site: Site, new_browser: NewBrowser) -> None:
    watcher = open_page(new_browser(), site.url + OTHER_POST)
    walker = open_page(new_browser(), site.url + INDEX)
    expect_numbers(watcher, here=1, total=2)
    watcher.evaluate(WATCH_TOTAL)
    for _ in range(6):
        walker.click(f".card a[href='{POST}']")
        expect_numbers(walker, here=1, total=2)
        walker.click("nav a[href='/blog'], .brand a")
        expect_numbers(walker, total=2)
    # For longer than a linger: what was closed last may still be seen to leave.
    watcher.wait_for_timeout(1_300)
    totals = [count for _, count in read_totals(watcher)]
    print(f"\nthe total while a reader walked: {totals}")
    # Up is allowed: the new page's stream may be heard of before the old one's end.
    assert min(totals) == 2
    assert totals[-1] == 2


@pytest.mark.full
def test_twelve_tabs_of_one_browser_all_load_and_at_most_four_count(
    site: Site, new_browser: NewBrowser
) -> None:
    """Over HTTP/1.1 a browser has six connections to a site; a stream holds one."""
    browser = new_browser()
    tabs = [browser.new_page() for _ in range(12)]
    for tab in tabs:
        tab.goto(site.url + POST, timeout=5_000)
        assert tab.locator("main h1").is_visible()
    # After 2.75 s there are four, but for a tab that was on its way back and had to wait for one of
    # the six connections: it is new then, and is looked at after another 2.75 s.
    site.wait_for_total(4, seconds=7)
    expect_numbers(tabs[-1], here=4, total=4, is_one=True)


def test_numbers_come_back_without_a_reload_after_a_worker_was_killed(
    start_sites: StartSites, new_browser: NewBrowser
) -> None:
    site = start_sites("1 worker")[0]
    survivor = open_page(new_browser(), site.url + POST)
    expect_numbers(survivor, here=1, total=1)
    navigations: list[str] = []
    survivor.on("framenavigated", lambda frame: navigations.append(frame.url))
    survivor.evaluate("() => { window.isSame = true; }")

    (killed,) = site.worker_pids()
    site.kill_worker(killed)
    began = time.monotonic()
    site.wait(lambda: site.worker_pids() not in ([], [killed]), "another worker runs")
    later = open_page(new_browser(), site.url + POST)
    expect_numbers(survivor, here=2, total=2, seconds=10)
    print(f"\nthe numbers were back {time.monotonic() - began:.2f} s after the kill")
    later.close()  # what the dead worker had counted is gone too
    expect_numbers(survivor, here=1, total=1, seconds=10)
    assert survivor.evaluate("() => window.isSame")
    assert navigations == []


def test_without_scripts_every_page_has_its_text_and_its_number(
    site: Site, new_browser: NewBrowser
) -> None:
    tab = open_page(new_browser(scripts=False), site.url + INDEX)
    links = re.findall(r'href="(/(?:blog|tags)/[^"]+)"', site.fetch(INDEX))
    assert len(set(links)) > 4
    for path in [INDEX, "/tags", "/about", *sorted(set(links))]:
        response = tab.goto(site.url + path)
        assert response is not None
        assert response.ok, path
        assert len(tab.inner_text("main")) > 40, path
        words = tab.inner_text(".presence")
        assert "just you online" in words, path
        assert "when this page was loaded" in words, path
        assert ("just you reading" in words) == path.startswith("/blog/"), path
    for width in (360, 768, 1280):
        tab.set_viewport_size({"width": width, "height": 700})
        tab.click("nav .icon", trial=True)  # nothing lies above it


def test_a_tab_in_the_background_counts_once_it_is_looked_at(site: Site) -> None:
    visibility = "document.readyState + ' ' + document.visibilityState"
    with RawChromium(CHROMIUM_OPTIONS) as browser:
        index = browser.open_tab(site.url + INDEX)
        site.wait_for_total(1)
        post = browser.open_tab(site.url + POST, background=True)
        site.wait(
            lambda: browser.evaluate(post, visibility) == "complete hidden", "the tab has loaded"
        )
        quiet_until = time.monotonic() + 1.5
        while time.monotonic() < quiet_until:
            assert site.total() == 1
            time.sleep(0.05)

        browser.look_at(post)
        site.wait_for_total(2)
        assert browser.evaluate(post, visibility) == "complete visible"
        assert browser.evaluate(index, visibility) == "complete hidden"
        here = "document.querySelector('.live-here').textContent"
        site.wait(lambda: browser.evaluate(post, here) == "1 reading now", "the post says so")


def test_a_page_that_was_left_counts_no_longer(site: Site) -> None:
    """Playwright switches that cache off, as it is in no reader's browser.

    A page left by a link is frozen there with its stream open. The page that opens next has it
    asked to come back, which a frozen page cannot.
    """
    with RawChromium(CHROMIUM_OPTIONS) as browser:
        tab = browser.open_tab(site.url + INDEX)
        site.wait_for_total(1)
        follow(site, browser, tab, POST)
        site.wait_for_total(1, LEFT_SECONDS)


def turn_quickly(seconds: float) -> list[tuple[str, float]]:
    return [(turn, seconds) for turn in ("back", "back", "forward", "forward", "back", "forward")]


def turn_slowly() -> list[tuple[str, float]]:
    """Return turns that each come while the answers to the last probe are awaited."""
    return [("back", 2.0), ("forward", 2.0), ("back", 2.0), ("forward", 2.0), ("back", 0.0)]


@pytest.mark.parametrize(
    "turns",
    [
        pytest.param([("back", 3.5), ("back", 3.5), ("forward", 3.5)], id="calm"),
        pytest.param(turn_slowly(), id="to and fro", marks=pytest.mark.full),
        pytest.param(turn_quickly(0.05), id="at once", marks=pytest.mark.full),
        pytest.param(turn_quickly(0.4), id="quick"),
        pytest.param(turn_quickly(1.2), id="slow", marks=pytest.mark.full),
    ],
)
def test_back_and_forward_count_one_reader(site: Site, turns: list[tuple[str, float]]) -> None:
    """With the cache that keeps the pages that were left: each comes back with an old event id."""
    with RawChromium(CHROMIUM_OPTIONS) as browser:
        tab = browser.open_tab(site.url + INDEX)
        site.wait_for_total(1)
        for path in (POST, INDEX, "/about"):
            follow(site, browser, tab, path)
        for turn, seconds in turns:
            browser.evaluate(tab, f"history.{turn}()")
            time.sleep(seconds)
            if seconds > RETURN_SECONDS:
                assert site.total() == 1
        wait_until_one_stays(site)


def wait_until_one_stays(site: Site) -> None:
    """Wait until the total has been 1 for a second; it may be so at first, and another one then."""
    began = since = time.monotonic()
    while time.monotonic() - since < 1:
        if site.total() != 1:
            since = time.monotonic()
            assert since - began < TURNED_SECONDS
        time.sleep(0.02)
    print(f"right after {since - began:.1f} s")


def follow(site: Site, browser: RawChromium, tab: str, path: str) -> None:
    """Follow a link of the page that a tab shows."""
    browser.evaluate(tab, f"document.querySelector(\"a[href='{path}']\").click()")
    wait_for_page(site, browser, tab, path)


def wait_for_page(site: Site, browser: RawChromium, tab: str, path: str) -> None:
    """Wait until a tab shows a page."""
    site.wait(lambda: browser.evaluate(tab, "location.pathname") == path, f"{path} is shown")


@pytest.mark.parametrize("path", [INDEX, POST, "/about"])
def test_the_console_is_quiet_and_the_policy_holds(
    site: Site, new_browser: NewBrowser, path: str
) -> None:
    browser = new_browser()
    browser.add_init_script(
        "document.addEventListener('securitypolicyviolation', event =>"
        " console.error('CSP', event.violatedDirective, event.blockedURI));"
    )
    tab = browser.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("requestfailed", lambda request: said.append(request.url))
    tab.goto(site.url + path)
    expect_numbers(tab, total=1)
    open_page(new_browser(), site.url + path)  # and a frame that changes the page
    expect_numbers(tab, total=2)
    assert said == []


@pytest.mark.full
def test_a_reader_is_on_the_others_screens_at_once(site: Site, new_browser: NewBrowser) -> None:
    """Each worker is joined: one of them is not the watcher's, and tells it through Valkey."""
    watcher = new_browser().new_page()
    pids = site.worker_pids()
    with site.only_worker(pids[0]), watcher.expect_response("**/live?**"):
        watcher.goto(site.url + POST)
    expect_numbers(watcher, here=1, total=1)
    watcher.evaluate(WATCH_TOTAL)
    for pid, whose in zip(pids, ("the watcher's", "the other"), strict=True):
        delays = sorted(measure_join(site, watcher, pid) for _ in range(JOINS))
        figures = ", ".join(f"{delay:.0f}" for delay in delays)
        print(f"\nfrom a join at {whose} worker to the screen, in ms: {figures}")
        assert delays[0] < DELAY_MS


def measure_join(site: Site, watcher: Page, pid: int) -> float:
    """Join at one worker, leave again; return after how many ms the watcher showed it."""
    reader = http.client.HTTPConnection("127.0.0.1", site.port, timeout=5)
    with contextlib.closing(reader):
        with site.only_worker(pid):
            reader.connect()
            port = reader.sock.getsockname()[1]
            site.wait(lambda: site.find_worker(port) == pid, "the worker has the connection")
        began_ms = time.time() * 1000
        reader.request("GET", f"/live?page={POST.lstrip('/')}")
        watcher.wait_for_function("() => window.totals.at(-1)[1].startsWith('2 ')")
        at_ms, _ = read_totals(watcher)[-1]
    watcher.wait_for_function("() => window.totals.at(-1)[1].startsWith('1 ')")
    return at_ms - began_ms
