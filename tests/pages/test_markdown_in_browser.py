"""A post with everything that Markdown can say: valid, accessible, and nothing the CSP refuses."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, Route, sync_playwright
from werkzeug.serving import make_server

from blog.posts.markup.markdown import Style, render_with_hints
from tests.pages.site import ROOT, Books, open_site, write_post
from tests.pages.test_validity import check_pages, save_pages
from tests.setup.tools import AXE_JS, CHROMIUM_OPTIONS, find_chromium

FILMS = ("https://films.example",)
WIDE_ROW = " | ".join(f"a column {n}" for n in range(12))
EVERYTHING = (
    """
A line with $x^2$, ~~struck~~ text, a note[^n] and \\$5.

> [!NOTE]
> A *note*.

> [!TIP] With a title
> - and a list

> [!IMPORTANT]
> Important.

> [!WARNING]
> Warning.

> [!CAUTION]
> Caution.

> A plain quote.

## Formulas

$$
\\begin{align}
a &= \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a} \\label{abc} \\\\
c &= \\begin{cases} 1 & x > 0 \\\\ 0 & \\text{else} \\end{cases}
\\end{align}
$$

WIDE and by $\\eqref{abc}$ a wrong one: $\\foo{x}$.

```math
\\boxed{\\sum_{i=1}^n i = \\binom{n+1}{2}} \\quad
\\begin{array}{|l|r|} \\hline 1 & 2 \\\\ 3 & 4 \\end{array}
```

## Formulas

```python {title="greet.py" linenums="9" hl_lines="2-3"}
def greet(name):
    words = f"Hello, {name}"
    print(words)  # a line that is long enough to reach the label of the block, and beyond it
```

- [x] Write *it*, with a [link](#formulas)
- [ ] Publish it
    - [ ] everywhere

1. [ ] one

2. [x] two

Term
:   Its definition, with `code`.

![A green dot](/static/favicon.svg "A *dot* & its caption.")

Text with ![a dot](/static/favicon.svg) in its line.

[The talk](https://films.example/w/kkGMgK9ZtnKfYAgnEtQxbv)

https://vimeo.com/76979871

https://films.example/a.webm

[^n]: The note.

""".replace("WIDE", "$$" + "+".join(f"x_{{{n}}}" for n in range(60)) + "$$")
    + f"| {WIDE_ROW} |\n|{'---|' * 12}\n| {WIDE_ROW} |\n\n| A | B |\n|:-:|--:|\n| 1 | 2 |\n"
)


@pytest.fixture(scope="module")
def app():
    style = Style(
        smart_quotes=True, posts_dir=ROOT / "posts", static_dir=ROOT / "static", frame_hosts=FILMS
    )
    post = write_post("all", body=EVERYTHING, path=ROOT / "posts" / "all.md", title="Everything")
    rendered, hints = render_with_hints(post, style)
    assert [hint.found for hint in hints] == ['the formula “\\foo{x}”: Unknown command "\\foo"']
    return open_site(
        library=Books(write_post("all", body=rendered.html, title="Everything")), frame_hosts=FILMS
    )


@pytest.fixture(scope="module")
def url(app):
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/blog/all"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.full
def test_the_page_is_valid_html(app, tmp_path):
    save_pages(tmp_path, app, {"all": "/blog/all"})
    assert check_pages(tmp_path) == ""


@pytest.mark.browser
@pytest.mark.full
def test_the_page_is_accessible_keeps_to_the_csp_and_never_scrolls_sideways(url):
    axe = AXE_JS.read_text(encoding="utf-8")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_OPTIONS
        )
        for width in (360, 1280):
            for scheme in ("light", "dark"):
                tab = chromium.new_page(
                    viewport={"width": width, "height": 800},
                    color_scheme=scheme,
                    reduced_motion="reduce",
                )
                said: list[str] = []
                tab.on("console", _note_in(said))
                tab.route("**/live?**", lambda route: route.abort())
                asked: list[str] = []
                tab.route(lambda address: ".example" in address, _answer_and_note_in(asked))
                tab.goto(url)
                tab.evaluate(f"() => {{ {axe} }}")
                found = tab.evaluate("() => axe.run().then(result => result.violations)")
                assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in found] == []
                wider = tab.evaluate("() => document.documentElement.scrollWidth - innerWidth")
                assert wider <= 0, f"scrolls sideways at {width} px"
                assert [text for text in said if "live" not in text and "ERR_" not in text] == []
                cells = tab.locator("mtd.align-right").first
                assert cells.evaluate("cell => getComputedStyle(cell).textAlign") == "end"
                check_code(tab)
                check_films(tab, asked)
                if folder := os.environ.get("SHOTS"):
                    tab.screenshot(path=Path(folder) / f"{width}-{scheme}.png", full_page=True)
                tab.close()
        chromium.close()


def check_code(tab: Page) -> None:
    """Look at a numbered block: its numbers are seen, not copied, and not read out."""
    block = tab.locator("figure.code")
    assert block.locator("figcaption").inner_text() == "greet.py"
    lines = block.locator("[data-line]")
    shown = "line => getComputedStyle(line, '::before').content"
    assert lines.first.evaluate(shown) == '" 9"'
    code = block.locator("code")
    copied = code.evaluate(
        "code => { getSelection().selectAllChildren(code); return String(getSelection()) }"
    )
    assert copied.startswith('def greet(name):\n    words = f"Hello, {name}"\n')
    read_out = block.aria_snapshot()
    assert "def greet" in read_out
    assert not {"9", "10", "11"} & set(read_out.split())
    tab.evaluate("() => getSelection().empty()")


def check_films(tab: Page, asked: list[str]) -> None:
    """Look at the cards of films: nothing of another site is loaded before a click."""
    tab.locator("details.film").scroll_into_view_if_needed()
    tab.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    assert asked == []
    tab.locator("summary", has_text="The talk").click()
    tab.frame_locator(".film iframe").get_by_text("A film").wait_for()
    assert asked == ["https://films.example/videos/embed/kkGMgK9ZtnKfYAgnEtQxbv"]
    assert tab.locator("p.film a").inner_text().split() == ["Vimeo", "vimeo.com/76979871"]


def _answer_and_note_in(asked: list[str]) -> Callable[[Route], None]:
    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(body="<p>A film", content_type="text/html")

    return answer


def _note_in(said: list[str]) -> Callable[[ConsoleMessage], None]:
    return lambda message: said.append(message.text)
