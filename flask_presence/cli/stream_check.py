"""How a stream comes through to the public address."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import SplitResult, urlsplit

from ..place import Place
from .finding import Finding, fail, warn

WAIT_SECONDS = 5.0
SLOW_STREAM_SECONDS = 1.0
BUFFERS = (
    "nginx: `proxy_buffering off` and `gzip off` for /live; also see its caches, and other proxies"
    " in between"
)
STREAM_HEADERS = {
    "Accept": "text/event-stream",
    "Accept-Encoding": "gzip, deflate, br",
    "User-Agent": "presence-doctor",
}


class ProbeError(Exception):
    """The stream did not come; the message says what did."""


def examine_stream(
    site_url: str, place: Place, *, named: str, wait_seconds: float = WAIT_SECONDS
) -> Iterator[Finding]:
    """Open two streams at the public address, for a moment, and say how they come through.

    They count as readers meanwhile: the test is whether the first is told of the second. `named` is
    how the address is given.
    """
    if not site_url:
        yield warn(
            "stream",
            f"{named} is empty",
            "the public address",
            "Give it, to have the way through the proxy looked at",
        )
        return
    stream = urlsplit(site_url.rstrip("/") + place.stream)
    try:
        yield from _examine_events(stream, place, wait_seconds)
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
            place.program,
            f"Start {place.program} and its proxy, or mend {named}",
        )
    except ProbeError as error:
        yield fail(
            "stream",
            f"{_shown(stream)}: {error}",
            "an event stream, at once",
            f"Something holds it back. {BUFFERS}",
        )


def _shown(stream: SplitResult) -> str:
    return stream._replace(query="").geturl()


def _examine_events(stream: SplitResult, place: Place, wait_seconds: float) -> Iterator[Finding]:
    with ExitStack() as stack:
        began = time.monotonic()
        response = _open_stream(stream, wait_seconds, stack)
        kind = response.getheader("content-type", "none")
        if response.status != 200 or not kind.startswith("text/event-stream"):
            yield fail(
                "stream",
                f"{_shown(stream)} answers {response.status} with {kind}",
                "200 with text/event-stream",
                "See what answers there: the proxy's rules, which names are answered to, whether"
                f" {place.program} runs",
            )
            return
        if encoding := response.getheader("content-encoding"):
            yield fail(
                "stream",
                f"it is compressed ({encoding})",
                "no Content-Encoding",
                "A compressed event waits for the next one: leave text/event-stream out of the"
                " proxy's compression (nginx: gzip_types, Caddy: encode)",
            )
            return
        event = _read_event(response, wait_seconds)
        seconds = time.monotonic() - began
        if b"event: busy" in event:
            yield warn(
                "stream",
                "it was refused: no room, or the worker stops",
                "a first event with the numbers",
                "Look at the log, and again in a moment",
            )
            return
        if seconds > SLOW_STREAM_SECONDS:
            yield warn(
                "first event",
                f"after {seconds:.2f} s",
                f"less than {SLOW_STREAM_SECONDS:g} s",
                f"Something is slow, or holds it back. {BUFFERS}",
            )
        else:
            yield Finding("first event", f"after {seconds * 1000:.0f} ms")
        # This changes the number. On a busy site another reader may change it first, which proves
        # as much.
        _open_stream(stream, wait_seconds, stack)
        began = time.monotonic()
        try:
            _read_event(response, wait_seconds)
        except ProbeError as error:
            yield fail(
                "next event",
                f"{error}, though another stream was opened",
                "one within a second",
                f"Something holds it back, or the workers do not hear of each other. {BUFFERS}",
            )
        else:
            seconds = time.monotonic() - began
            yield Finding("next event", f"{seconds * 1000:.0f} ms after the change")


def _open_stream(
    stream: SplitResult, wait_seconds: float, stack: ExitStack
) -> http.client.HTTPResponse:
    """Open a stream as a browser does; the stack closes it."""
    is_tls = stream.scheme == "https"
    connect_to = http.client.HTTPSConnection if is_tls else http.client.HTTPConnection
    connection = connect_to(stream.hostname or "", stream.port, timeout=wait_seconds)
    stack.callback(connection.close)
    connection.request("GET", f"{stream.path}?{stream.query}", headers=STREAM_HEADERS)
    with _expecting("answer", wait_seconds):
        return stack.enter_context(connection.getresponse())


def _read_event(response: http.client.HTTPResponse, wait_seconds: float) -> bytes:
    """Return the next event, whatever framing the response has."""
    event = b""
    with _expecting("event", wait_seconds):
        for line in response:
            if line == b"\n":
                return event
            event += line
    raise ProbeError("no event: the connection was closed")


@contextmanager
def _expecting(what: str, wait_seconds: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise ProbeError(f"no {what} within {wait_seconds:g} s") from None
    except (ConnectionError, http.client.HTTPException) as error:
        raise ProbeError(f"no {what} ({type(error).__name__}: {error})") from None
