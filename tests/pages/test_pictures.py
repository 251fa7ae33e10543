"""Pictures on pages: in every width that there is, as soon as there is one, and without a place."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from flask import Flask

from blog.config import Settings
from blog.factory import create_app
from blog.posts.preview import preview_path, sign_preview
from tests.pictures.photos import draw, write, write_moving

PHOTO = write(draw(900, 600), "JPEG", quality=90)
KEY = "a key for previews"
FRONT = "title: A\ndate: 2026-11-20\n"


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    folder = tmp_path / "posts"
    folder.mkdir()
    for name in ("sky.jpg", "sea.jpg"):
        (folder / name).write_bytes(PHOTO)
    return folder


def open_blog(posts: Path) -> Flask:
    return create_app(
        Settings(
            posts_dir=posts,
            about_dir=posts.parent / "about",
            instance_dir=posts.parent / "instance",
            site_url="https://blog.example",
            secret_key=KEY,
        )
    )


def write_post(posts: Path, body: str, front: str = FRONT, name: str = "a") -> None:
    (posts / f"{name}.md").write_text(f"---\n{front}---\n{body}\n")


def make(app: Flask) -> None:
    app.extensions["viblog"].pictures.bring_up_to_date()


def fetch(app: Flask, path: str, status: int = 200):
    with app.test_client().get(path) as answer:
        assert answer.status_code == status, path
        answer.get_data()
        return answer


def images(app: Flask, path: str) -> list[dict[str, str]]:
    """Return the attributes of every image of a page."""
    tags = re.findall(r"<img ([^>]*)>", fetch(app, path).text)
    return [
        {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        for tag in tags
    ]


def addresses(image: dict[str, str]) -> dict[str, str]:
    """Return the addresses of an image's `srcset` by their widths."""
    listed = (each.split(" ") for each in image["srcset"].split(", "))
    return {width: address for address, width in listed}


def test_a_picture_in_a_text_is_had_in_widths_as_soon_as_they_are_made(posts: Path):
    """The page is cached meanwhile, and made anew."""
    write_post(posts, "![A](sky.jpg)\n\n![B](sea.jpg)")
    app = open_blog(posts)
    assert [image["src"] for image in images(app, "/blog/a")] == [
        "/blog/a/sky.jpg",
        "/blog/a/sea.jpg",
    ]
    make(app)
    first, second = images(app, "/blog/a")
    assert list(addresses(first)) == ["240w", "480w", "800w", "900w"]
    assert re.fullmatch(r"/blog/a/sky\.jpg\?w=480&v=[0-9a-f]{12}", addresses(first)["480w"])
    assert first["src"] == addresses(first)["900w"]
    assert (first["width"], first["height"]) == ("900", "600")
    assert "loading" not in first
    assert first["sizes"] == "(min-width: 42rem) 40.3rem, 90vw"
    assert second["loading"] == "lazy"
    assert second["sizes"] == "auto, (min-width: 42rem) 40.3rem, 90vw"


def test_a_copy_is_webp_and_kept_for_good_at_its_versions_address(posts: Path):
    write_post(posts, "![A](sky.jpg)")
    app = open_blog(posts)
    make(app)
    (image,) = images(app, "/blog/a")
    answer = fetch(app, addresses(image)["480w"])
    assert answer.mimetype == "image/webp"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(answer.data) < len(PHOTO)
    assert fetch(app, "/blog/a/sky.jpg?w=480").headers["Cache-Control"] == "no-cache"


def test_where_there_is_no_such_copy_the_original_is_sent_without_its_place(posts: Path):
    write_post(posts, "![A](sky.jpg)")
    app = open_blog(posts)
    assert b"GPS" in PHOTO
    for query in ("?w=480", "?w=0", "?w=-1", "?w=1e9", "?w=²", "?v=x", ""):
        answer = fetch(app, f"/blog/a/sky.jpg{query}")
        assert answer.mimetype == "image/jpeg"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert b"GPS" not in answer.data


def test_a_heic_that_is_named_as_a_jpeg_is_not_sent(posts: Path):
    write_post(posts, "![A](sky.jpg)")
    (posts / "sky.jpg").write_bytes(b"\0\0\0\x18ftypheic" + b"GPS")
    app = open_blog(posts)
    fetch(app, "/blog/a/sky.jpg", 404)
    fetch(app, "/blog/a")


def test_an_image_opens_its_post_and_stands_on_its_card(posts: Path):
    alt = "image_alt: The sky\nimage_caption: At six <b>\n"
    write_post(posts, "![B](sea.jpg)", f"{FRONT}image: sky.jpg\n{alt}")
    app = open_blog(posts)
    make(app)
    opening, second = images(app, "/blog/a")
    assert opening["alt"] == "The sky"
    assert opening["fetchpriority"] == "high"
    assert "loading" not in opening
    assert (opening["width"], opening["height"]) == ("900", "600")
    assert second["loading"] == "lazy"
    page = fetch(app, "/blog/a").text
    assert "<figcaption>At six &lt;b&gt;</figcaption>" in page
    assert '<meta property="og:image:alt" content="The sky">' in page
    for path in ("/", "/archive", "/tags"):
        assert len(images(app, path)) == (path == "/")
    (thumbnail,) = images(app, "/")
    assert (thumbnail["alt"], thumbnail["loading"]) == ("", "lazy")
    assert thumbnail["sizes"] == "7.5rem"
    assert addresses(thumbnail) == addresses(opening)


def test_other_sites_are_given_the_widest_copy_once_there_is_one(posts: Path):
    (posts / "sky.jpg").rename(posts / "der Himmel.jpg")
    write_post(posts, "", f"{FRONT}image: der Himmel.jpg\n")
    app = open_blog(posts)
    original = "https://blog.example/blog/a/der%20Himmel.jpg"

    def shared() -> str:
        page = fetch(app, "/blog/a").text
        (found,) = re.findall(r'property="og:image" content="([^"]*)"', page)
        (described,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
        assert json.loads(described)["image"] == unescape(found)
        return unescape(found)

    assert shared() == original
    make(app)
    address = shared()
    assert re.fullmatch(re.escape(original) + r"\?w=900&v=[0-9a-f]{12}", address)
    assert fetch(app, address.removeprefix("https://blog.example")).mimetype == "image/webp"


def test_a_picture_opens_a_post_that_does_not_show_it_and_is_there(posts: Path):
    (posts / "broken.jpg").write_bytes(b"picture")
    others = ("none.jpg", "broken.jpg", "https://elsewhere.example/sea.jpg")
    expected = {"sea.jpg": 2, "sky.jpg": 1} | dict.fromkeys(others, 1)
    for number, image in enumerate(expected):
        write_post(posts, "![A](sky.jpg)", f"{FRONT}image: {image}\n", f"post-{number}")
    app = open_blog(posts)
    for _ in ("before its copies are made", "and afterwards"):
        shown = [len(images(app, f"/blog/post-{number}")) for number in range(len(expected))]
        assert shown == list(expected.values())
        make(app)


def test_a_picture_that_moves_is_sent_whole_but_on_no_card(posts: Path):
    content = write_moving("GIF")
    (posts / "move.gif").write_bytes(content)
    write_post(posts, "Text.", f"{FRONT}image: move.gif\n")
    app = open_blog(posts)
    make(app)
    (opening,) = images(app, "/blog/a")
    assert fetch(app, opening["src"]).data == content
    assert images(app, "/") == []


def test_a_picture_in_html_has_its_copies_and_its_size_too(posts: Path):
    body = '<img src="sky.jpg" alt="A">\n\n<img src="sea.jpg" srcset="x.jpg 2x" alt="B">'
    write_post(posts, body)
    app = open_blog(posts)
    make(app)
    first, second = images(app, "/blog/a")
    assert "480w" in addresses(first)
    assert (first["width"], first["height"]) == ("900", "600")
    assert second["srcset"] == "/blog/a/x.jpg 2x"


def test_a_feed_names_the_widest_copy(posts: Path):
    write_post(posts, "![A](sky.jpg)")
    app = open_blog(posts)
    make(app)
    text = unescape(fetch(app, "/feed.atom").text)
    assert re.search(r'src="https://blog\.example/blog/a/sky\.jpg\?w=900&amp;v=', text)


def test_a_hidden_posts_copies_are_hidden_too_but_not_from_its_preview(posts: Path):
    write_post(posts, "![B](sea.jpg)", f"{FRONT}draft: true\nimage: sky.jpg\n")
    app = open_blog(posts)
    make(app)
    token = sign_preview(KEY, "a", datetime.now(UTC) + timedelta(days=1))
    shown = images(app, preview_path(token))
    assert len(shown) == 2
    for image in shown:
        address = addresses(image)["480w"]
        assert address.startswith(f"{preview_path(token)}/")
        assert fetch(app, address).mimetype == "image/webp"
        fetch(app, address.replace(preview_path(token), "/blog/a"), 404)


def test_pictures_of_the_about_page_and_of_the_static_folder_have_copies(
    posts: Path, monkeypatch: pytest.MonkeyPatch
):
    site = posts.parent
    for folder in ("about", "static"):
        (site / folder).mkdir()
        (site / folder / "sky.jpg").write_bytes(PHOTO)
    (site / "viblog.toml").touch()
    (site / "about" / "me.md").write_text("# Me\n\n![A](sky.jpg) and ![B](/static/sky.jpg)\n")
    monkeypatch.chdir(site)
    app = open_blog(posts)
    make(app)
    for image in images(app, "/about"):
        assert fetch(app, addresses(image)["480w"]).mimetype == "image/webp"
        assert b"GPS" not in fetch(app, image["src"].partition("?")[0]).data
