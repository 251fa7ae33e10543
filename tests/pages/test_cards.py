"""The card of each post: its address, who is told of it, and for how long it is kept."""

from __future__ import annotations

import re
from html import unescape
from io import BytesIO

import pytest
from PIL import Image

from blog.cards import Cards
from blog.config import Settings, SettingsError
from blog.factory import create_app
from blog.native import BusyError
from tests.pages.site import Books, open_site, write_post

SITE = "https://blog.example"


@pytest.fixture
def open_blog(tmp_path):
    """Return what opens a site with real cards."""
    return lambda *posts, **options: open_site(*posts, cards=Cards(tmp_path), **options)


def fetch(app, path, status=200, **headers):
    with app.test_client().get(path, headers=headers) as answer:
        assert answer.status_code == status, path
        return answer


def metas(app, path):
    text = fetch(app, path).text
    found = re.findall(r'<meta property="(og:image[^"]*)" content="([^"]*)">', text)
    return {name: unescape(content) for name, content in found}


def find_card(app, path="/blog/one"):
    return metas(app, path)["og:image"].removeprefix(SITE)


def test_a_post_without_an_image_names_its_card(open_blog):
    app = open_blog(write_post("one", title="A <b> & c"), site_url=SITE)
    found = metas(app, "/blog/one")
    assert re.fullmatch(rf"{SITE}/cards/one\.png\?v=[0-9a-f]{{32}}", found.pop("og:image"))
    assert found == {
        "og:image:width": "1200",
        "og:image:height": "630",
        "og:image:alt": "A <b> & c",
    }
    text = fetch(app, "/blog/one").text
    assert '<meta name="twitter:card" content="summary_large_image">' in text
    assert f'"image": "{SITE}{find_card(app)}"' in text


def test_a_card_is_a_picture_that_is_kept_for_good_at_its_address(open_blog):
    app = open_blog(write_post("one"), site_url=SITE)
    path = find_card(app)
    answer = fetch(app, path)
    assert answer.mimetype == "image/png"
    assert Image.open(BytesIO(answer.data)).size == (1200, 630)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert fetch(app, path, 304, If_None_Match=answer.headers["ETag"]).data == b""
    assert fetch(app, path, 304, If_Modified_Since=answer.headers["Last-Modified"]).data == b""


@pytest.mark.parametrize("query", ["", "?v=another"])
def test_a_card_asked_for_without_its_version_is_asked_for_again(open_blog, query):
    answer = fetch(open_blog(write_post("one")), f"/cards/one.png{query}")
    assert answer.headers["Cache-Control"] == "no-cache"


def test_a_changed_post_has_another_card_at_another_address(open_blog):
    library = Books(write_post("one"))
    app = open_blog(library=library, site_url=SITE)
    before = find_card(app)
    etag = fetch(app, before).headers["ETag"]
    library.index = Books(write_post("one", title="Changed")).index
    assert find_card(app) != before
    assert fetch(app, before, If_None_Match=etag).headers["Cache-Control"] == "no-cache"


def test_an_image_of_its_own_comes_first(open_blog):
    app = open_blog(write_post("one", image="a.png"), site_url=SITE)
    assert metas(app, "/blog/one") == {"og:image": f"{SITE}/blog/one/a.png"}


@pytest.mark.parametrize("image", ["a.svg", "a.avif", "/static/a.SVG?v=1", "film.mp4"])
def test_an_image_that_other_sites_do_not_show_leaves_the_place_to_the_card(open_blog, image):
    app = open_blog(write_post("one", image=image), site_url=SITE)
    assert metas(app, "/blog/one")["og:image"].startswith(f"{SITE}/cards/one.png?v=")


def test_a_card_of_an_address_in_another_script_is_at_an_escaped_one(open_blog):
    app = open_blog(write_post("Привет"), site_url=SITE)
    path = find_card(app, "/blog/Привет")
    assert path.startswith("/cards/%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82.png?v=")
    assert fetch(app, path).mimetype == "image/png"


def test_a_title_that_our_font_cannot_write_has_no_card(open_blog):
    app = open_blog(write_post("one", title="日本語"), site_url=SITE)
    assert metas(app, "/blog/one") == {}
    fetch(app, "/cards/one.png", 404)


def test_hidden_posts_and_none_have_no_card(open_blog):
    app = open_blog(write_post("one"), write_post("draft", draft=True))
    for path in ("/cards/draft.png", "/cards/none.png", "/cards/one", "/cards/../one.png"):
        fetch(app, path, 404)


def test_the_card_of_any_id_is_found(open_blog):
    app = open_blog(write_post("café/v1.2 & b"), site_url=SITE)
    path = find_card(app, "/blog/caf%C3%A9/v1.2%20%26%20b")
    assert path.startswith("/cards/caf%C3%A9/v1.2%20&%20b.png?v=")
    fetch(app, path)


def test_who_asks_while_too_many_wait_is_told_when_to_come_back(open_blog, tmp_path):
    class BusyCards(Cards):
        def draw(self, card, now):
            raise BusyError

    app = open_site(write_post("one"), cards=BusyCards(tmp_path))
    assert fetch(app, "/cards/one.png", 503).headers["Retry-After"] == "5"


def test_a_font_that_is_none_keeps_the_blog_from_starting(tmp_path):
    with pytest.raises(SettingsError, match=r"BLOG_CARD_FONT: found '.*none.ttf' .*a font file"):
        create_app(Settings(posts_dir=tmp_path, card_font=str(tmp_path / "none.ttf")))


def test_without_the_blog_s_own_font_it_says_what_brings_it(tmp_path, monkeypatch):
    monkeypatch.setattr("blog.cards.fonts.OWN_BOLD", tmp_path / "own.ttf")
    with pytest.raises(SettingsError, match=r"found '.*own.ttf' .*, `make install` brings it"):
        create_app(Settings(posts_dir=tmp_path))
