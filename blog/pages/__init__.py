"""What a request for a page gets: the index, posts, tags, about, and the error pages."""

from __future__ import annotations

from blog.pages.assets import install_assets
from blog.pages.blueprint import create_pages
from blog.pages.cache.page_cache import PageCache
from blog.pages.errors import register_errors

__all__ = ["PageCache", "create_pages", "install_assets", "register_errors"]
