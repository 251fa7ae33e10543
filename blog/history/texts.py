"""Which pages are counted, by what the author has written: their addresses and reading times."""

from __future__ import annotations

from blog.posts import Library
from blog.posts.model import Post
from blog.posts.page_names import COUNTING_PAGE, INDEX_PAGE, POST_PREFIX
from blog.posts.pages import PageLibrary

MOST_KEPT = 1000


class Texts:
    """The posts and pages, as they are counted. A hidden one, or one without presence, is not."""

    def __init__(self, posts: Library, pages: PageLibrary) -> None:
        self._posts = posts
        self._pages = pages
        # To count the words of a long text takes a millisecond: by page, for a state of its file.
        self._seconds: dict[str, tuple[Post, int]] = {}

    def reading_seconds(self, page: str) -> int | None:
        """Return how long reading a page takes, 0 for a list; None for one that is not counted."""
        if page == INDEX_PAGE:
            return 0
        text = self._find(page)
        if text is None:
            return 0 if page == COUNTING_PAGE and page not in self._pages.index.by_id else None
        kept = self._seconds.get(page)
        if kept is None or kept[0] is not text:
            if len(self._seconds) >= MOST_KEPT:
                self._seconds.clear()
            kept = self._seconds[page] = text, 60 * text.reading_minutes
        return kept[1]

    def find_page(self, path: str) -> str | None:
        """Return the page at a path of a WSGI request; None for one that is not counted."""
        if path in ("/", "/blog"):
            return INDEX_PAGE
        page = path[1:]
        if not page.isascii():
            page = page.encode("latin-1", "replace").decode("utf-8", "replace")
        return page if self._find(page) is not None else None

    def _find(self, page: str) -> Post | None:
        if page.startswith(POST_PREFIX):
            text = self._posts.index.by_id.get(page.removeprefix(POST_PREFIX))
        else:
            text = self._pages.index.by_id.get(page)
        return text if text is not None and text.presence else None
