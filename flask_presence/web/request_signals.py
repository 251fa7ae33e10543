"""Who asks for a stream, as far as the request tells. Nothing of it is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["asks_for_privacy", "is_crawler", "is_own"]

# robots.txt closes the stream to crawlers, and the large ones that run scripts keep to it. This is
# for the others. A list of thousands of names (there are packages of them) would take longer for
# each reader than all else does; crawlers that say what they are do it with one of a few words.
# "CUBOT" makes telephones. A "+http…" is the address where a crawler is explained.
_CRAWLER = re.compile(
    r"(?<!cu)bot(?![a-z])|crawl|spider|slurp|archiver|externalhit|mediapartners|inspectiontool"
    r"|lighthouse|\+https?:",
    re.IGNORECASE,
)


def is_own(environ: WSGIEnvironment) -> bool:
    """Tell whether the blog's own page asks: another site may not make its visitors count here.

    Browsers say so over https, and on the local host (Fetch Metadata, 2). What a page of another
    site asks for over http has an Origin, unless it says that it wants a picture or the like.
    """
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return bool(site == "same-origin")
    origin = environ.get("HTTP_ORIGIN")
    return origin is None or origin.partition("://")[2] == environ.get("HTTP_HOST")


def asks_for_privacy(environ: WSGIEnvironment) -> bool:
    """Tell whether a browser sends Global Privacy Control, or the older Do Not Track."""
    return environ.get("HTTP_SEC_GPC") == "1" or environ.get("HTTP_DNT") == "1"


def is_crawler(environ: WSGIEnvironment) -> bool:
    """Tell whether a user agent calls itself a crawler."""
    return _CRAWLER.search(environ.get("HTTP_USER_AGENT", "")) is not None
