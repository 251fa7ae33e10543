"""The menu: the blog's own lists and the author's pages, or what the setting has in their place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from flask import request, url_for

from blog.config import Settings
from blog.posts import Index, Post

# What the setting may name beside pages and addresses; the template has their words.
OWN = {
    "posts": "pages.index",
    "tags": "pages.tags",
    "archive": "pages.archive",
    "search": "pages.search",
    "now": "pages.now",
    "counting": "pages.counting",
}
FIRST = ("posts", "tags", "archive")


class Entry(NamedTuple):
    """An entry: `own` is which list of the blog it is, "" for none; then it has a `name`."""

    address: str
    name: str = ""
    own: str = ""
    lang: str = ""
    rel: str = ""


def list_entries(settings: Settings, index: Index) -> Iterator[Entry]:
    """Yield the entries of the menu, in order; `index` is that of the author's pages.

    A page that is not there (any more, or yet) is left out: `check` names it.
    """
    if not settings.menu:
        yield from (Entry(url_for(OWN[name]), own=name) for name in FIRST)
        yield from map(_link_page, sorted(_find_numbered(index), key=_by_number))
        return
    for item in settings.menu:
        if item.target in index.by_id:
            entry = _link_page(index.by_id[item.target])
            yield entry._replace(name=item.name, lang="") if item.name else entry
        elif item.target in OWN:
            yield Entry(url_for(OWN[item.target]), item.name, item.target)
        elif item.is_address:
            root = request.script_root if item.target.startswith("/") else ""
            yield Entry(root + item.target, item.name or item.target, rel=item.rel)


def _find_numbered(index: Index) -> Iterator[Post]:
    return (page for page in index.posts if page.menu is not None)


def _by_number(page: Post) -> tuple[int, str]:
    return page.menu or 0, page.title


def _link_page(page: Post) -> Entry:
    return Entry(url_for("pages.page", page_id=page.id), page.title, lang=page.lang)
