"""How presence names the pages: what a tab shows, and what a stream is asked for."""

from __future__ import annotations

INDEX_PAGE = "index"  # the tags, the archive and the search as well
NOW_PAGE = "now"  # shows the numbers, and counts nobody
COUNTING_PAGE = "counting"  # the blog has it, unless the author has one
POST_PREFIX = "blog/"  # and the post's id; a page of the author's is called by its id alone

# What stands first in the addresses of the blog itself: no page can have such a name.
RESERVED = frozenset(
    {
        *("index", "blog", "tags", "archive", "search", "now", "faces"),
        *("preview", "cards", "static", "desk"),
        *("feed.atom", "feed.rss", "feed.json", "now.json", "robots.txt", "sitemap.xml"),
        *("favicon.ico", "apple-touch-icon.png", "look.css", "scheme.css"),
        *("live", "healthz", "readyz", "metrics"),
    }
)
