"""The palettes, the accent, and the small stylesheet that has what was chosen of them."""

from __future__ import annotations

import re
import tomllib
from io import BytesIO
from itertools import product
from pathlib import Path

import gevent
import pytest
from PIL import Image

from blog.palettes import DEFAULT, PALETTES, choose_colours, contrast
from tests.pages.site import open_site, write_post

ROOT = Path(__file__).parents[2]
STYLE = (ROOT / "static" / "style.css").read_text(encoding="utf-8")
VARIABLES = re.findall(r"--(\w+): light-dark\((#\w+), (#\w+)\);", STYLE)
SIDES = {"light": 0, "dark": 1}


def test_contrast_is_what_wcag_has():
    assert contrast("#ffffff", "#000000") == 21
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54


def test_the_stylesheet_has_the_first_palette():
    shown = {name: (light, dark) for name, light, dark in VARIABLES}
    assert {name: shown[name] for name in PALETTES[DEFAULT]} == dict(PALETTES[DEFAULT])


@pytest.mark.parametrize(("palette", "side"), [*product(PALETTES, SIDES.values())])
def test_every_text_can_be_read_on_every_ground(palette, side):
    colours = {name: pair[side] for name, *pair in VARIABLES}
    colours |= {name: pair[side] for name, pair in PALETTES[palette].items()}
    texts = ("ink", "quiet", "link", "keyword", "string", "name", "number", "remark")
    pairs = [*product(texts, ("paper", "well")), ("ink", "mark")]
    low = [(*pair, contrast(*(colours[name] for name in pair))) for pair in pairs]
    assert [found for found in low if found[2] < 4.5] == []
    assert contrast(colours["live"], colours["paper"]) >= 3


@pytest.mark.parametrize(
    "accent", ["#ffd500", "#b3261e", "#0000ff", "#000000", "#ffffff", "#808080"]
)
@pytest.mark.parametrize("palette", PALETTES)
def test_any_accent_can_be_read(palette, accent):
    colours = choose_colours(palette, accent)
    for side, ground in product(SIDES.values(), ("paper", "well")):
        assert contrast(colours["link"][side], colours[ground][side]) >= 4.5
        assert contrast(colours["live"][side], colours[ground][side]) >= 3


def test_an_accent_that_is_read_already_stays_as_it_is():
    assert choose_colours("ink", "#b3261e")["link"][0] == "#b3261e"


def test_what_is_chosen_is_a_small_stylesheet_that_browsers_keep():
    client = open_site(write_post("one"), palette="slate", accent="#b3261e").test_client()
    page = client.get("/blog").text
    url = re.search(r'<link rel="stylesheet" href="(/look\.css\?v=\w+)">', page)
    assert url is not None
    assert page.index("style.css") < page.index("look.css")
    answer = client.get(url[1])
    assert answer.content_type == "text/css; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "--paper: light-dark(#f8fafc, #11161c);" in answer.text
    assert "--link: light-dark(#b3261e, " in answer.text
    assert client.get("/look.css?v=old").headers["Cache-Control"] == "no-cache"
    assert '<meta name="theme-color" content="#11161c"' in page


def test_the_font_of_most_pages_is_small_and_kept_for_good():
    named = re.findall(r'url\("(fonts/[\w-]+\.woff2)\?v=([\d.]+)"\)', STYLE)
    assert len(named) == 6
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    vendored = tool["hatch"]["build"]["targets"]["wheel"]["hooks"]["npm-vendor"]["packages"]
    (pinned,) = (one["version"] for one in vendored if "source-serif" in one["dest"])
    assert {version for _, version in named} == {pinned}
    client = open_site().test_client()
    sizes = {}
    for name, version in named:
        with client.get(f"/static/{name}?v={version}") as answer:
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            sizes[name] = len(answer.data)
    preloaded = re.findall(
        '<link rel="preload" [^>]*href="/static/([^"]+)"', client.get("/blog").text
    )
    assert set(preloaded) < {f"{name}?v={version}" for name, version in named}
    assert len(preloaded) == 2
    assert sizes["fonts/source-serif-4-latin-400-normal.woff2"] < 21_000
    assert (
        sum(size for name, size in sizes.items() if "latin-400-n" in name or "n-600" in name)
        < 50_000
    )


@pytest.mark.parametrize(("font", "variable"), [("sans", "sans"), ("system", "local")])
def test_another_font_is_one_of_the_devices(font, variable):
    client = open_site(font=font).test_client()
    assert "woff2" not in client.get("/blog").text
    answer = client.get("/look.css")
    assert f"--serif: var(--{variable});" in answer.text
    assert f"--{variable}: " in STYLE


def test_without_a_choice_there_is_none():
    client = open_site(write_post("one")).test_client()
    assert "look.css" not in client.get("/blog").text
    assert client.get("/look.css").status_code == 404


class TestScheme:
    """Light or dark pages, chosen by a reader: a cookie that one stylesheet looks at."""

    PAGE = "http://localhost/blog/one?x=1"

    def choose(self, client, scheme, **headers):
        asked = {"Sec-Fetch-Site": "same-origin", "Referer": self.PAGE} | headers
        asked = {name: value for name, value in asked.items() if value is not None}
        return client.post("/scheme.css", data={"scheme": scheme}, headers=asked)

    def test_is_kept_in_a_cookie_of_which_no_page_knows(self):
        client = open_site(write_post("one"), scheme_switch=True).test_client()
        before = client.get("/blog/one")
        answer = self.choose(client, "dark")
        assert (answer.status_code, answer.location) == (303, "/blog/one?x=1")
        assert "theme-color" not in before.text  # it would follow the device
        cookie = "viblog_scheme=dark; Expires"
        assert answer.headers["Set-Cookie"].startswith(cookie)
        assert "HttpOnly; Path=/; SameSite=Lax" in answer.headers["Set-Cookie"]
        sheet = client.get("/scheme.css")
        assert "color-scheme: dark" in sheet.text
        assert (sheet.headers["Vary"], sheet.headers["Cache-Control"][:8]) == ("Cookie", "private,")
        after = client.get("/blog/one")
        assert (after.data, after.headers["ETag"]) == (before.data, before.headers["ETag"])
        self.choose(client, "auto")
        assert "color-scheme" not in client.get("/scheme.css").text
        assert client.get_cookie("viblog_scheme") is None

    @pytest.mark.parametrize(
        ("site_url", "cookie"),
        [
            ("https://blog.example", "__Host-viblog_scheme"),
            ("https://blog.example/notes", "__Secure-viblog_scheme"),
        ],
    )
    def test_over_https_is_for_https_alone(self, site_url, cookie):
        client = open_site(site_url=site_url, scheme_switch=True).test_client()
        form = {"data": {"scheme": "dark"}, "headers": {"Sec-Fetch-Site": "same-origin"}}
        answer = client.post("/scheme.css", base_url=site_url, **form)
        assert answer.headers["Set-Cookie"].startswith(f"{cookie}=dark; ")
        path = site_url.removeprefix("https://blog.example") or "/"
        assert f"; Secure; HttpOnly; Path={path}; " in answer.headers["Set-Cookie"]
        assert "color-scheme: dark" in client.get("/scheme.css", base_url=site_url).text
        other = open_site(site_url=site_url, scheme_switch=True).test_client()
        other.set_cookie("viblog_scheme", "dark", domain="blog.example")  # http's, or a sibling's
        assert "color-scheme" not in other.get("/scheme.css", base_url=site_url).text

    @pytest.mark.parametrize(
        ("scheme", "headers", "status"),
        [
            ("dark", {"Sec-Fetch-Site": "cross-site"}, 403),
            ("dark", {"Sec-Fetch-Site": None, "Origin": "http://evil.example"}, 403),
            ("blue", {}, 400),
            ("", {}, 400),
            ("x" * 16 * 1024, {}, 413),
        ],
    )
    def test_is_chosen_on_our_own_pages_only(self, scheme, headers, status):
        answer = self.choose(open_site(scheme_switch=True).test_client(), scheme, **headers)
        assert answer.status_code == status
        assert "Set-Cookie" not in answer.headers

    @pytest.mark.parametrize(
        ("came_from", "target"),
        [
            ("http://evil.example/x", "/blog"),
            ("http://localhost//evil.example", "/evil.example"),
            ("http://[", "/blog"),
            ("", "/blog"),
        ],
    )
    def test_never_leads_to_another_host(self, came_from, target):
        answer = self.choose(
            open_site(scheme_switch=True).test_client(), "light", Referer=came_from
        )
        assert answer.location == target

    def test_whose_form_does_not_come_is_given_up(self, monkeypatch):
        class Never(BytesIO):
            def readinto(self, buffer):
                gevent.sleep(60)

        monkeypatch.setattr("blog.pages.blueprint.FORM_SECONDS", 0.01)
        answer = (
            open_site(scheme_switch=True)
            .test_client()
            .post(
                "/scheme.css",
                input_stream=Never(b"scheme=dark"),
                content_type="application/x-www-form-urlencoded",
            )
        )
        assert answer.status_code == 408

    def test_a_cookie_of_another_value_is_as_none(self):
        client = open_site(scheme_switch=True).test_client()
        client.set_cookie("viblog_scheme", "}")
        assert client.get("/scheme.css").text.startswith('.scheme [value="auto"]')

    def test_is_not_there_unless_it_is_set(self):
        client = open_site(write_post("one")).test_client()
        assert "scheme" not in client.get("/blog").text.replace("color-scheme", "")
        assert client.get("/scheme.css").status_code == 404
        assert self.choose(client, "dark").status_code == 404


class TestIcons:
    """The icon as a PNG for telephones, and a logo: files in `static/`."""

    def open(self, folder, **settings):
        (folder / "cat.png").write_bytes(make_png("#ff0000ff"))
        (folder / "thin.png").write_bytes(make_png("#ff000000"))
        (folder / "wrong.svg").write_text("no picture")
        return open_site(write_post("one"), static=(folder, ROOT / "static"), **settings)

    @pytest.mark.parametrize(
        ("icon", "corner", "centre"),
        [
            ("favicon.svg", (0xFA, 0xF8, 0xF4), (47, 158, 114)),
            ("cat.png", (255, 0, 0), (255, 0, 0)),
            ("thin.png", (0xFA, 0xF8, 0xF4), (0xFA, 0xF8, 0xF4)),
        ],
    )
    def test_are_a_png_for_telephones(self, tmp_path, icon, corner, centre):
        client = self.open(tmp_path, icon=icon).test_client()
        page = client.get("/blog").text
        assert f'<link rel="icon" href="/static/{icon}?v=' in page
        url = re.search('<link rel="apple-touch-icon" href="([^"]+)">', page)
        assert url is not None
        answer = client.get(url[1])
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        picture = Image.open(BytesIO(answer.data))
        assert (picture.format, picture.size) == ("PNG", (180, 180))
        assert (picture.getpixel((2, 90)), picture.getpixel((90, 90))) == (corner, centre)

    def test_that_are_no_picture_are_not_there(self, tmp_path):
        client = self.open(tmp_path, icon="wrong.svg").test_client()
        assert client.get("/blog").status_code == 200
        assert client.get("/apple-touch-icon.png").status_code == 404

    def test_a_logo_stands_in_place_of_the_name_with_its_size(self, tmp_path):
        page = self.open(tmp_path, logo="cat.png").test_client().get("/blog").text
        version = re.search(r"cat\.png\?v=(\w+)", page)
        assert version is not None
        logo = f'<img src="/static/cat.png?v={version[1]}" alt="Viblog" width="30" height="20">'
        assert f'<a href="/blog">{logo}</a>' in page


def make_png(colour):
    png = BytesIO()
    Image.new("RGBA", (30, 20), colour).save(png, "PNG")
    return png.getvalue()
