"""Tells readers of a post when its author changes it or removes it."""

from __future__ import annotations

from functools import lru_cache

from blog.live.templates import LiveTemplates
from blog.posts import Index, Library
from blog.posts.addresses import post_path
from blog.posts.page_names import POST_PREFIX
from flask_presence.streams.event import encode_event


class Updates:
    """Knows which posts have changed. O(1), but `notice`, which looks at every post."""

    def __init__(self, library: Library, templates: LiveTemplates, base_path: str = "") -> None:
        self._library = library
        self._base_path = base_path

        @lru_cache(maxsize=1024)
        def encode(revision: str, path: str) -> bytes:
            return encode_event(templates.updated(revision, path))

        self._encode = encode
        self._changed: set[str] = set()

    def notice(self, before: Index, after: Index) -> None:
        """Take a change of the library."""
        for post_id, post in before.by_id.items():
            present = after.by_id.get(post_id)
            if present is None or present.revision != post.revision:
                self._changed.add(POST_PREFIX + post_id)

    def opening(self, page: str) -> bytes:
        """Return the event that tells a page which was just opened if it is outdated.

        It may have been made by another worker, or before this one was started.
        """
        if not page.startswith(POST_PREFIX):
            return b""
        index = self._library.index
        post_id = page.removeprefix(POST_PREFIX)
        # A post with a new address may keep its old one, which leads there.
        post = index.by_id.get(post_id) or index.find_alias(post_path(post_id))
        if post is None:
            return self._encode("", f"{self._base_path}/")
        return self._encode(post.revision, self._base_path + post_path(post.id))

    def change(self, page: str) -> bytes:
        """Return what every frame of a page has since its post changed; before that b""."""
        return self.opening(page) if page in self._changed else b""
