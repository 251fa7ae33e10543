"""Where readers came from, as far as a request says so and somebody vouches for it. Pure.

A name is a stranger's text: it is cut, counted up to a number of different ones, and shown escaped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from flask_presence.web.request_signals import asks_for_privacy, is_crawler

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CAMPAIGN, HOST = "campaign", "host"
MOST_CHARACTERS = 64
# Of a query: what stands behind that is no name of a campaign.
MOST_QUERY_CHARACTERS = 2048
# So many different names of a kind a day; whatever else comes is counted as these.
MOST_NAMES = 500
OTHERS = "others"
_CAMPAIGN = re.compile(r"[?&](?:utm_source|utm_campaign|ref)=[^&#]")
_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]*[a-z0-9]")


def read_campaign(environ: WSGIEnvironment) -> str | None:
    """Return the campaign by which a page was opened that asks for its stream; None without one.

    htmx says the page's address. Of it `utm_source`, `utm_campaign` and `ref` are read and nothing
    else: a query may be a search. Nor is anything of a tab that comes back, or that asks for
    privacy.
    """
    address = environ.get("HTTP_HX_CURRENT_URL", "")
    if "?" not in address or not _CAMPAIGN.search(address) or "HTTP_LAST_EVENT_ID" in environ:
        return None
    if asks_for_privacy(environ):
        return None
    query = address.partition("?")[2].partition("#")[0][:MOST_QUERY_CHARACTERS]
    try:
        fields = parse_qs(query, max_num_fields=50)
    except ValueError:
        return None
    source, campaign, ref = (
        _clean(fields.get(name, [""])[0]) for name in ("utm_source", "utm_campaign", "ref")
    )
    name = " / ".join(filter(None, (source, campaign))) or ref
    return name[:MOST_CHARACTERS].rstrip() or None


def read_host(environ: WSGIEnvironment) -> str | None:
    """Return the host whose link a person followed to this page; None where nobody vouches for it.

    The browser does, by Fetch Metadata, which no page can set. A person who asks for privacy has
    no source.
    """
    if (
        environ.get("HTTP_SEC_FETCH_SITE") != "cross-site"
        or environ.get("HTTP_SEC_FETCH_USER") != "?1"
        or environ.get("HTTP_SEC_FETCH_MODE") != "navigate"
        or environ.get("HTTP_SEC_FETCH_DEST") != "document"
        or asks_for_privacy(environ)
        or is_crawler(environ)
    ):
        return None
    try:
        address = urlsplit(environ.get("HTTP_REFERER", "")[:MOST_QUERY_CHARACTERS])
        host = (address.hostname or "").rstrip(".").removeprefix("www.")
    except ValueError:
        return None
    if address.scheme not in ("http", "https") or len(host) > MOST_CHARACTERS:
        return None
    return host if _HOST.fullmatch(host) else None


def is_load(environ: WSGIEnvironment) -> bool:
    """Tell whether a page is asked for to be shown: not ahead of time, and not by a crawler."""
    if environ["REQUEST_METHOD"] != "GET" or "HTTP_SEC_PURPOSE" in environ:
        return False
    mode = environ.get("HTTP_SEC_FETCH_MODE")
    # htmx fetches the pages of links that it follows; who says no mode is no new browser.
    return mode in ("navigate", "cors", "same-origin") if mode else not is_crawler(environ)


def _clean(text: str) -> str:
    """Return a name on one line, without what is not seen; "" for one that may be a person's."""
    if "@" in text:
        return ""
    text = "".join(one if one.isprintable() else " " for one in text[: 2 * MOST_CHARACTERS])
    if "://" in text:  # an address: of that, its host
        text = text.partition("://")[2].partition("/")[0]
    return " ".join(text.split())


def fold_name(known: set[str], name: str) -> str:
    """Return the name to count under on a day: it, or `OTHERS` where so many others are known."""
    if name not in known:
        if len(known) >= MOST_NAMES:
            return OTHERS
        known.add(name)
    return name


class Names:
    """Folds the names of one kind that a worker hears of on a day: it keeps no more than the store
    does.
    """

    def __init__(self) -> None:
        self._day = 0
        self._known: set[str] = set()

    def fold(self, day: int, name: str) -> str:
        """Return the name to count under."""
        if day != self._day:
            self._day, self._known = day, set()
        return fold_name(self._known, name)
