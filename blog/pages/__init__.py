"""What a request for a page gets: the index, posts, tags, about, and the error pages."""

from __future__ import annotations

from blog.pages.blueprint import create_pages
from blog.pages.contracts import AboutLike, Fragments, LibraryLike, LiveNumbers
from blog.pages.errors import register_errors

__all__ = [
    "AboutLike",
    "Fragments",
    "LibraryLike",
    "LiveNumbers",
    "create_pages",
    "register_errors",
]
