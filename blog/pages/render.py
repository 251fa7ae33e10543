"""Render a page: what every template needs beside its own."""

from __future__ import annotations

import json
from typing import Any, Protocol
from urllib.parse import unquote

from flask import render_template, request

from blog.config import Settings
from blog.pages.assets import SCRIPTS
from blog.pages.cache.page_cache import hand_over
from blog.placeholders import Placeholder, render_with_placeholders
from flask_presence.web.htmx import make_config, stream_url


class LiveNumbers(Protocol):
    """Who is here, as the pages show it. Never waits and never raises for a known page.

    `fragments(page)` has what a template shows as `live`, all of it "" where there is none: `total`
    is "5 readers online", `here` is "2 reading now" on a post, `notice` says why the numbers are
    not live. `being_read` is HTML, the posts with most readers, and `reads(post_id)` what a post's
    card says: both of the index only. `reads_class` is the class of that element. `describe_now`
    returns what `/now.json` says, `draw_face` a face as SVG or None, and `widest` the widest words
    of "online" or "reading".
    """

    def fragments(self, page: str) -> object: ...
    def draw_face(self, number: int) -> str | None: ...
    def describe_now(self, site_url: str) -> dict[str, object]: ...
    def reads_class(self, post_id: str) -> str: ...
    def section_class(self, anchor: str) -> str: ...
    def widest(self, number: str) -> str: ...


class PageRenderer:
    """Renders templates with the settings, the live numbers, the stream and the address."""

    def __init__(self, settings: Settings, live: LiveNumbers) -> None:
        self.settings = settings
        # "" while the blog does not know its own address; then nothing is said that needs one, and
        # a canonical address is a path.
        self.site_url = settings.origin
        self._live = live
        self._plain = write_htmx_config(settings)
        self._searching = write_htmx_config(settings, keeps_address=True)

    def render(
        self, template: str, page: str | None, path: str, *, searches: bool = False, **context: Any
    ) -> bytes:
        """Render a template for `page` (presence's name); `path` is its one canonical address.

        It may be cached, so it must be the same for everyone who asks for that address.
        Without a `page` it shows no numbers and nobody counts on it. `searches` is for a page with
        the search form, whose address changes while one types.
        """
        shown: dict[str, Any] = {
            "canonical": self.site_url + path,
            "current_path": path.partition("?")[0],
        }
        if page is not None:
            shown |= {
                "stream_url": self.settings.base_path + stream_url(page),
                "htmx_config": self._searching if searches else self._plain,
                "htmx_scripts": SCRIPTS,
            }

        def fill_in(live: Placeholder) -> str:
            numbers = {} if page is None else {"live": live}
            return self.render_without_stream(template, **{**shown, **numbers, **context})

        rendered = render_with_placeholders(fill_in, lambda: self._live.fragments(page or ""))
        return hand_over(rendered, request.environ, may_cache=_is_asked_for(path))

    def render_without_stream(self, template: str, **context: Any) -> str:
        """Render a template for a page that shows no numbers, and that is never cached."""
        return render_template(template, settings=self.settings, **context)


def _is_asked_for(path: str) -> bool:
    """Tell whether the request is for this address, as it is written here.

    There is no end of other ways to ask for the same: `?page=1`, `?utm_source=…`, `/archive/02026`.
    """
    address, _, query = path.partition("?")
    # The index has two addresses.
    is_path = request.path == "/" or request.script_root + request.path == unquote(address)
    return is_path and request.query_string.decode("latin-1") == query


def write_htmx_config(
    settings: Settings, *, keeps_address: bool = False, morphs: bool = False
) -> str:
    """Return the content of `<meta name="htmx-config">`.

    `keeps_address` lets htmx write the address of what is shown to the browser's history. `morphs`
    is for a page that gets parts anew which a reader may have unfolded.
    """
    config = make_config(pauses_hidden_tabs=settings.pause_hidden_tabs)
    if keeps_address:
        # Going back fetches the whole page: the search form is no part of what htmx swaps.
        config["history"] = "reload"
    if settings.dev or morphs:
        # What is unfolded stays so when a page follows what is saved, too.
        config["morphIgnore"] = ["data-htmx-powered", "open"]
    return json.dumps(config, separators=(",", ":"))
