"""Does a stream come through whatever is in front of the blog, at once and as it is?"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from blog.ops.findings import Finding, fail, warn

WAIT_SECONDS = 5.0
SLOW_SECONDS = 1.0
MAX_HEAD_BYTES = 64 * 1024
BUFFERS = (
    "nginx: `proxy_buffering off` and `gzip off` for /live; also see its caches, and other proxies"
    " in between"
)


class ProbeError(Exception):
    """The stream did not come; the message says what did."""


class Probe:
    """One stream, opened as a browser does it. Every wait ends at a deadline."""

    def __init__(self, site: SplitResult, wait_seconds: float) -> None:
        self._wait_seconds = wait_seconds
        self._sock = connect_to(site, wait_seconds, ["http/1.1"])
        self._body = b""
        host = site.netloc.encode("idna").decode("ascii")
        request = (
            f"GET /live?page=index HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n"
            "Accept-Encoding: gzip, deflate, br\r\nUser-Agent: viblog-doctor\r\n\r\n"
        )
        self._sock.sendall(request.encode("ascii"))
        self.opened_at = time.monotonic()

    def read_head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers, the names in lower case."""
        while b"\r\n\r\n" not in self._body:
            self._receive("no answer")
            if len(self._body) > MAX_HEAD_BYTES:
                raise ProbeError("an answer that is not HTTP")
        head, _, self._body = self._body.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        try:
            return int(status.split()[1]), {n.lower(): v.strip().lower() for n, _, v in pairs}
        except (IndexError, ValueError):
            raise ProbeError("an answer that is not HTTP") from None

    def read_event(self) -> bytes:
        """Return the next event, whatever framing it has."""
        while b"\n\n" not in self._body:
            self._receive("no event")
        event, _, self._body = self._body.partition(b"\n\n")
        return event

    def close(self) -> None:
        """Close the stream."""
        self._sock.close()

    def _receive(self, missing: str) -> None:
        try:
            received = self._sock.recv(65536)
        except TimeoutError:
            raise ProbeError(f"{missing} within {self._wait_seconds:g} s") from None
        if not received:
            raise ProbeError(f"{missing}: the connection was closed")
        self._body += received


def connect_to(site: SplitResult, wait_seconds: float, protocols: list[str]) -> socket.socket:
    """Connect to a site, with TLS where its URL says so, speaking one of these protocols."""
    is_tls = site.scheme == "https"
    address = (site.hostname or "", site.port or (443 if is_tls else 80))
    sock = socket.create_connection(address, timeout=wait_seconds)
    if not is_tls:
        return sock
    context = ssl.create_default_context()
    context.set_alpn_protocols(protocols)
    try:
        return context.wrap_socket(sock, server_hostname=site.hostname)
    except BaseException:
        sock.close()
        raise


def examine_stream(site_url: str, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[Finding]:
    """Open two streams at the public address, for a moment, and say how they come through.

    They count as readers meanwhile: that the second one is told to the first is what is looked at.
    """
    if not site_url:
        yield warn(
            "stream",
            "BLOG_SITE_URL is empty",
            "the public address",
            "Set it, to have the way through the proxy looked at",
        )
        return
    site = urlsplit(site_url)
    with contextlib.ExitStack() as stack:
        try:
            yield from _examine_connection(site, wait_seconds)
            probe = Probe(site, wait_seconds)
            stack.callback(probe.close)
            yield from _examine_events(site, probe, stack, wait_seconds)
        except ssl.SSLCertVerificationError as error:
            yield fail(
                "TLS",
                f"{site_url} has a certificate that is not valid ({error.verify_message})",
                "one that browsers take",
                "Have the proxy get a new one; see its log",
            )
        except OSError as error:
            yield fail(
                "stream",
                f"{site_url} cannot be reached ({type(error).__name__}: {error})",
                "the blog",
                "Start the blog and its proxy, or mend BLOG_SITE_URL",
            )
        except ProbeError as error:
            yield fail(
                "stream",
                f"{site_url}/live: {error}",
                "an event stream, at once",
                f"Something holds it back. {BUFFERS}",
            )


def _examine_connection(site: SplitResult, wait_seconds: float) -> Iterator[Finding]:
    with connect_to(site, wait_seconds, ["h2", "http/1.1"]) as sock:
        spoken = sock.selected_alpn_protocol() if isinstance(sock, ssl.SSLSocket) else None
        version = sock.version() if isinstance(sock, ssl.SSLSocket) else None
    if version:
        yield Finding("TLS", version)
    elif _is_local(site.hostname or ""):
        yield Finding("TLS", "none, on this machine")
    else:
        yield warn(
            "TLS",
            "none",
            "https",
            "Have the proxy do TLS: browsers speak HTTP/2 with it only, and cookies need it",
        )
    if spoken == "h2":
        yield Finding("protocol", "browsers get HTTP/2")
    else:
        yield warn(
            "protocol",
            "browsers get HTTP/1.1",
            "HTTP/2",
            "A browser has six connections to a site over all its tabs, and an open page holds one:"
            " let the proxy speak HTTP/2 (nginx: `http2 on`)",
        )


def _examine_events(
    site: SplitResult, probe: Probe, stack: contextlib.ExitStack, wait_seconds: float
) -> Iterator[Finding]:
    status, headers = probe.read_head()
    kind = headers.get("content-type", "none")
    if status != 200 or not kind.startswith("text/event-stream"):
        yield fail(
            "stream",
            f"{site.geturl()}/live answers {status} with {kind}",
            "200 with text/event-stream",
            "See what answers there: the proxy's rules, BLOG_TRUSTED_HOSTS, whether the blog runs",
        )
        return
    if encoding := headers.get("content-encoding"):
        yield fail(
            "stream",
            f"it is compressed ({encoding})",
            "no Content-Encoding",
            "A compressed event waits for the next one: leave text/event-stream out of the"
            " proxy's compression (nginx: gzip_types, Caddy: encode)",
        )
        return
    event = probe.read_event()
    seconds = time.monotonic() - probe.opened_at
    if b"event: busy" in event:
        yield warn(
            "stream",
            "it was refused: no room, or the worker stops",
            "a first event with the numbers",
            "Look at viblog_streams_refused_total, and again in a moment",
        )
        return
    if seconds > SLOW_SECONDS:
        yield warn(
            "first event",
            f"after {seconds:.2f} s",
            f"less than {SLOW_SECONDS:g} s",
            f"Something is slow, or holds it back. {BUFFERS}",
        )
    else:
        yield Finding("first event", f"after {seconds * 1000:.0f} ms")
    # A change of our own making. On a busy site another's may come first, and proves as much.
    other = Probe(site, wait_seconds)
    stack.callback(other.close)
    try:
        probe.read_event()
    except ProbeError as error:
        yield fail(
            "next event",
            f"{error}, though another stream was opened",
            "one within a second",
            f"Something holds it back, or the workers do not hear of each other. {BUFFERS}",
        )
    else:
        yield Finding(
            "next event", f"{(time.monotonic() - other.opened_at) * 1000:.0f} ms after the change"
        )


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
