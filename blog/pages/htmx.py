"""How the pages set up htmx 4: no eval, no inline style, no history, one extension."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from blog.config import Settings

SCRIPTS = ("vendor/htmx.org/dist/htmx.min.js", "vendor/htmx.org/dist/ext/hx-sse.min.js")
CONNECT_TIMEOUT_MS = 20_000


def write_htmx_config(settings: Settings) -> str:
    """Return the content of `<meta name="htmx-config">`."""
    config = {
        "extensions": "sse",
        # Else htmx makes a stylesheet of its own.
        "includeIndicatorCSS": False,
        # Else htmx writes to the browser's history on the first number that changes.
        "history": False,
        "sse": {
            "pauseOnBackground": settings.pause_hidden_tabs,
            "connectTimeout": CONNECT_TIMEOUT_MS,
        },
    }
    return json.dumps(config, separators=(",", ":"))


def stream_url(page: str) -> str:
    """Return the address of a page's stream."""
    return "/live?" + urlencode({"page": page})
