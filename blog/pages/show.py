"""Rendering a page: what every template needs beside its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import render_template

from blog.config import Settings
from blog.pages.contracts import LiveNumbers
from blog.pages.htmx import SCRIPTS, stream_url, write_htmx_config

# How presence names the pages that are no posts; a post's is `blog/` and its id.
INDEX_PAGE = "index"
ABOUT_PAGE = "about"


class Show:
    """Renders templates with the settings, the live numbers, the stream and the address."""

    def __init__(self, settings: Settings, live: LiveNumbers) -> None:
        self.settings = settings
        # "" while the blog does not know its own address; then nothing is said that needs one.
        self.site_url = settings.site_url.rstrip("/")
        self._live = live
        self._plain = write_htmx_config(settings)
        self._searching = write_htmx_config(settings, keeps_address=True)

    def page(
        self, template: str, page: str, path: str, *, searches: bool = False, **context: Any
    ) -> str:
        """Render a template for `page` (presence's name); `path` is its one canonical address.

        `searches` is for a page with the search form, whose address changes while one types.
        """
        shown: Mapping[str, Any] = {
            "live": self._live.fragments(page),
            "stream_url": stream_url(page),
            "htmx_config": self._searching if searches else self._plain,
            "htmx_scripts": SCRIPTS,
            "canonical": self.site_url + path if self.site_url else "",
        }
        return self.without_stream(template, **{**shown, **context})

    def without_stream(self, template: str, **context: Any) -> str:
        """Render a template for a page that shows no numbers and on which nobody counts."""
        return render_template(template, settings=self.settings, **context)
