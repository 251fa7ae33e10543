"""The htmx files, their configuration, and the address of a page's stream."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from ..streams.stream import PATH

__all__ = ["FILES", "find_folder", "integrity_of", "make_config", "stream_url"]

FILES = ("htmx.min.js", "ext/hx-sse.min.js")
# How long a page waits for its stream's first byte.
CONNECT_TIMEOUT_MS = 20_000
# In characters; the longest that a page of the blog has is 100.
MAX_CACHED_QUERY = 200


def make_config(*, pauses_hidden_tabs: bool = False) -> dict[str, Any]:
    """Return what every page with a stream needs in `<meta name="htmx-config">`."""
    return {
        "extensions": "sse",
        # Else htmx makes a stylesheet of its own.
        "includeIndicatorCSS": False,
        # Else htmx writes to the browser's history on the first number that changes.
        "history": False,
        "sse": {"pauseOnBackground": pauses_hidden_tabs, "connectTimeout": CONNECT_TIMEOUT_MS},
    }


def stream_url(page: str) -> str:
    """Return the address of a page's stream."""
    return f"{PATH}?{stream_query(page)}"


def stream_query(page: str) -> str:
    """Return the query string of a page's stream, without the `?`."""
    return urlencode({"page": page})


def read_page(query: str) -> str:
    """Return the name of the page in the query string of a stream; "" where there is none."""
    # A cache of long queries would be as large as a client wants it.
    return _parse_page(query) if len(query) <= MAX_CACHED_QUERY else _parse_page.__wrapped__(query)


@lru_cache(maxsize=1024)
def _parse_page(query: str) -> str:
    return parse_qs(query, keep_blank_values=True).get("page", [""])[0]


def find_folder() -> Path:
    """Return the folder with the files: in an installed package, else where the build put it."""
    installed = Path(__file__).parents[1] / "htmx/dist"
    repository = Path(__file__).parents[2] / "static/vendor/htmx.org/dist"
    return installed if installed.is_dir() else repository


@lru_cache
def integrity_of(name: str) -> str:
    """Return the hash of a file as browsers check it (Subresource Integrity)."""
    digest = hashlib.sha384((find_folder() / name).read_bytes()).digest()
    return f"sha384-{base64.b64encode(digest).decode()}"
