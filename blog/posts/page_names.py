"""How presence names the pages: what a tab shows, and what a stream is asked for."""

from __future__ import annotations

INDEX_PAGE = "index"  # the tags, the archive and the search as well
ABOUT_PAGE = "about"
NOW_PAGE = "now"  # shows the numbers, and counts nobody
POST_PREFIX = "blog/"  # and the post's id
