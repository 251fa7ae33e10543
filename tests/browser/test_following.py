"""What an author sees with `make dev`: open pages follow what is saved, and show mistakes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.author import Author, open_quiet_tab
from tests.browser.conftest import NewBrowser
from tests.site import Site, copy_project

pytestmark = pytest.mark.browser

SHOWN_SECONDS = 2.0  # what a library may take to notice; mostly a tenth of it

OWLS = "Owls [fly](https://owls.example).\n\n## Eyes\n\n## Ears\n\n## Wings"
SELECT = """() => {
    const text = document.querySelector('main p:nth-of-type(30)').firstChild;
    getSelection().setBaseAndExtent(text, 0, text, 9);
}"""
# The browser's own words for an answer that htmx got; the page is the blog's.
MISSING = "Failed to load resource: the server responded with a status of 404 (NOT FOUND)"
BROKEN = MISSING.replace("404 (NOT FOUND)", "500 (INTERNAL SERVER ERROR)")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project, to be changed."""
    root = copy_project(tmp_path_factory.mktemp("root"))
    (root / "posts").mkdir()
    return root


@pytest.fixture(scope="module")
def author(root: Path) -> Author:
    author = Author(root / "posts")
    author.save("owls", OWLS, "tags: [birds]\n")
    return author


@pytest.fixture(scope="module")
def site(root: Path, author: Author) -> Iterator[Site]:
    with Site(workers=1, environ={"BLOG_DEV": "1"}, root=root) as site:
        yield site


def open_tab(new_browser: NewBrowser, url: str) -> tuple[Page, list[str], list[str]]:
    """Open a page; return what its console says, and what it asks for from now on."""
    tab, said = open_quiet_tab(new_browser(), url)
    asked: list[str] = []

    def note(request: Request) -> None:
        # Chromium asks for a tab's icon when it pleases, long after the page has loaded too.
        if "/static/favicon.svg" not in request.url:
            asked.append(request.url)

    tab.on("request", note)
    tab.evaluate("() => { window.isSame = true; }")
    return tab, said, asked


def test_a_saved_post_is_shown_at_once_and_what_did_not_change_stays(
    site: Site, author: Author, new_browser: NewBrowser
) -> None:
    tab, said, asked = open_tab(new_browser, f"{site.url}/blog/owls")
    tab.get_by_text("In this post").click()
    tab.get_by_role("link", name="fly").focus()
    tab.evaluate("() => window.scrollTo(0, 700)")
    tab.evaluate(SELECT)
    began = time.monotonic()
    author.save("owls", OWLS.replace(".\n", " by night.\n"), "tags: [birds]\n")
    expect(tab.locator("main")).to_contain_text("Owls fly by night.")
    took = time.monotonic() - began
    print(f"\na saved post is on the screen after {took:.2f} s")
    assert took < SHOWN_SECONDS
    assert tab.evaluate("() => scrollY") == 700
    expect(tab.get_by_role("link", name="fly")).to_be_focused()
    assert tab.evaluate("() => getSelection().toString()") == "Paragraph"
    expect(tab.get_by_role("link", name="Wings", exact=True)).to_be_visible()
    assert tab.evaluate("() => window.isSame")
    # Once, or again where a frame came before the answer: nothing but the page itself, in any case.
    # A reader of the test before may still be leaving, and is shown as a face.
    assert {url for url in asked if "/faces/" not in url} == {f"{site.url}/blog/owls"}
    expect(tab.locator(".post-updated")).to_have_text("")
    assert said == []


@pytest.mark.full
def test_every_page_follows(site: Site, author: Author, new_browser: NewBrowser) -> None:
    places = ["/blog", "/tags/birds", "/archive", "/search?q=owls", "/about", "/nowhere-yet"]
    opened = [open_tab(new_browser, site.url + place) for place in places[:-1]]
    author.save("larks", fields="tags: [birds]\n")
    about = author.folder.parent / "pages" / "about.md"
    about.write_text("---\ntitle: More\n---\nMore about larks.\n", encoding="utf-8")
    for tab, _, _ in opened[:3]:
        expect(tab.locator("main")).to_contain_text("On larks")
    expect(opened[4][0].locator("main")).to_contain_text("More about larks.")
    assert [tab.evaluate("() => window.isSame") for tab, _, _ in opened] == [True] * 5
    assert opened[3][0].url == f"{site.url}/search?q=owls"
    assert [said for _, said, _ in opened] == [[]] * 5


def test_a_mistake_is_shown_with_its_line_and_the_page_returns_once_it_is_mended(
    site: Site, author: Author, new_browser: NewBrowser
) -> None:
    author.save("wrens")
    post, said, _ = open_tab(new_browser, f"{site.url}/blog/wrens")
    index, index_said, _ = open_tab(new_browser, f"{site.url}/blog")
    post.evaluate("() => window.scrollTo(0, 500)")
    author.save("wrens", fields="date: <b>soon</b>\n")
    for tab in (post, index):
        fault = tab.locator(".faults li")
        expect(fault).to_contain_text("posts/wrens.md:3")
        expect(fault.locator("pre")).to_have_text("date: <b>soon</b>")
        expect(fault).to_contain_text("expected a date")
        assert "Traceback" not in tab.content()
    expect(index.locator("main")).not_to_contain_text("On wrens")
    fresh, fresh_said, _ = open_tab(new_browser, f"{site.url}/blog/wrens")
    expect(fresh.locator(".faults")).to_contain_text("posts/wrens.md:3")

    author.save("wrens", "Mended.")
    for tab in (post, index, fresh):
        expect(tab.locator(".faults")).to_have_count(0)
    for tab in (post, fresh):
        expect(tab.locator("main")).to_contain_text("Mended.")
        expect(tab.locator(".live-here")).to_have_text("2 reading now")
        assert tab.evaluate("() => window.isSame")
    expect(index.locator("main")).to_contain_text("On wrens")
    assert set(said + index_said + fresh_said) <= {MISSING}


def test_a_draft_and_a_post_without_numbers_can_be_seen_and_follow(
    site: Site, author: Author, new_browser: NewBrowser
) -> None:
    author.save("rooks", fields="draft: true\npresence: false\n")
    site.wait(lambda: "rooks" not in site.fetch() and has(site, "/blog/rooks"), "it is read")
    tab, said, _ = open_tab(new_browser, f"{site.url}/blog/rooks")
    expect(tab.locator("main .preview")).to_contain_text("Not published")
    expect(tab.locator(".presence")).to_have_count(0)
    author.save("rooks", "New words.", "draft: true\npresence: false\n")
    expect(tab.locator("main")).to_contain_text("New words.")
    assert said == []


@pytest.mark.parametrize("name", ["post.html", "base.html"])
def test_a_mistake_in_a_template_is_shown_with_its_line_until_it_is_mended(
    site: Site, author: Author, root: Path, new_browser: NewBrowser, name: str
) -> None:
    tab, said, _ = open_tab(new_browser, f"{site.url}/blog/owls")
    path = root / "templates" / name
    written = path.read_text(encoding="utf-8")
    path.write_text("{# A remark. #}\n{% if %}\n" + written, encoding="utf-8")
    expect(tab.locator("main")).to_contain_text(f"templates/{name}:2: Expected an expression")
    path.write_text(written, encoding="utf-8")
    expect(tab.locator("main")).to_contain_text("Paragraph 20")
    assert tab.evaluate("() => window.isSame")
    assert set(said) == {BROKEN}


def test_saved_templates_stylesheets_and_code_show_at_once(
    site: Site, author: Author, root: Path, new_browser: NewBrowser
) -> None:
    tab, said, _ = open_tab(new_browser, f"{site.url}/blog/owls")
    tab.evaluate("() => window.scrollTo(0, 700)")
    read = "() => document.querySelector('main p:nth-of-type(16)').getBoundingClientRect().top"
    top = tab.evaluate(read)
    change(root / "templates" / "post.html", "</h1>", "</h1><p>By the template.</p>")
    expect(tab.locator("main")).to_contain_text("By the template.")
    change(root / "static" / "style.css", "margin: 0;", "margin: 0; outline: 3px solid red;")
    expect(tab.locator("body")).to_have_css("outline-width", "3px")
    change(
        root / "blog" / "pages" / "format.py", 's min read", minutes)', 's minutes long", minutes)'
    )
    expect(tab.locator("main .meta").first).to_contain_text("minutes long", timeout=15_000)
    # The text above grew by a line; what is read stays where it is, to the pixel.
    assert abs(tab.evaluate(read) - top) < 1
    assert tab.evaluate("() => window.isSame")
    assert said == []


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def has(site: Site, path: str) -> bool:
    try:
        return bool(site.fetch(path))
    except OSError:
        return False
