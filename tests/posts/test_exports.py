"""Exports of WordPress and Ghost become posts and pages; nothing of them is lost without a word."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blog.importing import ImportSourceError
from blog.importing.html_text import write_body
from blog.posts.markup.markdown import render_markdown
from tests.posts.imported import Imported, put

HEAD = """<?xml version="1.0" encoding="UTF-8" ?>
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:wp="http://wordpress.org/export/1.2/">
<channel><title>Old</title><link>https://old.example</link>
<wp:author><wp:author_login>ada</wp:author_login>
<wp:author_display_name><![CDATA[Ada Lovelace]]></wp:author_display_name></wp:author>
"""
END = "</channel></rss>"


def item(number: int, name: str, content: str = "Text.", kind: str = "post", **more: str) -> str:
    values = {"status": "publish", "date": "2020-01-02 09:00:00", "link": "", "rest": "", **more}
    return f"""<item><title>The &amp;#8220;{name}&amp;#8221;</title><link>{values["link"]}</link>
<dc:creator>ada</dc:creator><content:encoded><![CDATA[{content}]]></content:encoded>
<excerpt:encoded><![CDATA[]]></excerpt:encoded><wp:post_id>{number}</wp:post_id>
<wp:post_date_gmt>{values["date"]}</wp:post_date_gmt>
<wp:post_modified_gmt>2020-02-03 09:00:00</wp:post_modified_gmt>
<wp:post_name>{name}</wp:post_name><wp:status>{values["status"]}</wp:status>
<wp:post_type>{kind}</wp:post_type>{values["rest"]}</item>
"""


CLASSIC = """One *paragraph*
of two lines.

[caption id="a"]<img src="https://old.example/wp-content/uploads/sky-3x2.png"> A sky[/caption]

<pre>a

    b</pre>
https://video.example/1

[gallery ids="1,2"]<!--more--> Then.<ul>
<li>one</li>
</ul>"""
BLOCKS = """<!-- wp:paragraph {"a":1} -->
<p>New.</p>
<!-- /wp:paragraph -->

<!-- wp:html -->
<b>x</b>
<!-- /wp:html -->"""
REST = """<category domain="category" nicename="news"><![CDATA[News]]></category>
<category domain="post_tag" nicename="sky"><![CDATA[sky]]></category>
<wp:postmeta><wp:meta_key>_thumbnail_id</wp:meta_key><wp:meta_value>9</wp:meta_value></wp:postmeta>
<wp:postmeta><wp:meta_key>mood</wp:meta_key><wp:meta_value>calm</wp:meta_value></wp:postmeta>
<wp:comment><wp:comment_id>1</wp:comment_id></wp:comment>
<wp:comment><wp:comment_id>2</wp:comment_id></wp:comment>"""


@pytest.fixture
def wordpress(tmp_path: Path) -> Imported:
    url = "<wp:attachment_url>https://old.example/wp-content/uploads/sky.png</wp:attachment_url>"
    items = [
        item(1, "hello", CLASSIC, link="https://old.example/2020/01/hello/", rest=REST),
        item(2, "%d0%bc%d0%b8%d1%80", BLOCKS, link="https://old.example//%d0%bc%d0%b8%d1%80/"),
        item(
            3, "idea", status="draft", date="0000-00-00 00:00:00", link="https://old.example/?p=3"
        ),
        item(4, "about", kind="page", link="https://old.example/me/about/"),
        item(5, "gone", status="trash"),
        item(6, "own", status="private"),
        item(7, "entry", kind="nav_menu_item"),
        item(8, "locked", rest="<wp:post_password>abc</wp:post_password>"),
        item(9, "sky", kind="attachment", status="inherit", rest=url),
    ]
    put(tmp_path / "site", "blog.xml", HEAD + "".join(items) + END)
    put(tmp_path / "site", "wp-content/uploads/sky.png", b"picture")
    return Imported(tmp_path / "site" / "blog.xml")


def test_posts_and_pages_of_wordpress_keep_their_fields_and_addresses(wordpress: Imported):
    post = wordpress.posts["hello"]
    assert (post.title, post.authors, post.tags) == (
        "The “hello”",
        ("Ada Lovelace",),
        ("sky", "News"),
    )
    assert post.date == datetime(2020, 1, 2, 9, tzinfo=UTC)
    assert post.updated == datetime(2020, 2, 3, 9, tzinfo=UTC)
    assert (post.aliases, post.image) == (("/2020/01/hello/",), "sky.png")
    assert wordpress.posts["мир"].aliases == ("/%d0%bc%d0%b8%d1%80/",)
    assert wordpress.pages["about"].aliases == ("/me/about/",)
    drafts = {one.id for one in wordpress.posts.values() if one.draft}
    assert drafts == {"idea", "locked", "own"}
    assert wordpress.posts["idea"].date is None


def test_what_wordpress_has_beside_them_is_named(wordpress: Imported):
    assert wordpress.notes("blog.xml#1") == [
        "left out: 2 comments",
        "left in the text: the short codes gallery",
        "left out: mood",
    ]
    assert wordpress.notes("blog.xml#3") == []
    assert wordpress.notes("blog.xml#5") == ["its status is trash"]
    assert wordpress.notes("blog.xml#6") == ["status: private became draft: true"]
    assert wordpress.notes("blog.xml#8") == ["it had a password, and became draft: true"]
    assert wordpress.notes("blog.xml#nav_menu_item") == ["1 of this kind"]
    assert wordpress.notes("blog.xml#attachments") == [
        "an attachment, copied where a post shows it:"
        " https://old.example/wp-content/uploads/sky.png"
    ]


def test_the_text_of_wordpress_is_shown_as_it_was(wordpress: Imported):
    html = render_markdown(wordpress.posts["hello"]).html
    assert "<p>One *paragraph*<br>\nof two lines.</p>" in html
    assert 'src="/blog/hello/sky.png"' in html
    assert "<figcaption> A sky</figcaption>" in html
    assert "a\n\n    b</pre>" in html
    assert 'href="https://video.example/1"' in html
    assert "<li>one</li>" in html
    assert "more--" not in html
    html = render_markdown(wordpress.posts["мир"]).html
    assert "<p>New.</p>" in html
    assert "<p><b>x</b></p>" in html
    assert "wp:" not in html


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><rss>&b;</rss>',
            "found a document type or an entity",
        ),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><rss/>', "found a document type or an entity"),
        ("<html><body/></html>", "found <html>, no export of WordPress"),
        ("<rss><channel>", "it is no XML (no element found"),
        ("{}", "it is no export of Ghost (KeyError)"),
        ("{" * 100_000, "it is no export of Ghost"),
        ('<?xml version="1.0" encoding="none"?><rss/>', "it is no XML (unknown encoding: none)"),
        ('{"db": [{"data": {"posts": 3}}]}', "its posts are no list"),
        (
            "PK",
            "found another file, expected a folder, WordPress's export (.xml) or Ghost's (.json)",
        ),
    ],
)
def test_a_file_that_is_no_export_is_refused_in_one_line(tmp_path: Path, text: str, said: str):
    path = put(tmp_path / "site", "export", text)
    with pytest.raises(ImportSourceError) as raised:
        Imported(path)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


LOCKED = (
    "<wp:post_password>abc</wp:post_password>"
    "<wp:postmeta><wp:meta_key>draft</wp:meta_key><wp:meta_value>no</wp:meta_value></wp:postmeta>"
    "<wp:postmeta><wp:meta_key>date</wp:meta_key><wp:meta_value>soon</wp:meta_value></wp:postmeta>"
)


def test_a_field_of_ones_own_makes_nothing_public_in_wordpress(tmp_path: Path):
    path = put(tmp_path / "site", "blog.xml", HEAD + item(1, "locked", rest=LOCKED) + END)
    post = Imported(path).posts["locked"]
    assert post.draft
    assert post.date == datetime(2020, 1, 2, 9, tzinfo=UTC)


def test_what_is_odd_in_wordpress_costs_no_other_post(tmp_path: Path):
    odd = [
        item(1, "one").replace("post_id>1<", "post_id>../../1<"),
        item(2, "two", link="http://["),
        item(3, "three", kind="../type"),
        item(4, "four", '<img src="a%00.png"><img src="' + "x" * 300 + '.png">'),
    ]
    imported = Imported(put(tmp_path / "site", "blog.xml", HEAD + "".join(odd) + END))
    assert list(imported.posts) == ["four", "one", "two"]
    assert list(imported.outcomes) == [f"blog.xml#{name}" for name in (".._.._1", 2, 4, ".._type")]


MEASURE = """
import sys, tracemalloc
from pathlib import Path
from blog.importing.wordpress import read_wordpress
tracemalloc.start()
print(sum(1 for _ in read_wordpress(Path(sys.argv[1]))), tracemalloc.get_traced_memory()[1])
"""


def test_a_large_export_is_read_as_a_stream(tmp_path: Path):
    comments = (
        "<wp:comment><wp:comment_content>" + "x" * 1000 + "</wp:comment_content></wp:comment>"
    )
    path = tmp_path / "large.xml"
    with path.open("w") as file:
        file.write(HEAD)
        for number in range(300):
            file.write(item(number, f"p{number}", rest=comments * 100))
        file.write(END)
    assert path.stat().st_size > 30_000_000
    # In a process of its own: what others do in this one is counted, too.
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True
    )
    found, peak = map(int, done.stdout.split())
    assert found == 300
    assert peak < 3_000_000


@pytest.mark.parametrize(
    "hostile", ["<!-- wp:", "[caption]<img ", "[embed]http://", "<pre>", "[a ", "<ul>"]
)
def test_what_is_never_closed_takes_little_time(hostile: str):
    assert write_body(hostile * (200_000 // len(hostile)))[0]


GHOST = {
    "posts": [
        {
            "id": "1",
            "title": "Hello",
            "slug": "hello",
            "html": '<img src="__GHOST_URL__/content/images/sky.png"><!--kg-card-begin: html-->',
            "feature_image": "__GHOST_URL__/content/images/none.png",
            "type": "post",
            "status": "published",
            "visibility": "public",
            "custom_excerpt": "In short.",
            "published_at": "2020-01-02T09:00:00.000Z",
            "updated_at": "2020-02-03T09:00:00.000Z",
        },
        {
            "id": "2",
            "title": "About",
            "slug": "about",
            "html": "<p>Me.</p>",
            "type": "page",
            "status": "published",
        },
        {
            "id": "3",
            "title": "Idea",
            "slug": "idea",
            "html": "<p>.</p>",
            "type": "post",
            "status": "draft",
        },
        {
            "id": "4",
            "title": "Paid",
            "slug": "paid",
            "html": "<p>.</p>",
            "status": "published",
            "visibility": "paid",
        },
        {"id": "5", "title": "Empty", "slug": "empty", "html": None, "status": "published"},
    ],
    "tags": [{"id": "t1", "name": "Sky"}, {"id": "t2", "name": "#internal"}],
    "posts_tags": [
        {"post_id": "1", "tag_id": "t2", "sort_order": 1},
        {"post_id": "1", "tag_id": "t1", "sort_order": 0},
    ],
    "users": [{"id": "u1", "name": "Ada"}],
    "posts_authors": [{"post_id": "1", "author_id": "u1"}],
    "settings": [{}, {}],
}


def test_what_is_odd_in_ghost_costs_no_other_post(tmp_path: Path):
    usual = {"html": "<p>.</p>", "status": "published"}
    tables = {
        "posts": [
            {"id": "../../1", "slug": "one", **usual},
            {"id": [2], "slug": "two", "author_id": {}, **usual},
            {"id": "3", "slug": "three", **usual, "html": "\ud800"},
            {"id": "4", "slug": "four", **usual, "feature_image": "a\0.png"},
        ],
        "users": [{"id": [1], "name": "Ada"}],
        "posts_tags": [{"post_id": "1", "tag_id": []}],
        "posts_meta": [{"post_id": {}}],
        "../x": [{}],
    }
    path = put(tmp_path / "site", "ghost.json", json.dumps({"data": tables}))
    imported = Imported(path)
    assert sorted(imported.posts) == ["four", "one", "two"]
    assert imported.kinds() == {
        "ghost.json#.._.._1": "imported",
        "ghost.json#[2]": "imported",
        "ghost.json#3": "left out",
        "ghost.json#4": "imported",
        "ghost.json#.._x": "left out",
    }
    assert imported.notes("ghost.json#3") == ["it has half of a character, which no file can hold"]


def test_an_export_of_ghost(tmp_path: Path):
    put(tmp_path / "site", "ghost.json", json.dumps({"db": [{"meta": {}, "data": GHOST}]}))
    put(tmp_path / "site", "content/images/sky.png", b"picture")
    imported = Imported(tmp_path / "site" / "ghost.json")
    post = imported.posts["hello"]
    assert (post.description, post.authors, post.tags) == ("In short.", ("Ada",), ("Sky",))
    assert post.aliases == ("/hello/",)
    assert post.date == datetime(2020, 1, 2, 9, tzinfo=UTC)
    assert 'src="/blog/hello/sky.png"' in render_markdown(post).html
    assert imported.pages["about"].aliases == ()
    assert [one.id for one in imported.posts.values() if one.draft] == ["idea", "paid"]
    assert imported.notes("ghost.json#1") == [
        "left out: the tags #internal",
        "the file /content/images/none.png is not there",
    ]
    assert imported.notes("ghost.json#4") == ["it is for paid, published, and became draft: true"]
    assert imported.notes("ghost.json#5") == [
        "it has no HTML; save it again in Ghost, and export once more"
    ]
    assert imported.notes("ghost.json#settings") == ["2 of this kind"]
