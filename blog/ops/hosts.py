"""Which hosts are answered: nothing that stands before Flask may answer for another."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from werkzeug.exceptions import SecurityError
from werkzeug.wsgi import get_host

# A name in small letters without a dot at its end, or an address, and a port.
_PLAIN = re.compile(r"[^A-Z:]*[^A-Z:.](:\d+)?")

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def check_hosts(
    answer: WSGIApplication, refuse: WSGIApplication, trusted_hosts: Collection[str]
) -> WSGIApplication:
    """Send requests for a host that is not trusted to `refuse`, by Flask's own rule.

    `BLOG.example` and `blog.example.` are `blog.example` (RFC 9110, 4.2.3; RFC 3986, 3.2.2).
    """
    if not trusted_hosts:
        return answer

    def check(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "")
        if not _PLAIN.fullmatch(host):
            name, colon, port = host.partition(":")
            environ["HTTP_HOST"] = name.lower().removesuffix(".") + colon + port
        try:
            get_host(environ, trusted_hosts)
        except SecurityError:
            if "wsgi.input" not in environ:  # by the event loop, where Flask must not run
                start_response("400 BAD REQUEST", [])
            return refuse(environ, start_response)
        return answer(environ, start_response)

    return check
