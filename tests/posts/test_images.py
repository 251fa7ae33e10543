"""Images: sizes from files, captions, and files that are missing or broken."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Literal
from unicodedata import normalize

import pytest

from blog.posts.library import Library
from blog.posts.markup.markdown import Style, render_with_hints
from blog.posts.model import Fault, Post

Form = Literal["NFC", "NFD"]
LAZY = 'decoding="async"'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Make a folder of posts and one of static files, with a picture of 30 × 20 in each."""
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 30, 20, 8, 2, 0, 0, 0)
    for folder in ("posts/2026", "posts/shared", "static/images", "secret"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a b.png").write_bytes(png + b"\0" * 50)
    return tmp_path


def read(site: Path, body: str) -> tuple[str, tuple[Fault, ...]]:
    path = site / "posts" / "2026" / "post.md"
    post = Post(id="a", title="T", description="", date=None, path=path, body=body, body_line=3)
    style = Style(posts_dir=site / "posts", static_dir=site / "static")
    rendered, hints = render_with_hints(post, style)
    return rendered.html, hints


def test_an_image_waits_and_has_the_size_of_its_file(site: Path):
    html, hints = read(site, "![A](/static/images/a%20b.png)")
    assert html == (
        f'<p><img alt="A" {LAZY} height="20" loading="lazy" src="/static/images/a%20b.png"'
        ' width="30"></p>'
    )
    assert hints == ()


@pytest.mark.parametrize("address", ["a%20b.png", "./a%20b.png?v=1#x", "../shared/a%20b.png"])
def test_an_image_is_found_beside_the_post_and_in_the_posts_folder(site: Path, address: str):
    html, hints = read(site, f"![A]({address})")
    assert 'width="30"' in html
    assert hints == ()


@pytest.mark.parametrize(
    "address",
    ["none.png", "../../secret/a%20b.png", "/static/../secret/a%20b.png", "/static/", "a%00b.png"],
)
def test_an_image_without_a_file_is_shown_without_a_size(site: Path, address: str):
    html, _ = read(site, f"![A]({address})")
    assert f'<img alt="A" {LAZY} loading="lazy" src="{address}">' in html


@pytest.mark.parametrize(("written", "on_disk"), [("ü", "u\u0308"), ("u\u0308", "ü")])
def test_an_image_is_found_by_its_name_in_either_form_of_unicode(
    site: Path, written: str, on_disk: str
):
    picture = (site / "posts" / "2026" / "a b.png").read_bytes()
    for folder in (site / "posts" / "2026", site / "static"):
        (folder / on_disk).mkdir()
        (folder / on_disk / f"bild-{on_disk}.png").write_bytes(picture)
    name = f"{written}/bild-{written}.png"
    html, hints = read(site, f"![]({name})![](/static/{name})")
    assert html.count('width="30"') == 2
    assert hints == ()


def test_a_missing_image_is_a_hint_with_its_line(site: Path):
    _, hints = read(site, "Text.\n\n![A](none.png)")
    assert [str(hint) for hint in hints] == [
        f"{site}/posts/2026/post.md:5: the image “none.png”: there is no such file, expected an "
        "image beside the post, or in the static folder as /static/…, put the file there, or "
        "correct the path"
    ]


@pytest.mark.parametrize("address", ["https://a.example/b.png", "//a.example/b.png", "/b.png", ""])
def test_an_image_elsewhere_is_not_looked_for(site: Path, address: str):
    html, hints = read(site, f"![A]({address})")
    assert "width" not in html
    assert 'loading="lazy"' in html
    assert hints == ()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\0", b"GIF89a", b"<svg width='1e999'/>", b"<svg"],
)
def test_a_broken_image_is_shown_without_a_size(site: Path, content: bytes):
    (site / "static" / "broken").write_bytes(content)
    html, _ = read(site, "![A](/static/broken)")
    assert "width" not in html


def test_an_author_may_give_the_size(site: Path):
    html, _ = read(site, "![A](/static/images/a%20b.png){width=15}")
    assert 'width="15"' in html
    assert "height" not in html


def test_an_image_with_a_title_alone_in_its_paragraph_is_a_figure(site: Path):
    html, _ = read(site, '![A](/b.png "A <b> & c")')
    assert html == (
        f'<figure><img alt="A" {LAZY} loading="lazy" src="/b.png">'
        "<figcaption>A &lt;b&gt; &amp; c</figcaption></figure>"
    )


def test_a_figure_may_be_a_link(site: Path):
    html, _ = read(site, '[![A](/b.png "C")](/c)')
    assert html.startswith('<figure><a href="/c"><img')
    assert html.endswith("</a><figcaption>C</figcaption></figure>")


PICTURE = "/static/images/a%20b.png"


def test_several_pictures_alone_in_their_paragraph_are_a_gallery(site: Path):
    html, _ = read(site, f'![A]({PICTURE} "One")\n![B]({PICTURE}) [![C]({PICTURE} "Three")](/c)')
    image = f'{LAZY} height="20" loading="lazy" src="{PICTURE}" width="30">'
    assert html == (
        f'<div class="gallery"><figure><img alt="A" {image}<figcaption>One</figcaption></figure>'
        f'<figure><img alt="B" {image}</figure>'
        f'<figure><a href="/c"><img alt="C" {image}</a><figcaption>Three</figcaption></figure>'
        "</div>"
    )


@pytest.mark.parametrize(
    "body",
    [
        f"![A]({PICTURE}) and ![B]({PICTURE})",
        f"![A]({PICTURE}) ![A badge](https://a.example/b.svg)",
        f"![A]({PICTURE}) ![A]({PICTURE}) [words](/c)",
    ],
)
def test_pictures_with_words_or_badges_among_them_are_no_gallery(site: Path, body: str):
    assert "gallery" not in read(site, body)[0]


@pytest.mark.parametrize("body", ['Text ![A](/b.png "C")', '![A](/b.png "C") text', "![A](/b.png)"])
def test_every_other_image_stays_in_its_line(site: Path, body: str):
    assert "<figure>" not in read(site, body)[0]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_a_name_is_found_in_either_unicode_form(tmp_path: Path, form: Form, written: Form):
    folder = tmp_path / normalize(form, "Ordner-é")
    folder.mkdir()
    (folder / normalize(form, "bild-ü.gif")).write_bytes(b"GIF89a\x03\x00\x02\x00\x00\x00\x00;")
    address = normalize(written, "Ordner-é/bild-ü.gif")
    (tmp_path / "a.md").write_text(f"---\ntitle: A\n---\n![p]({address})\n")
    library = Library(tmp_path)
    library.load()
    (post,) = library.index.posts
    assert 'height="2"' in library.render(post).html
    assert library.index.find_media(post, address) is not None
