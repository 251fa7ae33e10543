"""The pages in a real browser: quiet console, no axe violation, and the stream as htmx opens it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from flask import Response
from playwright.sync_api import expect, sync_playwright
from werkzeug.serving import make_server

from blog.posts.model import Heading
from blog.search import Search
from tests.pages.site import Books, open_site, write_post
from tests.setup.tools import AXE_JS, CHROMIUM_OPTIONS, find_chromium

pytestmark = pytest.mark.browser

KINDS = [
    "/blog",
    "/blog?page=2",
    "/blog/p0",
    "/blog/rtl",
    "/tags",
    "/tags/a_b",
    "/archive",
    "/archive/2026",
    "/search?q=words+link",
    "/search?q=nowhere",
    "/about",
    "/counting",
    "/nowhere",
]

BODY = """
<h2 id="part-1">Part 1</h2><p>Words, <a href="/about">a link</a> and <code>code</code>.</p>
<h2 id="part-2">Part 2</h2><blockquote><p>Somebody else's.</p></blockquote>
<pre tabindex="0"><code><span class="k">def</span> <span class="nf">f</span><span class="p">(</span>
<span class="c1"># a remark</span> <span class="s2">"text"</span> <span class="mi">42</span>
<span class="nd">@d</span> <span class="nb">len</span> <span class="kc">None</span>
a_very_long_line_%s</code></pre>
<h2 id="part-3">Part 3</h2>
<table><thead><tr><th>A</th><th>B</th></tr></thead>
<tbody><tr><td>1</td><td>2</td></tr></tbody></table>
""" % ("x" * 200)

ARABIC = """<p>هذا نص عربي مع كلمة Python في الوسط.</p><ul><li>نقطة</li></ul>
<blockquote><p>اقتباس</p></blockquote><p><em>مؤكد</em></p>
<pre tabindex="0"><code>x = f(1);</code></pre>"""

FRAME = (
    "retry: 60000\n"
    'data: <hx-partial hx-target=".live-here" hx-swap="innerHTML">{here} reading now</hx-partial>'
    '<hx-partial hx-target=".live-total" hx-swap="innerHTML">{total} readers online</hx-partial>'
    '<hx-partial hx-target=".live-notice" hx-swap="innerHTML">{notice}</hx-partial>\n\n'
)
PARK = "event: park\ndata: park\n\n"


class Streams:
    """What /live answers: one answer after another, and the last one for ever."""

    def __init__(self):
        self.answers = [Response(FRAME.format(here=3, total=7, notice="") + PARK)]
        self.asked = 0

    def answer(self):
        found = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if found is None:
            raise ConnectionAbortedError
        kind = found.content_type if found.status_code != 200 else "text/event-stream"
        return Response(found.get_data(), status=found.status_code, content_type=kind)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_OPTIONS
        )
        yield chromium
        chromium.close()


@pytest.fixture
def streams():
    return Streams()


@pytest.fixture
def site(streams, tmp_path):
    headings = tuple(Heading(2, f"part-{n}", f"Part {n}") for n in (1, 2, 3))
    posts = [write_post(f"p{n}", tags=("a b", "c"), body=BODY) for n in range(11)]
    old = datetime(2020, 1, 1, tzinfo=UTC)
    posts.append(write_post("owls", title="On owls", date=old, body="<p>An owl at night.</p>"))
    posts.append(
        write_post("rtl", title="مرحبا!", lang="ar", date=old.replace(year=2019), body=ARABIC)
    )
    library = Books(*posts, headings=headings)
    search = Search(library, tmp_path)
    search.bring_up_to_date()
    app = open_site(
        library=library, search=search, site_url="https://blog.example", scheme_switch=True
    )
    app.add_url_rule("/live", view_func=streams.answer)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    search.close()


@contextmanager
def open_tab(browser, **options):
    """Open a tab, and fail if the browser's console says anything but what a test expects."""
    context = browser.new_context(reduced_motion="reduce", **options)
    tab = context.new_page()
    tab.said = []
    tab.on("console", lambda message: tab.said.append(message.text))
    tab.on("pageerror", lambda error: tab.said.append(str(error)))
    try:
        yield tab
    finally:
        context.close()


def test_a_long_menu_takes_more_lines_and_nothing_of_the_header_away(browser, site):
    with open_tab(browser, viewport={"width": 1000, "height": 800}) as tab:
        tab.goto(f"{site}/about")
        tab.evaluate(
            """() => { const nav = document.querySelector("header.site nav");
            for (let i = 0; i < 12; i++) nav.prepend(nav.lastElementChild.cloneNode(true),
                Object.assign(document.createElement("a"), {textContent: "Impressum"})); }"""
        )
        wider = tab.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        brand = tab.locator(".brand a").bounding_box()
        assert wider <= 0
        assert brand["width"] > 40
        assert brand["x"] > 0
        assert tab.locator(".presence").bounding_box()["x"] < 900


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_a_long_name_is_not_cut_and_the_search_stays_on_the_first_line_of_a_menu(
    browser, site, width
):
    with open_tab(browser, viewport={"width": width, "height": 800}) as tab:
        tab.goto(f"{site}/blog/p1")
        tab.evaluate(
            """() => { const nav = document.querySelector("header.site nav");
            nav.closest("header").classList.add("many");
            document.querySelector("header.site .row").classList.add("long");
            document.querySelector(".brand a").textContent = "Notes from a small harbour town";
            for (const name of ["About", "Impressum", "Projects", "Talks"])
                nav.insertBefore(nav.firstElementChild.cloneNode(), nav.lastElementChild)
                    .textContent = name; }"""
        )
        cut = tab.locator(".brand").evaluate("brand => brand.scrollWidth - brand.clientWidth")
        assert cut <= 0
        first = tab.locator("header.site nav a").first.bounding_box()
        icon = tab.locator("header.site nav .icon").bounding_box()
        assert abs(icon["y"] - first["y"]) < 8
        assert icon["x"] > first["x"]
        row = tab.locator(".live-pulse").bounding_box()
        assert (row["y"] > tab.locator(".brand").bounding_box()["height"]) == (width == 360)
        tab.evaluate("() => scrollTo(0, 400)")
        assert tab.locator(".presence").bounding_box()["y"] >= 0


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (360, "dark"),
        (1280, "light"),
        pytest.param(360, "light", marks=pytest.mark.full),
        pytest.param(1280, "dark", marks=pytest.mark.full),
    ],
)
def test_pages_have_no_axe_violation_and_a_quiet_console(browser, site, width, scheme):
    """axe-core comes in through Playwright, which is above the page's CSP."""
    axe = AXE_JS.read_text(encoding="utf-8")
    size = {"width": width, "height": 800}
    with open_tab(browser, viewport=size, color_scheme=scheme) as tab:
        for path in KINDS:
            tab.goto(site + path)
            tab.evaluate(f"() => {{ {axe} }}")
            found = tab.evaluate("() => axe.run().then(result => result.violations)")
            named = [(v["id"], [node["html"] for node in v["nodes"]]) for v in found]
            assert named == [], path
            wider = tab.evaluate("() => document.documentElement.scrollWidth - innerWidth")
            assert wider <= 0, f"{path} scrolls sideways at {width} px"
        assert [text for text in tab.said if "404 (NOT FOUND)" not in text] == []


def test_a_reader_chooses_dark_pages_without_a_script_and_every_page_is_dark(browser, site):
    paper = "() => getComputedStyle(document.body).backgroundColor"
    light, dark = "rgb(250, 248, 244)", "rgb(22, 24, 21)"
    with open_tab(browser, color_scheme="light") as tab:

        def choose(name):
            with tab.expect_navigation():
                tab.get_by_role("button", name=name).click()
            return tab.evaluate(paper)

        tab.goto(f"{site}/blog/p0")
        assert tab.evaluate(paper) == light
        assert [choose(name) for name in ("Dark", "Light", "Dark")] == [dark, light, dark]
        tab.goto(f"{site}/tags")
        assert tab.evaluate(paper) == dark
        assert choose("As this device") == light
        assert tab.url == f"{site}/tags"
        assert tab.said == []


def test_contents_stand_unfolded_beside_the_text_on_a_wide_desk_only(browser, site):
    link = ".contents a[href='#part-3']"
    with open_tab(browser, viewport={"width": 1280, "height": 800}) as tab:
        tab.goto(f"{site}/blog/p0")
        text, contents = (tab.locator(name).bounding_box() for name in (".prose", link))
        assert contents["x"] > text["x"] + text["width"]
        tab.locator(link).click()
        expect(tab.locator(link)).to_be_in_viewport()
        tab.set_viewport_size({"width": 1000, "height": 800})
        expect(tab.locator(link)).not_to_be_visible()
        assert tab.said == []


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_line_says_how_far_one_has_read_unless_motion_is_reduced(browser, site, motion):
    width = """() => { const line = getComputedStyle(document.body, "::after");
        return line.content === "none" ? null : line.scale; }"""
    with open_tab(browser, viewport={"width": 800, "height": 300}) as tab:
        tab.emulate_media(reduced_motion=motion)
        tab.goto(f"{site}/blog/p0")
        begin = tab.evaluate(width)
        tab.evaluate("() => scrollTo(0, document.body.scrollHeight)")
        expect(tab.locator("footer.site")).to_be_in_viewport()
        end = tab.evaluate(width)
        assert (begin, end) == (("0 1", "1") if motion == "no-preference" else (None, None))
        tab.goto(f"{site}/blog")
        assert tab.evaluate(width) is None


def test_with_forced_colours_nothing_is_said_by_a_colour_alone(browser, site):
    with open_tab(browser, forced_colors="active") as tab:
        tab.goto(f"{site}/tags")
        style = "element => getComputedStyle(element).textDecorationLine"
        entries = [link.evaluate(style) for link in tab.locator("header.site nav a").all()]
        assert entries.count("underline") == 1
        tab.goto(f"{site}/blog/p0")
        border = "element => getComputedStyle(element).borderTopWidth"
        assert tab.locator("pre").first.evaluate(border) == "1px"


def test_what_is_stressed_or_quoted_is_not_slanted_where_a_script_has_no_italics(browser, site):
    with open_tab(browser) as tab:
        tab.goto(f"{site}/blog/rtl")
        quote = tab.locator("blockquote")
        before = quote.screenshot()
        style = "element => element.style.cssText"
        tab.evaluate("() => document.querySelector('blockquote').style.fontStyle = 'normal'")
        assert quote.evaluate(style) == "font-style: normal;"
        assert quote.screenshot() == before
        shown = (
            "element => { const s = getComputedStyle(element); return s.fontStyle + s.fontWeight; }"
        )
        assert tab.locator("em").evaluate(shown) == "normal600"


def test_the_words_of_an_arabic_blog_run_leftwards_and_begin_where_a_post_does(browser):
    """Of an Arabic post at the right, of an English one at the left; nothing scrolls sideways."""
    posts = [write_post("ar", title="مرحبا!", body=ARABIC), write_post("en", lang="en", body=BODY)]
    client = open_site(*posts, language="ar").test_client()

    def answer(route):
        with client.get(route.request.url.removeprefix("http://blog")) as answered:
            route.fulfill(body=answered.data, content_type=answered.mimetype)

    where = """element => {
        const { direction, textAlign } = getComputedStyle(element);
        return [direction, textAlign, document.documentElement.scrollWidth - innerWidth];
    }"""
    with open_tab(
        browser, viewport={"width": 1280, "height": 800}, java_script_enabled=False
    ) as tab:
        tab.route("http://blog/**", answer)
        for path, side in (("/blog/ar", "start"), ("/blog/en", "left")):
            tab.goto(f"http://blog{path}")
            assert tab.locator("body").evaluate(where) == ["rtl", "start", 0]
            assert tab.locator(".title .meta").evaluate(where) == ["rtl", side, 0]
        # The name of the blog is a Latin one: where it has too little room, its beginning stays.
        brand = tab.locator(".brand")
        brand.evaluate("brand => brand.style.maxWidth = '40px'")
        assert brand.evaluate("""brand => {
            const letter = document.createRange(), room = brand.getBoundingClientRect();
            letter.setStart(brand.firstChild.firstChild, 0);
            letter.setEnd(brand.firstChild.firstChild, 1);
            const { left, right } = letter.getBoundingClientRect();
            return room.left <= left && right <= room.right;
        }""")
        tab.goto("http://blog/")
        arabic, english = (tab.locator(".card .meta").nth(n).bounding_box() for n in (0, 1))
        assert english["x"] + english["width"] < 400
        assert arabic["x"] > 900


def test_a_text_from_right_to_left_is_laid_out_so_and_its_code_is_not(browser, site):
    with open_tab(browser, viewport={"width": 800, "height": 800}) as tab:
        tab.goto(f"{site}/blog/rtl")
        run = "element => getComputedStyle(element).direction"
        assert tab.locator("article").evaluate(run) == "rtl"
        assert tab.locator("pre").evaluate(run) == "ltr"
        item = tab.locator(".prose ul")
        padding = item.evaluate("element => getComputedStyle(element).paddingRight")
        assert float(padding.removesuffix("px")) > 10
        # "1 min read", and not "min read 1".
        left, right = tab.locator(".title .meta").evaluate(
            """element => {
                const words = element.lastElementChild.firstChild, range = new Range();
                const at = (from, to) => {
                    range.setStart(words, from); range.setEnd(words, to);
                    return range.getBoundingClientRect().left;
                };
                return [at(0, 1), at(2, 3)];
            }"""
        )
        assert left < right
        assert tab.said == []


def test_numbers_change_with_a_frame(browser, site):
    with open_tab(browser) as tab:
        tab.goto(f"{site}/blog/p0")
        expect(tab.locator(".live-here")).to_have_text("3 reading now")
        assert tab.inner_text(".live-total") == "7 readers online"
        assert tab.said == []


def test_the_stream_opens_when_the_extension_comes_late(browser, site, streams):
    """With `defer` htmx would start before it: readyState is no longer "loading" (htmx.js, 177)."""

    def fetch_late(route):
        time.sleep(0.3)
        route.continue_()

    with open_tab(browser) as tab:
        tab.route("**/hx-sse.min.js?**", fetch_late)
        tab.goto(f"{site}/blog/p0")
        expect(tab.locator(".live-here")).to_have_text("3 reading now")


def test_the_stream_opens_where_the_address_has_a_fragment(browser, site, streams):
    """The element must be seen wherever the page is scrolled to."""
    with open_tab(browser, viewport={"width": 360, "height": 300}) as tab:
        tab.goto(f"{site}/blog/p0#part-3")
        expect(tab.locator(".live-here")).to_have_text("3 reading now")
        assert streams.asked == 1


def test_a_parked_tab_comes_back_with_the_focus_and_opens_one_stream(browser, site, streams):
    """Two focus events in one turn: the second finds a request under way and is dropped."""
    with open_tab(browser) as tab:
        tab.goto(f"{site}/blog/p0")
        expect(tab.locator(".live-here")).to_have_text("3 reading now")
        tab.wait_for_timeout(100)
        assert not tab.evaluate("() => document.getElementById('live')._htmx.sse")
        assert streams.asked == 1
        tab.evaluate("() => [1, 2].forEach(() => window.dispatchEvent(new Event('focus')))")
        tab.wait_for_timeout(300)
        assert streams.asked == 2
        assert tab.said == []


@pytest.mark.parametrize("failure", ["busy", "portal"])
def test_a_first_request_that_fails_is_tried_again(browser, site, streams, failure):
    """A proxy's error page, or a captive portal's: 200, but not a stream."""
    answers = {"busy": Response("<p>busy</p>", 503), "portal": Response("<p>log in</p>", 203)}
    streams.answers.insert(0, answers[failure])
    with open_tab(browser) as tab:
        tab.clock.install()
        tab.goto(f"{site}/blog/p0")
        expect(tab.locator("#live")).to_have_attribute("data-htmx-powered", "true")
        tab.clock.run_for(2_000)
        tab.wait_for_timeout(200)
        assert streams.asked == 1
        assert tab.inner_text(".live-here") == "2 reading now"
        tab.clock.run_for(10_000)
        expect(tab.locator(".live-here")).to_have_text("3 reading now")
        assert streams.asked == 2


def test_a_first_request_without_an_answer_is_tried_again(browser, site):
    """The network is gone when the page has just arrived."""
    with open_tab(browser) as tab:
        tab.clock.install()
        tab.route("**/live?**", lambda route: route.abort())
        tab.goto(f"{site}/blog/p0")
        expect(tab.locator("#live")).to_have_attribute("data-htmx-powered", "true")
        tab.wait_for_timeout(200)
        tab.unroute("**/live?**")
        tab.clock.run_for(6_000)
        expect(tab.locator(".live-here")).to_have_text("3 reading now")


def test_a_notice_is_shown_and_the_dot_rests(browser, site, streams):
    streams.answers = [Response(FRAME.format(here=3, total=7, notice="not live") + PARK)]
    with open_tab(browser) as tab:
        tab.goto(f"{site}/blog/p0")
        expect(tab.locator(".live-notice")).to_be_visible()
        colour = "getComputedStyle(document.querySelector('.beat'), '::before').backgroundColor"
        quiet = "getComputedStyle(document.querySelector('.presence p')).color"
        assert tab.evaluate(f"() => {colour} == {quiet}")


def test_a_page_that_hears_nothing_for_80_seconds_says_so_until_it_hears_again(site, browser):
    """By its stylesheet alone: each frame and ping makes the dot anew, and with it its clock."""
    with open_tab(browser) as tab:
        tab.goto(f"{site}/blog/p0")
        beat = tab.locator(".beat")
        expect(beat).to_be_hidden()
        wait = (
            "seconds => document.getAnimations().forEach(one => {one.currentTime = seconds * 1000})"
        )
        tab.evaluate(wait, 79)
        expect(beat).to_be_hidden()
        tab.evaluate(wait, 81)
        expect(beat).to_be_visible()
        assert "connection lost" in tab.inner_text(".presence")
        beat.evaluate("one => one.replaceWith(one.cloneNode(true))")
        expect(beat).to_be_hidden()


def test_without_scripts_the_numbers_say_of_when_they_are(browser, site, streams):
    with open_tab(browser, java_script_enabled=False) as tab:
        tab.goto(f"{site}/blog/p0")
        assert tab.inner_text(".live-here") == "2 reading now"
        assert "when this page was loaded" in tab.inner_text(".presence")
        assert streams.asked == 0


@pytest.mark.parametrize("start", ["/search", "/blog"])
def test_what_is_found_changes_while_one_types_and_the_address_keeps_step(browser, site, start):
    with open_tab(browser) as tab:
        tab.goto(site + start)
        words = tab.get_by_label("Words")
        words.press_sequentially("ow", delay=20)
        expect(tab.locator("#found h2")).to_have_text(["On owls"])
        expect(tab.locator("#found mark").first).to_have_text("owls")
        assert tab.url == f"{site}/search?q=ow"
        expect(tab).to_have_title("Search: ow · Viblog")
        expect(words).to_be_focused()
        words.press_sequentially("x")
        expect(tab.get_by_role("status")).to_have_text("No post has all of this.")
        assert tab.url == f"{site}/search?q=owx"
        # Typing filled no history: one step leads back to where the reader came from.
        assert tab.evaluate("() => history.length") == 2
        assert tab.said == []


def test_a_found_post_is_left_by_going_back_to_what_was_found(browser, site):
    with open_tab(browser) as tab:
        tab.goto(f"{site}/blog")
        tab.get_by_label("Words").press_sequentially("owl")
        tab.locator("#found").get_by_role("link", name="On owls").click()
        expect(tab.locator("h1")).to_have_text("On owls")
        tab.go_back()
        expect(tab).to_have_url(f"{site}/search?q=owl")
        expect(tab.locator("#found h2")).to_have_text(["On owls"])
        expect(tab.get_by_label("Words")).to_have_value("owl")


def test_a_choice_of_tag_and_year_is_asked_at_once(browser, site):
    with open_tab(browser) as tab:
        tab.goto(f"{site}/search")
        tab.get_by_label("Year").select_option("2020")
        expect(tab.locator("#found h2")).to_have_text(["On owls"])
        assert tab.url == f"{site}/search?year=2020"
        tab.get_by_label("Tag").select_option("a b")
        expect(tab.get_by_role("status")).to_have_text("No post has all of this.")
        assert tab.url == f"{site}/search?tag=a+b&year=2020"
        assert tab.said == []


def test_leaving_the_field_asks_nothing_again(browser, site):
    with open_tab(browser) as tab:
        asked = []
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(f"{site}/search")
        tab.get_by_label("Words").press_sequentially("owl", delay=20)
        expect(tab.locator("#found h2")).to_have_text(["On owls"])
        before = [url for url in asked if "/search?" in url]
        assert before[-1] == f"{site}/search?q=owl&tag=&year="
        tab.get_by_label("Words").blur()
        tab.wait_for_timeout(400)
        assert [url for url in asked if "/search?" in url] == before


def test_the_stream_stays_open_while_one_searches(browser, site, streams):
    with open_tab(browser) as tab:
        tab.goto(f"{site}/search")
        expect(tab.locator(".live-total")).to_have_text("7 readers online")
        tab.get_by_label("Words").press_sequentially("owl")
        expect(tab.locator("#found h2")).to_have_text(["On owls"])
        assert tab.inner_text(".live-total") == "7 readers online"
        assert streams.asked == 1


def test_the_search_is_a_plain_form_without_scripts(browser, site):
    with open_tab(browser, java_script_enabled=False) as tab:
        tab.goto(f"{site}/blog")
        tab.get_by_label("Words").fill("owl")
        tab.get_by_label("Words").press("Enter")
        expect(tab.locator("#found h2")).to_have_text(["On owls"])
        tab.get_by_label("Year").select_option("2020")
        tab.get_by_role("button", name="Search").click()
        expect(tab.locator("#found h2")).to_have_text(["On owls"])
        expect(tab.get_by_label("Year")).to_have_value("2020")


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 800)])
def test_the_header_is_one_row_and_the_newest_post_is_seen_at_once(browser, site, width, height):
    with open_tab(browser, viewport={"width": width, "height": height}) as tab:
        for path in ("/blog", "/blog/p0"):
            tab.goto(site + path)
            expect(tab.locator(".live-total")).to_have_text("7 readers online")
            brand, numbers = (
                tab.locator(name).bounding_box() for name in (".brand", ".presence p")
            )
            assert brand["x"] + brand["width"] <= numbers["x"], path
            assert numbers["x"] + numbers["width"] <= width, path
            assert numbers["y"] <= brand["y"], path
            assert brand["y"] + brand["height"] <= numbers["y"] + numbers["height"] <= 60, path
        tab.goto(f"{site}/blog")
        newest = tab.locator(".card h2").first.bounding_box()
        assert newest["y"] + newest["height"] < height / 2


def test_a_number_on_a_card_takes_no_line_of_its_own_on_a_phone(browser, site):
    """It comes and goes; the cards below would move."""
    with open_tab(browser, viewport={"width": 360, "height": 740}) as tab:
        tab.goto(f"{site}/blog")
        facts = tab.locator(".card .meta").first
        expect(facts.locator(".reads")).to_have_text("2 reading now")
        with_number = facts.bounding_box()["height"]
        tab.evaluate("() => document.querySelector('.reads').replaceChildren()")
        assert with_number == facts.bounding_box()["height"] < 30


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_moves_when_somebody_opens_a_post(browser, site, streams, width):
    named = "<h2>Being read now</h2><ul>" + "<li>A title</li>" * 5 + "</ul>"
    more = f'<hx-partial hx-target=".being-read" hx-swap="innerHTML">{named}</hx-partial>'
    frame = FRAME.replace("{here} reading now", "").format(total=12, notice="")
    streams.answers = [Response(frame.replace("data: ", f"data: {more}") + PARK)]
    measure = """() => new Promise(resolve => new PerformanceObserver(list => resolve(
        list.getEntries().reduce((sum, entry) => sum + entry.value, 0)
    )).observe({type: "layout-shift", buffered: true}) || setTimeout(() => resolve(0), 300))"""
    with open_tab(browser, viewport={"width": width, "height": 740}) as tab:
        tab.goto(f"{site}/blog")
        expect(tab.locator(".being-read li")).to_have_count(5)
        assert tab.evaluate(measure) == 0
