"""Pages of the author's: where they are, what they may be called, and the about page's folder."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from blog.config import Settings
from blog.factory import create_app
from blog.posts.markup.markdown import Style
from blog.posts.page_names import RESERVED
from blog.posts.pages import PageLibrary


@pytest.fixture
def library(tmp_path: Path) -> PageLibrary:
    return PageLibrary(tmp_path / "pages", tmp_path / "about", zone=UTC, style=Style())


def put(library: PageLibrary, name: str, body: str = "Text.", **fields: object) -> None:
    path = library.folder.parent / name
    path.parent.mkdir(exist_ok=True)
    front = "".join(f"{key}: {value}\n" for key, value in {"title": path.stem, **fields}.items())
    path.write_text(f"---\n{front}---\n{body}\n", encoding="utf-8")


def test_every_address_of_the_blog_is_none_that_a_page_can_have():
    rules = create_app(Settings()).url_map.iter_rules()
    first = {str(rule).split("/")[1] for rule in rules}
    # No id begins with a dot. The last five are answered before Flask, or mean the front page.
    taken = {name for name in first if name and not name.startswith((".", "<", "counting"))}
    assert taken | {"live", "healthz", "readyz", "metrics", "index"} <= RESERVED


def test_a_blog_may_do_without_both_folders(library: PageLibrary):
    library.load()
    assert library.index.all() == []
    assert library.index.faults == ()


def test_the_sections_of_the_about_folder_are_one_page(library: PageLibrary):
    put(library, "about/1-what.md", "What it is.", title="About")
    put(library, "about/2-how.md", "How it is made.")
    put(library, "about/3-not.md", draft="true")
    put(library, "pages/impressum.md")
    library.load()
    by_id = library.index.by_id
    assert sorted(by_id) == ["about", "impressum"]
    about = by_id["about"]
    assert (about.title, about.menu) == ("About", 1)
    (hint,) = about.hints
    assert (hint.path.name, hint.expected) == ("1-what.md", "about.md among the pages")
    assert about.body == "What it is.\n\n\n## 2-how\n\nHow it is made.\n"
    put(library, "about/2-how.md", "How it was made.")
    before = library.index.version
    library.load()
    assert library.index.version != before
    assert "How it was made." in library.render(library.index.by_id["about"]).html
    put(library, "pages/about.md", "Mine.")
    library.load()
    assert library.index.by_id["about"].body == "Mine.\n"
