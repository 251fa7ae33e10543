"""A small site over hand-written values: no files, no Redis, no streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask
from markupsafe import Markup

from blog.cards import Card, Cards
from blog.config import Settings
from blog.ops.headers import install_headers
from blog.pages import Content, install_assets, install_pages, register_errors
from blog.posts import Index, Library, Post, RenderedPost
from blog.search import Search

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Words:
    """The live elements' words."""

    total: str = "5 readers online"
    here: str = ""
    notice: str = ""
    pulse: Markup = Markup('<span class="beat">connection lost</span>')
    being_read: Markup = Markup("<h2>Being read now</h2><p>Open a post, and it is named here.</p>")
    faces: Markup = field(default_factory=Markup)
    lately: Markup = field(default_factory=Markup)
    peak: Markup = field(default_factory=Markup)
    curve: Markup = field(default_factory=Markup)

    def at(self, anchor: str) -> str:
        """Say of every section that two are there."""
        return "2 here"

    def reads(self, post_id: str) -> str:
        """Say of every post that two read it."""
        return "2 reading now"


@dataclass
class Numbers:
    """Says the same of every page, and on posts how many read it."""

    here: str = "2 reading now"
    notice: str = ""

    def fragments(self, page: str) -> Words:
        return Words(here=self.here if page.startswith("blog/") else "", notice=self.notice)

    def draw_face(self, number: int) -> str | None:
        return "<svg/>" if number == 37 else None

    def describe_now(self, site_url: str) -> dict[str, object]:
        return {"online": 5}

    def section_class(self, anchor: str) -> str:
        return f"at-{anchor}"

    def widest(self, number: str) -> str:
        return f"22 readers {number}\n5 readers, 12 tabs"

    def reads_class(self, post_id: str) -> str:
        """Call them by their ids, which are plain ones here."""
        return f"reads-{post_id}"


class Books(Library):
    """A library whose posts are rendered already: their body is their HTML."""

    def __init__(self, *posts: Post, headings: tuple[Any, ...] = ()) -> None:
        super().__init__(Path("nowhere"))
        listed = tuple(post for post in posts if not post.draft)
        self._index = Index(posts=listed, by_id={post.id: post for post in listed})
        self.headings = headings

    @property
    def index(self) -> Index:
        return self._index

    @index.setter
    def index(self, index: Index) -> None:
        self._index = index

    def render(self, post: Post) -> RenderedPost:
        return RenderedPost(post.body, self.headings)


class NoCards(Cards):
    """Can write no title."""

    def __init__(self) -> None:
        """Have no font."""

    def version(self, card: Card) -> str:
        return ""


def write_post(post_id: str, **fields: Any) -> Post:
    """Make a post with everything that a page shows, unless told otherwise."""
    filled: dict[str, Any] = {
        "title": f"The title of {post_id}",
        "description": f"What {post_id} is about.",
        "date": datetime(2026, 11, 3, tzinfo=UTC),
        "path": Path(f"{post_id}.md"),
        "body": f"<p>The body of {post_id}.</p>",
    }
    return Post(id=post_id, **(filled | fields))


def open_site(
    *posts: Post,
    library: Any = None,
    own_pages: Any = None,
    live: Any = None,
    search: Any = None,
    cards: Any = None,
    static: tuple[Path, ...] = (),
    **settings: Any,
) -> Flask:
    """Make an app that has the pages, the errors and the headers, as the factory puts them in."""
    app = Flask("blog", root_path=str(ROOT))
    chosen = Settings(**settings)
    content = Content(
        chosen,
        library or Books(*posts),
        own_pages or Books(write_post("about", title="About", date=None, menu=1)),
        live or Numbers(),
        search or Search(Books(), Path("nowhere")),
        cards or NoCards(),
    )
    install_assets(app, *static)
    install_pages(app, content)
    register_errors(app, chosen)
    install_headers(app, chosen)
    return app
