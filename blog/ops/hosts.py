"""Which hosts are answered: nothing that stands before Flask may answer for another."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from werkzeug.exceptions import SecurityError
from werkzeug.wsgi import get_host

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def check_hosts(
    answer: WSGIApplication, refuse: WSGIApplication, trusted_hosts: Collection[str]
) -> WSGIApplication:
    """Send requests for a host that is not trusted to `refuse`, by Flask's own rule."""
    if not trusted_hosts:
        return answer

    def check(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            get_host(environ, trusted_hosts)
        except SecurityError:
            return refuse(environ, start_response)
        return answer(environ, start_response)

    return check
