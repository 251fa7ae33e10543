"""Every kind of page is valid HTML, by the Nu Html Checker."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from blog.cards import Cards
from blog.posts.model import Heading
from blog.posts.preview import preview_path, sign_preview
from tests.pages.site import Books, open_site, write_post
from tests.setup.tools import VNU_JAR, find_java

KINDS = {
    "index": "/blog",
    "last": "/blog?page=2",
    "post": "/blog/p0",
    "odd": "/blog/odd",
    "tags": "/tags",
    "tag": "/tags/a_%22b%22",
    "archive": "/archive",
    "year": "/archive/2026",
    "searched": "/search?q=words+%22of+p%22&tag=c/d&year=2026",
    "not-searched": "/search",
    "not-made": "/search?q=none",
    "about": "/about",
    "counting": "/counting",
    "not-found": "/nowhere",
}
SECRET = "0123456789abcdef" * 2


def save_pages(folder, app, kinds):
    for name, path in kinds.items():
        (folder / f"{name}.html").write_text(app.test_client().get(path).text, encoding="utf-8")


def check_pages(folder):
    """Return what the checker says, its warnings too; "" if all is well."""
    command = [find_java(), "-Xss1m", "-jar", str(VNU_JAR), "--format", "gnu", "--skip-non-html"]
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.full
def test_every_kind_of_page_is_valid_html(tmp_path):
    headings = tuple(Heading(2, f"part-{n}", f"Part {n}") for n in (1, 2, 3))
    body = "".join(f'<h2 id="part-{n}">Part {n}</h2><p>Words.</p>' for n in (1, 2, 3))
    tags = ('a "b"', "c/d", "标签")
    posts = [write_post(f"p{n}", tags=tags, authors=("A & B",), body=body) for n in range(11)]
    odd = write_post(
        "odd",
        title="</script><\"&'",
        description="<\"&'",
        date=None,
        body="",
        lang="de",
        image="a b.png",
    )
    own_pages = Books(
        write_post("about", title="About", menu=1, body=body),
        write_post("leftwards", title="مرحبا!", lang="ar", menu=2),
    )
    library = Books(*posts, odd, headings=headings)
    app = open_site(
        library=library,
        own_pages=own_pages,
        cards=Cards(tmp_path / "cards"),
        site_url="https://blog.example",
        secret_key=SECRET,
    )
    preview = preview_path(sign_preview(SECRET, "p0", datetime.now(UTC) + timedelta(days=1)))
    save_pages(tmp_path, app, {**KINDS, "preview": preview})
    empty = open_site(pause_hidden_tabs=True)
    save_pages(
        tmp_path,
        empty,
        {"no-posts": "/blog", "none": "/archive", "no-tags": "/tags"},
    )
    assert check_pages(tmp_path) == ""
