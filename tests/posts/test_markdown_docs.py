"""The examples of docs/markdown.md are rendered, and give what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from blog.posts.markup.markdown import Style, render_with_hints
from blog.posts.model import Post

ROOT = Path(__file__).parents[2]
# A section and its example, or nothing where a section has none; examples have headings, too.
SECTION = re.compile(
    r"^## (?P<name>[^\n]+)$|^(?P<fence>`{3,4})markdown\n(?P<example>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)

# What a reader finds in the page, by the section that promises it.
PROMISED = {
    "Alerts": ['<div class="admonition warning">', "<strong>everything</strong>"],
    "Code": [
        '<figcaption>greet.py</figcaption><div class="codehilite" data-language="Python">',
        '<span class="hll"><span aria-hidden="true" data-line="2"></span>    <span class="n">words',
    ],
    "Formulas": ["<math><msup><mi>e</mi>", '<math display="block">', '<a href="#math-sum">(1)</a>'],
    "Definitions": ["<dt>Reader</dt>", "<dd>One open page of a reader.</dd>"],
    "Lists": ["<p>We need:</p>\n<ul>", "<li>with a title,</li>", "<p>and with words;</p>"],
    "Line breaks": ["One line, <br>\nand another."],
    "Tasks": ['<label><input checked disabled type="checkbox"> Write it</label>'],
    "Footnotes": ['href="#fn:why"', "Because it was measured."],
    "Tables": ['class="table-scroll"', '<td class="align-right">2</td>'],
    "Images": [
        "<figure><img",
        "<figcaption>The dot rings when",
        'loading="lazy"',
        '<div class="gallery"><figure><img',
    ],
    "Films": [
        '<p class="film"><a href="https://vimeo.com/76979871"><span class="site-name">Vimeo</span>',
        '<video controls preload="none" src="https://films.example/moves.webm"></video>',
    ],
    "Links": [
        '<a href="https://example.org/a_b">https://example.org/a_b</a>',
        '<a href="https://example.org/vec">the <code>Vec</code></a>',
        '<a href="other-post.md#why">another post</a>',
    ],
    "Headings": ['<h2 id="why">', '<h2 id="why_1">'],
    "Attributes": ['<h2 id="why-not">Why not?', '<p class="small">A small text.</p>'],
    "Struck text": ["<del>never</del>"],
    "HTML": ["<details>", "<em>inside</em>"],
    "What is different elsewhere": ["<strong>重点。</strong>然后"],
    "Smart quotes": ["&ldquo;It&rsquo;s live&rdquo; &ndash; and how&hellip;"],
}


def read_examples() -> dict[str, str]:
    """Read the example of each section."""
    found: dict[str, str] = {}
    for part in SECTION.finditer((ROOT / "docs" / "markdown.md").read_text(encoding="utf-8")):
        if part["name"]:
            found[part["name"]] = ""
        else:
            found[list(found)[-1]] += part["example"]
    return found


@pytest.mark.parametrize("section", PROMISED)
def test_an_example_gives_what_its_section_says(section: str):
    post = Post(
        id="a",
        title="T",
        description="",
        date=None,
        path=ROOT / "posts" / "a.md",
        body=read_examples()[section],
    )
    style = Style(smart_quotes=True, posts_dir=ROOT / "posts", static_dir=ROOT / "static")
    rendered, hints = render_with_hints(post, style)
    assert hints == ()
    for piece in PROMISED[section]:
        assert piece in rendered.html


def test_every_section_has_an_example():
    assert list(read_examples()) == list(PROMISED)
