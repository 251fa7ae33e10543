"""What a request for a page gets: the index, posts, tags, about, and the error pages."""

from __future__ import annotations

from blog.pages.assets import install_assets
from blog.pages.blueprint import Content
from blog.pages.cache.page_cache import PageCache
from blog.pages.errors import register_errors
from blog.pages.routes import install_pages

__all__ = ["Content", "PageCache", "install_assets", "install_pages", "register_errors"]
