"""`flask posts new`, `check` with links, and `preview`, on the whole application."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result
from flask import Flask

from blog.cli import posts_cli
from blog.config import Settings
from blog.factory import create_app
from blog.posts import Library
from blog.posts.preview import read_preview
from blog.setting_kinds import MENU
from tests.pictures.photos import draw, write_plain

SECRET = "0123456789abcdef" * 2


def run(folder: Path, *arguments: str, **settings: Any) -> Result:
    app = create_app(Settings(posts_dir=folder, pages_dir=folder / ".pages", **settings))
    return app.test_cli_runner().invoke(args=["posts", *arguments])


def put(folder: Path, name: str, body: str = "Text.", **fields: str) -> Path:
    path = folder / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    front = "".join(f"{field}: {value}\n" for field, value in {"title": name, **fields}.items())
    path.write_text(f"---\n{front}---\n{body}\n")
    return path


def said(folder: Path, *arguments: str, **settings: Any) -> list[str]:
    """Return the lines that the check prints of a folder's posts, without the folder."""
    result = run(folder, "check", *arguments, **settings)
    return result.stdout.replace(f"{folder}/", "").splitlines()


def problems(folder: Path, **settings: Any) -> list[str]:
    """Return place and finding of each line that the check prints."""
    return [line.partition(", expected")[0] for line in said(folder, **settings)]


def test_a_new_post_is_a_draft_of_now_and_its_path_is_printed(tmp_path: Path):
    began = datetime.now(UTC).replace(second=0, microsecond=0)
    result = run(tmp_path / "posts", "new", "Écrire: “it's” #1")
    path = tmp_path / "posts" / "écrire-its-1.md"
    assert (result.exit_code, result.stdout) == (0, f"{path}\n")
    lines = path.read_text().splitlines()
    date = datetime.fromisoformat(lines[3].removeprefix("date: "))
    assert began <= date <= datetime.now(UTC)
    assert lines[:3] + lines[4:] == [
        "---",
        "title: 'Écrire: “it''s” #1'",
        "description: ''",
        "tags: []",
        "draft: true",
        "---",
        "",
    ]
    assert run(tmp_path / "posts", "list").stdout.endswith("  Écrire: “it's” #1  (draft)\n")


def test_a_new_post_s_date_has_the_site_s_zone(tmp_path: Path):
    app = Flask("bare")
    library = Library(tmp_path, zone=ZoneInfo("Asia/Kolkata"))
    app.extensions["viblog"] = SimpleNamespace(library=library)
    app.cli.add_command(posts_cli)
    app.test_cli_runner().invoke(args=["posts", "new", "Hello"])
    assert "+05:30\n" in (tmp_path / "hello.md").read_text()


def test_a_new_post_can_be_published_at_once(tmp_path: Path):
    run(tmp_path, "new", "Hello", "--publish", "--slug", "Good day")
    assert run(tmp_path, "list").stdout.endswith("  good-day  Hello\n")


def test_a_new_post_never_takes_another_one_s_file_or_address(tmp_path: Path):
    kept = put(tmp_path, "hello").read_text()
    result = run(tmp_path, "new", "Hello")
    assert result.exit_code == 1
    assert f"{tmp_path}/hello.md has this address already" in result.output
    assert (tmp_path / "hello.md").read_text() == kept
    put(tmp_path, "2026-01-01-deep", draft="true")
    assert "2026-01-01-deep.md has this address already" in run(tmp_path, "new", "deep").output
    (tmp_path / "broken.md").write_text("---\ndate: never\n---\n")
    assert "broken.md has this address already" in run(tmp_path, "new", "Broken").output
    assert (tmp_path / "broken.md").read_text() == "---\ndate: never\n---\n"
    (tmp_path / "other.markdown").write_text("---\ndate: never\n---\n")
    assert "other.markdown has this address already" in run(tmp_path, "new", "Other").output


@pytest.mark.parametrize("title", ["", "  ", "🎉", "x" * 300, "你" * 90])
def test_a_title_that_makes_no_address_is_refused(tmp_path: Path, title: str):
    result = run(tmp_path, "new", title)
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_title_in_any_script_makes_an_address(tmp_path: Path):
    result = run(tmp_path, "new", "Привет, мир!")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'привет-мир.md'}\n")


def test_links_that_lead_somewhere_are_no_faults(tmp_path: Path):
    put(tmp_path, "target", "## A place\n", tags="[c++]", aliases="[/old]")
    (tmp_path / "sky.png").write_bytes(write_plain(draw(30, 20), "PNG"))
    (tmp_path / "paper.pdf").write_bytes(b"paper")
    put(
        tmp_path,
        "a",
        "[1](/blog/target) [2](/blog/target#a-place) [3](target) [4](#here) [5](/tags) [6](/)\n"
        "[7](/old/) [8](/static/style.css) [9](mailto:a@example.org) [10](//example.org/x)\n"
        "[11](https://example.org/none) [12](paper.pdf) ![13](sky.png) ![14](/blog/a/sky.png)\n"
        "[15](https://me.example/blog/target) [16](/archive) [17](/blog/target/) [18](/?page=1)\n\n"
        "`[x](/blog/none)`\n\n## Here\n",
        image="sky.png",
    )
    assert said(tmp_path, site_url="https://me.example") == ["2 posts, no faults"]


def test_each_broken_link_is_a_fault_on_each_of_its_lines(tmp_path: Path):
    put(tmp_path, "secret", draft="true")
    put(
        tmp_path,
        "a",
        "[1](/blog/none)\n[2](/blog/nonesuch) [3](/blog/none)\n[4]: /blog/a#nowhere\n[see][4]\n"
        "[5](/blog/secret)\n[6](/nothing)\n[7](https://me.example/gone)\n"
        '<a href="/?page=99">8</a>\n[9](other.md)',
    )
    assert problems(tmp_path, site_url="https://me.example")[:-1] == [
        "a.md:4: the link /blog/none: there is no such page",
        "a.md:5: the link /blog/none: there is no such page",
        "a.md:5: the link /blog/nonesuch: there is no such page",
        "a.md:6: the link /blog/a#nowhere: there is no such place in a.md",
        "a.md:8: the link /blog/secret: that post is hidden",
        "a.md:9: the link /nothing: there is no such page",
        "a.md:10: the link https://me.example/gone: there is no such page",
        "a.md:11: the link /?page=99: there is no such page",
        "a.md:12: the link other.md: there is no such page",
    ]


def test_each_missing_picture_is_a_fault(tmp_path: Path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "sky.png").write_bytes(b"of another folder")
    body = '![1](sky.png)\n![2](/static/none.png)\n<video poster="none.jpg"></video>'
    put(tmp_path, "a", body, image="cover.png")
    assert [line.partition(": there")[0] for line in problems(tmp_path)] == [
        "a.md:3: image: found cover.png",
        "a.md:5: the image sky.png",
        "a.md:6: the image /static/none.png",
        "a.md:7: the image none.jpg",
    ]


def test_a_draft_may_link_to_a_draft(tmp_path: Path):
    put(tmp_path, "a", "[b](b)", draft="true")
    put(tmp_path, "b", draft="true")
    assert said(tmp_path)[-1] == "2 posts, no faults"


def test_pages_are_checked_as_posts_are(tmp_path: Path):
    pages = tmp_path / ".pages"
    put(tmp_path, "text", "[1](/what#in-short) [2](/how/) [3](/what#nowhere) [4](/soon)")
    put(tmp_path, "plan", draft="true")
    put(
        pages,
        "what",
        "## In short\n\n[1](how) [2](#in-short) [3](how.md) [4](blog/text) ![5](sky.png)\n\n"
        "[6](#nowhere) [7](blog/none) ![8](none.png) [9](/blog/plan) [10](/blog/text#none)\n",
    )
    (pages / "sky.png").write_bytes(write_plain(draw(30, 20), "PNG"))
    put(pages, "how", aliases="[/tags, /old]")
    put(pages, "soon", "[1](#none) [2](/blog/plan)", draft="true")
    put(pages, "bad", menu="first")
    put(pages, "tags")
    put(pages, "search", slug="Archive")
    assert problems(tmp_path) == [
        '.pages/bad.md:3: menu: found "first"',
        '.pages/how.md:3: aliases: found "/tags", which is a page of the blog',
        ".pages/search.md:3: the address /Archive, which the blog has itself",
        ".pages/soon.md:5: the link #none: there is no such place in soon.md",
        ".pages/tags.md:1: the address /tags, which the blog has itself",
        ".pages/what.md:8: the image none.png: there is no such file beside the page",
        ".pages/what.md:8: the link #nowhere: there is no such place in what.md",
        ".pages/what.md:8: the link /blog/plan: that post is hidden",
        ".pages/what.md:8: the link /blog/text#none: there is no such place in text.md",
        ".pages/what.md:8: the link blog/none: there is no such page",
        "text.md:4: the link /soon: that page is hidden",
        "text.md:4: the link /what#nowhere: there is no such place in what.md",
        "plan.md: a draft",
        ".pages/soon.md: a draft",
    ]
    assert run(tmp_path, "check").stderr.endswith("2 posts, 3 pages, 12 faults\n")


def test_what_the_menu_has_is_looked_up(tmp_path: Path):
    put(tmp_path / ".pages", "impressum")
    put(tmp_path / ".pages", "soon", draft="true")
    menu = (
        "posts, now, impressum, soon, impresum, A = /blog/none, B = /tags, C = https://a.example/"
    )
    assert problems(tmp_path, menu=MENU.read(menu)) == [
        "viblog.toml:1: menu (BLOG_MENU): found /blog/none: there is no such page",
        "viblog.toml:1: menu (BLOG_MENU): found impresum: there is no such page",
        "viblog.toml:1: menu (BLOG_MENU): found soon: that page is hidden",
        ".pages/soon.md: a draft",
    ]


def test_pages_are_listed_and_previewed_by_their_addresses(tmp_path: Path):
    put(tmp_path, "soon", "The post.")
    put(tmp_path / ".pages", "soon", "![a](a.png)", draft="true")
    (tmp_path / ".pages" / "a.png").write_bytes(b"picture")
    assert run(tmp_path, "list").stdout.splitlines() == [
        "no date     soon  soon",
        "no date     /soon  soon  (draft)",
    ]
    link = run(tmp_path, "preview", "/soon", secret_key=SECRET).stdout.strip()
    app = create_app(Settings(posts_dir=tmp_path, pages_dir=tmp_path / ".pages", secret_key=SECRET))
    client = app.test_client()
    shown = client.get(link)
    assert "A preview: this page is not published." in shown.text
    assert f'src="{link}/a.png"' in shown.text
    with client.get(f"{link}/a.png") as picture:
        assert picture.data == b"picture"
    assert client.get("/soon").status_code == client.get("/soon/a.png").status_code == 404


def test_an_old_address_that_is_a_page_of_the_blog_is_a_fault(tmp_path: Path):
    put(tmp_path, "a", aliases="[/tags, /free]")
    assert problems(tmp_path) == ['a.md:3: aliases: found "/tags", which is a page of the blog']


def test_unknown_fields_are_hints_and_do_not_fail_the_check(tmp_path: Path):
    put(tmp_path, "a", layout="wide", descripton="Slip")
    put(tmp_path, "b", layout="wide")
    result = run(tmp_path, "check")
    assert result.exit_code == 0
    assert result.stdout.replace(f"{tmp_path}/", "").splitlines() == [
        "a.md:3: hint: layout is no field of this blog, as in 1 more, expected a field it knows, "
        "it is kept, and nothing is done with it",
        "a.md:4: hint: descripton is no field of this blog, expected a field it knows, "
        "do you mean description?",
        "2 posts, no faults, 2 hints",
    ]


def test_what_is_hidden_is_listed(tmp_path: Path):
    put(tmp_path, "a", draft="true")
    put(tmp_path, "b", date="3026-01-01 08:30")
    put(tmp_path, "c", expires="2025-01-01")
    assert said(tmp_path, time_zone=ZoneInfo("UTC")) == [
        "a.md: a draft",
        "b.md: scheduled for 3026-01-01 08:30 UTC",
        "c.md: expired on 2025-01-01 00:00 UTC",
        "3 posts, no faults",
    ]


def test_a_preview_is_a_link_to_one_hidden_post_for_so_many_days(tmp_path: Path):
    path = put(tmp_path, "a", draft="true")
    began = datetime.now(UTC)
    for name in ("a", str(path)):
        result = run(tmp_path, "preview", name, "--days", "3", secret_key=SECRET)
        found = read_preview(SECRET, result.stdout.strip().removeprefix("/preview/"), began)
        assert found is not None
        assert found[0] == "a"
        assert abs(found[1] - began - timedelta(days=3)) < timedelta(minutes=1)


def test_a_preview_begins_with_the_site_s_address(tmp_path: Path):
    put(tmp_path, "a", draft="true")
    site = {"site_url": "https://me.example/", "secret_key": SECRET}
    assert run(tmp_path, "preview", "a", **site).stdout.startswith("https://me.example/preview/")


@pytest.mark.parametrize(
    ("arguments", "secret", "words"),
    [
        (["hello"], "", "export BLOG_SECRET_KEY=$("),
        (["hello"], "", "in the file .env"),
        (["helo"], SECRET, "do you mean hello?"),
        (["xyz"], SECRET, "the command `list` shows every id"),
        (["open"], SECRET, "everyone can see open already"),
        (["hello", "--days", "0"], SECRET, "0 is not in the range"),
        (["hello", "--days", "9999"], SECRET, "9999 is not in the range"),
    ],
)
def test_a_preview_that_cannot_be_says_what_to_do(
    tmp_path: Path, arguments: list[str], secret: str, words: str
):
    put(tmp_path, "hello", draft="true")
    put(tmp_path, "open")
    result = run(tmp_path, "preview", *arguments, secret_key=secret)
    assert result.exit_code != 0
    assert words in result.output
    assert "Traceback" not in result.output


def test_an_import_reports_each_file_and_what_was_left_out(tmp_path: Path):
    put(tmp_path / "old", "a", layout="wide", date="2019-03-04")
    put(tmp_path / "old", "b")
    (tmp_path / "old" / "c.rst").write_text("C\n=\n")
    put(tmp_path / "ours", "b", date="2020-01-01")
    kept = (tmp_path / "ours" / "b.md").read_bytes()
    arguments = ("import", str(tmp_path / "old"), "--address", "/:year/:slug.html")
    expected = [
        f"{tmp_path}/old: plain; old addresses: /:year/:slug.html",
        f"imported: {tmp_path}/old/a.md -> {tmp_path}/ours/a.md",
        "    left out: layout",
        f"kept: {tmp_path}/old/b.md -> {tmp_path}/ours/b.md",
        "    a post of this address is there already",
        f"left out: {tmp_path}/old/c.rst",
        "    it is reStructuredText, not Markdown",
        "1 imported, 1 kept, 1 left out",
    ]
    tried = run(tmp_path / "ours", *arguments, "--dry-run")
    assert tried.stdout.splitlines() == [*expected[:-1], f"{expected[-1]}; nothing was written"]
    assert not (tmp_path / "ours" / "a.md").exists()
    result = run(tmp_path / "ours", *arguments)
    assert (result.exit_code, result.stdout.splitlines()) == (0, expected)
    assert (tmp_path / "ours" / "b.md").read_bytes() == kept
    assert (tmp_path / "ours" / "a.md").read_text() == (
        "---\ntitle: a\ndate: 2019-03-04\naliases: [/2019/a.html]\n---\n\nText.\n"
    )


@pytest.mark.parametrize(
    ("files", "addresses"),
    [
        ({"a.md": "---\ntitle: A\n---\n"}, "unknown; give others with --address"),
        (
            {"2026/11-24-a.md": '%{\n  title: "A"\n}\n---\nText.\n'},
            "/blog/:id, which stay; give others with --address",
        ),
        (
            {
                "hugo.toml": '[permalinks]\nnotes = "/:year/:slug/"\n',
                "content/notes/a.md": "+++\ntitle = 'A'\n+++\n",
            },
            "/:sections/:slugorfilename/; in notes: /:year/:slug/",
        ),
        (
            {
                "hugo.toml": 'uglyURLs = {post = true}\ncontentDir = "content/en"\n',
                "content/en/post/a.md": "+++\ntitle = 'A'\n+++\n",
            },
            "/:sections/:slugorfilename/; in post: /:sections/:slugorfilename.html",
        ),
        (
            {
                "_config.yml": "baseurl: /w\npermalink: pretty\ndefaults:\n"
                "  - scope: {type: posts}\n    values: {permalink: /:title}\n"
                "  - values: {layout: post}\n",
                "_posts/2020-01-02-a.md": "---\ntitle: A\n---\n",
            },
            "/w/:categories/:year/:month/:day/:title/; by the defaults of posts: /w/:title",
        ),
    ],
)
def test_an_import_says_what_it_takes_the_old_addresses_for(
    tmp_path: Path, files: dict[str, str], addresses: str
):
    for name, content in files.items():
        (tmp_path / "old" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "old" / name).write_text(content)
    result = run(tmp_path / "ours", "import", str(tmp_path / "old"), "--dry-run")
    assert result.stdout.splitlines()[0].partition("old addresses: ")[2] == addresses


def test_an_import_says_what_becomes_of_the_old_feeds(tmp_path: Path):
    (tmp_path / "old" / "_posts").mkdir(parents=True)
    (tmp_path / "old" / "_posts" / "2020-01-02-a.md").write_text("# A\n")
    result = run(tmp_path / "ours", "import", str(tmp_path / "old"), "--dry-run")
    told = "old feeds: /feed.xml and /atom.xml will lead to the feed here, with BLOG_SITE_URL set"
    assert result.stdout.splitlines()[1] == told


def test_an_import_takes_no_old_address_from_a_post_of_ours(tmp_path: Path):
    put(tmp_path / "old", "a", aliases="[/x, /y]")
    put(tmp_path / "ours", "b", aliases="[/x/]", draft="true")
    result = run(tmp_path / "ours", "import", str(tmp_path / "old"))
    assert "    left out: the old address /x, which another post has" in result.stdout
    assert run(tmp_path / "ours", "check").exit_code == 0


def test_an_import_names_the_files_that_no_post_shows(tmp_path: Path):
    put(tmp_path / "old", "a")
    (tmp_path / "old" / "a.md").write_text("# A\n\n![](sky.png)\n")
    for name in ("sky.png", "moon.png", "data.csv"):
        (tmp_path / "old" / name).write_text("x")
    result = run(tmp_path / "ours", "import", str(tmp_path / "old"))
    assert result.stdout.splitlines()[2:] == [
        f"left out: {tmp_path}/old/data.csv, which no post shows",
        f"left out: {tmp_path}/old/moon.png, which no post shows",
        "1 imported, 0 kept, 0 left out",
    ]


def test_an_import_of_nothing_says_so(tmp_path: Path):
    (tmp_path / "old").mkdir()
    result = run(tmp_path / "ours", "import", str(tmp_path / "old"))
    assert result.exit_code == 1
    assert "found no posts" in result.output
