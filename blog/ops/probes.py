"""What stands before Flask: the probes `/healthz`, `/readyz`, `/metrics`, and the trusted hosts.

Probes are answered before anything else: in whatever state the rest is, for every Host header (a
health check asks by address), and without being counted against a limit.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import re
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import SecurityError
from werkzeug.wsgi import get_host

from blog.setting_kinds import Network

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TEXT = "text/plain; charset=utf-8"
# A request with one of these came through a proxy; see RFC 7239, and nginx's and Caddy's manuals.
FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_VIA")

# A name in small letters without a dot at its end, or an address, and a port.
_PLAIN = re.compile(r"[^A-Z:]*[^A-Z:.](:\d+)?")

# What to answer in detail, and whether this worker should get requests.
Readiness = Callable[[], tuple[bool, dict[str, Any]]]
# Accept header -> all metrics, and their type.
AnswerMetrics = Callable[[str], tuple[bytes, str]]


class Access:
    """Who gets the metrics: clients that ask directly from one of the networks, or have the
    token.
    """

    def __init__(self, networks: Collection[Network], token: str) -> None:
        self._networks = networks
        self._token = token

    def allows(self, environ: WSGIEnvironment) -> bool:
        """Tell whether a request may be answered.

        The address is the direct peer's: behind a proxy it is the proxy's, for the whole world.
        What a proxy has passed on therefore needs the token.
        """
        expected = f"Bearer {self._token}".encode()
        said = str(environ.get("HTTP_AUTHORIZATION", "")).encode("latin-1")  # PEP 3333
        if self._token and hmac.compare_digest(said, expected):
            return True
        if any(name in environ for name in FORWARDED):
            return False
        try:
            address = ipaddress.ip_address(str(environ.get("REMOTE_ADDR", "")).partition("%")[0])
        except ValueError:  # a unix socket: a proxy, mostly
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)


def mount_probes(
    rest: WSGIApplication,
    readiness: Readiness,
    answer_metrics: AnswerMetrics | None,
    access: Access,
) -> WSGIApplication:
    """Put the probes before everything else. Without metrics, or without access, it is `rest`'s."""

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            if path == "/healthz":
                return _answer(environ, start_response, b"ok\n", TEXT)
            if path == "/readyz":
                is_ready, told = readiness()
                body = json.dumps({"ready": is_ready, **told}).encode() + b"\n"
                status = "200 OK" if is_ready else "503 Service Unavailable"
                return _answer(environ, start_response, body, "application/json", status)
            if path == "/metrics" and answer_metrics is not None and access.allows(environ):
                body, content_type = answer_metrics(environ.get("HTTP_ACCEPT", ""))
                return _answer(environ, start_response, body, content_type)
        return rest(environ, start_response)

    return serve


def _answer(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    body: bytes,
    content_type: str,
    status: str = "200 OK",
) -> Iterable[bytes]:
    start_response(
        status,
        [
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ],
    )
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def time_pages(
    pages: WSGIApplication, answered: Callable[[str, str, float], None], now: Callable[[], float]
) -> WSGIApplication:
    """Have `answered(path, status, seconds)` told of each answer, before its body is sent."""

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = now()
        path = environ["PATH_INFO"]

        def start(status: str, *rest: Any) -> Any:
            answered(path, status, now() - began)
            return start_response(status, *rest)

        return pages(environ, start)

    return serve


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
