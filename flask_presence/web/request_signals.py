"""What a request for a stream tells about its client. Nothing of it is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["asks_for_privacy", "is_crawler", "is_own"]

# robots.txt closes the stream to crawlers, and the large ones that run scripts keep to it. This
# pattern is for the others. Matching thousands of names (there are packages of them) would take
# longer than everything else that is done for a reader, and crawlers that identify themselves do so
# with one of a few words. "CUBOT" is a maker of telephones. A "+http…" is the address of a page
# that explains a crawler.
#
# In small letters, and each word begins with a letter to look for: `re` then skips to the next of
# them, and takes a tenth of the time.
_CRAWLER = re.compile(
    r"bot(?<!cubot)(?![a-z])|crawl|spider|slurp|archiver|externalhit|mediapartners|inspectiontool"
    r"|lighthouse|\+https?:"
)


def is_own(environ: WSGIEnvironment) -> bool:
    """Tell whether the request is from our own page: no other site may make its visitors count.

    Browsers say so over https, and on the local host (Fetch Metadata, 2). Over http a request from
    a page of another site has an Origin, except for a picture or the like.
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
    return _CRAWLER.search(environ.get("HTTP_USER_AGENT", "").lower()) is not None
