"""What a text names beside itself has one address, good on every page that shows the text."""

from __future__ import annotations

from pathlib import Path

import pytest

from blog.config import Settings
from blog.factory import create_app
from blog.posts.addresses import settle_address
from blog.posts.markup.html_tags import rewrite_addresses
from blog.posts.markup.markdown import Style, render_markdown, render_with_hints
from blog.posts.model import Post


@pytest.mark.parametrize(
    ("written", "of_a_post", "of_a_page"),
    [
        ("a.png", "/blog/one/a.png", "/one/a.png"),
        ("./a%20b.PNG?v=1#x", "/blog/one/a%20b.PNG?v=1#x", "/one/a%20b.PNG?v=1#x"),
        ("deep/é.pdf", "/blog/one/deep/%C3%A9.pdf", "/one/deep/%C3%A9.pdf"),
        ("../shared/a.png", "/blog/one/~up/shared/a.png", "/one/~up/shared/a.png"),
        ("x/../../a.png", "/blog/one/~up/a.png", "/one/~up/a.png"),
        ("two#part", "/blog/two#part", "/two#part"),
    ],
)
def test_a_relative_address_is_settled(written: str, of_a_post: str, of_a_page: str):
    assert settle_address(written, "one") == of_a_post
    assert settle_address(written, "one", root="") == of_a_page


@pytest.mark.parametrize(
    "address",
    [
        *("", "#part", "?page=2", "/images/a.png", "//a.example/a.png", "https://a.example/a.png"),
        *("mailto:a@b.example", "data:image/png;base64,eA==", "http://["),
    ],
)
def test_every_other_address_stays(address: str):
    assert settle_address(address, "one") == address


@pytest.mark.parametrize(
    ("written", "rewritten"),
    [
        ('<img\n  src="a.png"\n  alt="a > b"><p>x', '<img src="A.PNG" alt="a &gt; b"><p>x'),
        ('<svg><image href="a.png"/></svg>', '<svg><image href="A.PNG" /></svg>'),
        (
            '<img srcset="a.png 1x,b.png 2x, data:x,y 3x">',
            '<img srcset="A.PNG 1x, B.PNG 2x, DATA:X,Y 3x">',
        ),
        ("é\n&copy <![x[>\n<a href=a.png>y</a>", 'é\n&copy <![x[>\n<a href="A.PNG">y</a>'),
    ],
)
def test_a_tag_with_an_address_is_written_anew_and_no_other(written: str, rewritten: str):
    assert rewrite_addresses(written, str.upper) == rewritten


@pytest.mark.parametrize(
    "body",
    [
        '<!-- <img src="a.png"> -->',
        '<script>"<img src=a.png>"</script>',
        "<p title='src=a.png'>&amp;&copy a < b </P >\r\n<br/>",
        '<a href="A"><a href>',
        "<img src='a.png",
    ],
)
def test_what_has_no_address_to_rewrite_stays_to_the_letter(body: str):
    assert rewrite_addresses(body, str.upper) == body


def test_the_addresses_of_markdown_and_of_html_are_settled():
    body = '![x](a.png) [y](b.pdf)\n\n<video src="c.mp4" poster="d.jpg"></video>\n'
    post = Post(id="one", title="T", description="", date=None, path=Path("one.md"), body=body)
    html = render_markdown(post).html
    for name in ("a.png", "b.pdf", "c.mp4", "d.jpg"):
        assert f'="/blog/one/{name}"' in html
    assert 'src="/one/c.mp4"' in render_markdown(post, Style(root="")).html
    assert 'src="c.mp4"' in render_with_hints(post)[0].html


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("other.md#the-end", "/blog/folder/other.md#the-end"),
        ("./other.md", "/blog/folder/other.md"),
        ("../top.markdown?a=b", "/blog/top.markdown?a=b"),
        ("sub/index.md", "/blog/folder/sub/index.md"),
        ("https://example.org/other.md", "https://example.org/other.md"),
        ("/static/other.md", "/static/other.md"),
    ],
)
def test_another_post_is_named_by_its_file(target: str, path: str):
    assert settle_address(target, "a", folder="folder") == path


def test_a_link_to_a_file_leads_to_the_post_and_is_checked(tmp_path: Path):
    posts = tmp_path / "posts"
    (posts / "folder").mkdir(parents=True)
    (posts / "a.md").write_text(
        "---\ntitle: A\n---\n[b](folder/b.md#end) [c](folder/b.md#no) [d](d.md)\n"
    )
    (posts / "folder" / "b.md").write_text(
        "---\ntitle: B\nslug: bee\n---\n## End\n\n[a](../a.md)\n"
    )
    app = create_app(Settings(posts_dir=posts, pages_dir=tmp_path / "pages"))
    with app.test_client() as client:
        assert 'href="/blog/folder/b.md#end"' in client.get("/blog/a").text
        assert client.get("/blog/folder/b.md").headers["Location"] == "/blog/bee"
        assert client.get("/blog/d.md").status_code == 404
    checked = app.test_cli_runner().invoke(args=["posts", "check"]).stdout
    assert "the link folder/b.md#no: there is no such place in b.md" in checked
    assert "the link d.md: there is no such page" in checked
    assert "#end" not in checked
    assert "../a.md" not in checked
