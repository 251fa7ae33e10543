"""The two whole examples of the library's page, in real browsers: two workers, a real Valkey."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewBrowser
from tests.site import ROOT
from tests.web.example import serve

pytestmark = pytest.mark.browser

Open = Callable[[], Page]


@pytest.fixture
def open_example(request, tmp_path, valkey_url, new_browser: NewBrowser) -> Iterator[Open]:
    """Serve an example, and return what opens it in a browser of its own."""
    redis = {
        "PRESENCE_REDIS_URL": valkey_url,
        "PRESENCE_REDIS_PREFIX": f"{{{tmp_path.name}}}",
    }
    with serve("gunicorn", tmp_path, request.param, **redis) as port:
        browsers = [new_browser() for _ in range(2)]

        def open_one() -> Page:
            page = next(browser for browser in browsers if not browser.pages).new_page()
            page.goto(f"http://127.0.0.1:{port}/")
            return page

        yield open_one
        for browser in browsers:
            browser.close()


@pytest.mark.parametrize("open_example", ["flask_presence_document"], indirect=True)
def test_who_edits_a_document_is_seen_by_all_who_have_it_open(open_example: Open):
    ada, ben = open_example(), open_example()
    ada.get_by_role("button", name="Ada").click()
    expect(ada.locator("li")).to_have_text(["Ada"])  # who comes first stands first
    ben.get_by_role("button", name="Ben").click()
    for page in (ada, ben):
        expect(page.locator("li")).to_have_text(["Ada", "Ben"])
        expect(page.locator("p")).to_have_text("2 reading now")
        expect(page.locator("li img").first).to_have_js_property("naturalWidth", 24)
    again = ben.context.new_page()  # another window of the same user
    again.goto(ben.url)
    expect(again.locator("li")).to_have_text(["Ada", "Ben"])
    again.close()
    ben.locator("textarea").focus()
    for page in (ada, ben):
        expect(page.locator("li")).to_have_text(["Ada", "Ben is editing"])
    ben.locator("textarea").blur()
    expect(ada.locator("li")).to_have_text(["Ada", "Ben"])
    ben.close()
    expect(ada.locator("li")).to_have_text(["Ada"])


@pytest.mark.full
@pytest.mark.parametrize("open_example", ["flask_presence_chat"], indirect=True)
def test_who_types_in_a_room_is_seen_and_what_is_said_arrives(open_example: Open):
    ann, bob = open_example(), open_example()
    for page, name in ((ann, "Ann"), (bob, "<b>Bob")):
        page.get_by_role("textbox").fill(name)
        page.get_by_role("button").click()
        expect(page.locator("ul li")).to_contain_text([name])  # who comes first stands first
    people, said, field = "ul li", "ol li", "input[name=text]"
    for page in (ann, bob):
        expect(page.locator("h1")).to_have_text("2 in the room")
        expect(page.locator(people)).to_have_text(["Ann", "<b>Bob"])
    bob.locator(field).press_sequentially("Hello")
    expect(ann.locator(people)).to_have_text(["Ann", "<b>Bob is typing…"])
    bob.locator(field).press("Enter")
    for page in (ann, bob):
        expect(page.locator(said)).to_have_text(["<b>Bob: Hello"])
        expect(page.locator(people)).to_have_text(["Ann", "<b>Bob"])
    expect(bob.locator(field)).to_have_value("")
    ann.locator(field).fill("Hello, Bob")
    ann.locator(field).press("Enter")
    expect(bob.locator(said)).to_have_text(["<b>Bob: Hello", "Ann: Hello, Bob"])


@pytest.mark.parametrize("name", ["document", "chat"])
def test_an_example_is_short(name):
    assert len((ROOT / f"docs/flask_presence_{name}.py").read_text().splitlines()) < 120
