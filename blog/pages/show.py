"""Rendering a page: what every template needs beside its own."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from flask import render_template, request

from blog.config import Settings
from blog.pages.contracts import LiveNumbers
from blog.pages.holes import ENVIRON_KEY, Hole, punch
from blog.pages.htmx import SCRIPTS, stream_url, write_htmx_config


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
        self, template: str, page: str | None, path: str, *, searches: bool = False, **context: Any
    ) -> bytes:
        """Render a template for `page` (presence's name); `path` is its one canonical address.

        The cache may keep it, so it must be the same for everyone who asks for that address.
        Without a `page` it shows no numbers and nobody counts on it. `searches` is for a page with
        the search form, whose address changes while one types.
        """
        shown: dict[str, Any] = {"canonical": self.site_url + path if self.site_url else ""}
        if page is not None:
            shown |= {
                "stream_url": stream_url(page),
                "htmx_config": self._searching if searches else self._plain,
                "htmx_scripts": SCRIPTS,
            }

        def render(live: Hole) -> str:
            numbers = {} if page is None else {"live": live}
            return self.without_stream(template, **{**shown, **numbers, **context})

        holed = punch(render, lambda: self._live.fragments(page or ""))
        if _is_asked_for(path):
            request.environ[ENVIRON_KEY] = holed
        return holed.fill(holed.read())

    def without_stream(self, template: str, **context: Any) -> str:
        """Render a template for a page that shows no numbers, and that is never kept."""
        return render_template(template, settings=self.settings, **context)


def _is_asked_for(path: str) -> bool:
    """Tell whether the request is for this address, as it is written here.

    There is no end of other ways to ask for the same: `?page=1`, `?utm_source=…`, `/archive/02026`.
    """
    address, _, query = path.partition("?")
    # The index has two addresses.
    is_path = request.path in ("/", unquote(address))
    return is_path and request.query_string.decode("latin-1") == query
