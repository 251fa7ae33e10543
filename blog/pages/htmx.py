"""How the pages set up htmx 4: no eval, no inline style, no history, one extension."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from blog.config import Settings

SCRIPTS = ("vendor/htmx.org/dist/htmx.min.js", "vendor/htmx.org/dist/ext/hx-sse.min.js")
CONNECT_TIMEOUT_MS = 20_000


def write_htmx_config(settings: Settings, *, keeps_address: bool = False) -> str:
    """Return the content of `<meta name="htmx-config">`.

    `keeps_address` lets htmx write the address of what is shown to the browser's history.
    """
    config: dict[str, Any] = {
        "extensions": "sse",
        # Else htmx makes a stylesheet of its own.
        "includeIndicatorCSS": False,
        # Else htmx writes to the browser's history on the first number that changes. "reload":
        # going back fetches the whole page, for the search form is no part of what htmx swaps.
        "history": "reload" if keeps_address else False,
        "sse": {
            "pauseOnBackground": settings.pause_hidden_tabs,
            "connectTimeout": CONNECT_TIMEOUT_MS,
        },
    }
    if settings.dev:
        # What is unfolded stays so when a page follows what is saved.
        config["morphIgnore"] = ["data-htmx-powered", "open"]
    return json.dumps(config, separators=(",", ":"))


def stream_url(page: str) -> str:
    """Return the address of a page's stream."""
    return "/live?" + urlencode({"page": page})
