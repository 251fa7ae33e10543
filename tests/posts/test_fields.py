"""The fields of the front matter that say where, when and for whom a post is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from blog.posts import Post
from blog.posts.fields import Fields
from blog.posts.frontmatter import FrontMatter
from blog.posts.reader import Reading, read_post
from blog.posts.schema import NAMES

BERLIN = ZoneInfo("Europe/Berlin")

FOUR_FORMATS = {
    "yaml": """---
title: Part one
expires: 2027-01-01
series: Stars
aliases: [/2019/old.html, older]
canonical: https://example.org/first
image: /static/sky.jpg
lang: no
presence: false
mood: calm
---
""",
    "toml": """+++
title = "Part one"
expires = 2027-01-01
series = ["Stars"]
aliases = ["/2019/old.html", "older"]
canonical = "https://example.org/first"
image = "/static/sky.jpg"
lang = "no"
presence = false
mood = "calm"
+++
""",
    "json": """{
"title": "Part one",
"expires": "2027-01-01",
"series": "Stars",
"aliases": ["/2019/old.html", "older"],
"canonical": "https://example.org/first",
"image": "/static/sky.jpg",
"lang": "no",
"presence": false,
"mood": "calm"}
""",
    "elixir": """%{
title: "Part one",
expires: ~D[2027-01-01],
series: "Stars",
aliases: ["/2019/old.html", "older"],
canonical: "https://example.org/first",
image: "/static/sky.jpg",
lang: "no",
presence: false,
mood: "calm"}
---
""",
}


def read_file(source: str, name: str = "hello.md", zone: Any = UTC) -> Reading:
    return read_post(Path("posts") / name, PurePosixPath(name), source.encode(), zone)


def read(source: str, name: str = "hello.md", zone: Any = UTC) -> Post:
    reading = read_file(source, name, zone)
    assert reading.faults == ()
    assert reading.post is not None
    return reading.post


def faults(lines: str) -> list[tuple[int, str]]:
    reading = read_file(f"---\ntitle: T\n{lines}\n---\n")
    return [(fault.line, fault.found) for fault in reading.faults]


@pytest.mark.parametrize("source", FOUR_FORMATS.values(), ids=FOUR_FORMATS.keys())
def test_each_format_has_every_field(source: str):
    post = read(source)
    assert post.expires == datetime(2027, 1, 1, tzinfo=UTC)
    assert post.series == "Stars"
    assert post.aliases == ("/2019/old.html", "/older")
    assert (post.canonical, post.image) == ("https://example.org/first", "/static/sky.jpg")
    assert (post.lang, post.presence) == ("no", False)
    assert dict(post.extra) == {"mood": "calm"}
    assert (post.line_of("expires"), post.line_of("mood")) == (3, 10)


def test_a_post_without_them_is_counted_and_never_expires():
    post = read("# T\n")
    assert (post.expires, post.series, post.aliases, post.presence) == (None, "", (), True)
    assert (post.canonical, post.image, post.lang) == ("", "", "")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("expires: soon", 'expires: found "soon"'),
        ("series: [a, b]", "series: found 2 of them"),
        ("series: {a: b}", "series: found a mapping"),
        ("aliases: /?p=12", 'aliases: found "/?p=12"'),
        ("aliases: //evil.example/x", 'aliases: found "//evil.example/x"'),
        ("aliases: /a/../b", 'aliases: found "/a/../b"'),
        ("aliases: '/a b'", 'aliases: found "/a b"'),
        ("aliases: 'javascript:x'", 'aliases: found "javascript:x"'),
        ("aliases: /", 'aliases: found "/"'),
        ("aliases: https://example.org", 'aliases: found "https://example.org"'),
        ("canonical: /blog/x", 'canonical: found "/blog/x"'),
        ("canonical: 'javascript:alert(1)'", 'canonical: found "javascript:alert(1)"'),
        ("canonical: 'http://[::1'", 'canonical: found "http://[::1"'),
        ("image: ../../secret.png", 'image: found "../../secret.png"'),
        ("image: '//evil.example/x.png'", 'image: found "//evil.example/x.png"'),
        ("image: 'data:image/png;base64,x'", 'image: found "data:image/png;base64,x"'),
        ("lang: German language", 'lang: found "German language"'),
        ("presence: maybe", 'presence: found "maybe"'),
    ],
)
def test_a_bad_value_is_one_fault_on_its_line(line: str, found: str):
    assert faults(f"date: 2026-01-01\n{line}") == [(4, found)]


def test_a_post_cannot_expire_before_its_date():
    assert faults("date: 2026-05-02\nexpires: 2026-05-02") == [(4, 'expires: found "2026-05-02"')]


def test_an_old_address_may_be_a_whole_one():
    aliases = read("---\ntitle: T\naliases: https://old.example/2019/x/\n---\n").aliases
    assert aliases == ("/2019/x/",)


@pytest.mark.parametrize(
    "written",
    ["2026-07-01", "2026-07-01 00:00", "'1 July 2026'", "2026-06-30T22:00:00Z"],
)
def test_a_date_without_a_zone_is_one_of_the_sites(written: str):
    post = read(f"---\ntitle: T\ndate: {written}\n---\n", zone=BERLIN)
    assert post.date == datetime(2026, 6, 30, 22, tzinfo=UTC)


def test_toml_s_local_dates_and_the_name_of_the_file_are_the_sites_too():
    toml = "+++\ntitle = 'T'\ndate = 2026-07-01T00:00:00\n+++\n"
    for post in (read(toml, zone=BERLIN), read("# T\n", "2026-07-01-t.md", zone=BERLIN)):
        assert post.date == datetime(2026, 6, 30, 22, tzinfo=UTC)
        assert post.date.utcoffset() == timedelta(hours=2)


def test_the_first_day_that_no_zone_has_in_utc_is_a_fault():
    reading = read_file("# T\n", "0001-01-01-t.md", zone=ZoneInfo("Asia/Tokyo"))
    assert [fault.found for fault in reading.faults] == [
        "date: found 0001-01-01 in the file's name"
    ]


def test_a_state_follows_from_the_date_the_expiry_and_the_moment():
    post = read("---\ntitle: T\ndate: 2026-05-01\nexpires: 2026-06-01\n---\n")
    may, june = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    moments = (may - timedelta.resolution, may, june - timedelta.resolution, june)
    states = ["scheduled", "published", "published", "expired"]
    assert [post.state_at(moment) for moment in moments] == states
    draft = read("---\ntitle: T\ndraft: true\ndate: 2026-05-01\n---\n")
    assert draft.state_at(june) == "draft"


LINKED = (
    "Ada Lovelace ([@ada](https://example.org/ada)), Grace Hopper ([@grace](https://example.org/g))"
    " and Mary Jackson, who measured"
)


def test_an_author_s_links_lose_their_addresses():
    post = read(f'---\ntitle: T\nauthor: "{LINKED}"\n---\n')
    assert post.authors == (
        "Ada Lovelace (@ada), Grace Hopper (@grace) and Mary Jackson, who measured",
    )
    assert post.hints == ()


@pytest.mark.parametrize(
    ("name", "limit"),
    [("title", 500), ("description", 10_000), ("author", 200), ("tags", 100), ("series", 100)],
)
def test_what_is_too_long_is_cut_with_a_hint_and_keeps_no_post_back(name: str, limit: int):
    other = "" if name == "title" else "title: T\n"
    post = read(f"---\n{other}{name}: {'long ' * 3000}\n---\n")
    values = {
        "title": post.title,
        "author": "".join(post.authors),
        "tags": "".join(post.tags),
        "series": post.series,
        "description": post.description,
    }
    assert values[name].endswith("…")
    assert len(values[name]) <= limit
    (hint,) = post.hints
    assert hint.line == (2 if name == "title" else 3)
    assert hint.expected == f"at most {limit}"


def test_more_tags_than_anybody_reads_are_a_hint():
    post = read(f"---\ntitle: T\ntags: [{', '.join(f't{n}' for n in range(150))}]\n---\n")
    assert len(post.tags) == 100
    assert [hint.found for hint in post.hints] == ["tags: found 150 of them"]


def test_categories_beside_tags_are_no_unknown_field():
    post = read("---\ntitle: T\ntags: [a]\ncategories: [b]\nCategory: c\nmood: calm\n---\n")
    assert post.tags == ("a",)
    assert dict(post.extra) == {"mood": "calm"}


@pytest.mark.parametrize("image", ["d.svg", "/static/d.AVIF?v=1", "https://a.example/d.svg#x"])
def test_a_picture_that_other_sites_do_not_show_is_a_hint(image: str):
    post = read(f"---\ntitle: T\nimage: {image}\n---\n")
    assert post.image == image
    assert [hint.found for hint in post.hints] == [f'image: found "{image}"']


def test_the_schema_lists_exactly_the_fields_that_are_read():
    """Each name that the reader asks for, `tags` without success so that all stand-ins are."""
    fields = Fields(FrontMatter(dict.fromkeys(NAMES)))
    fields.authors(), fields.tags(), fields.slug(), fields.is_draft(), fields.aliases()
    fields.series(), fields.canonical(), fields.image(), fields.lang(), fields.expires(None)
    fields.text("title"), fields.text("description"), fields.switch("presence")
    fields.text("image_alt"), fields.text("image_caption")
    fields.date("date"), fields.date("updated"), fields.number("menu")
    assert dict(fields.rest()) == {}
    post = read("---\ntitle: T\n" + "".join(f"{name}:\n" for name in NAMES - {"title"}) + "---\n")
    assert dict(post.extra) == {}
