"""`GET /live?page=…`: the stream of an open page."""

from __future__ import annotations

import random
from collections.abc import Callable

from flask import Blueprint, Response, request
from gevent import monkey

from blog.streams.event import encode_event
from blog.streams.generator import GeneratorTransport
from blog.streams.hub import Ending, Hub
from blog.streams.socket_watch import find_socket

from .gate import Gate
from .readers import COOKIE, PARK, Readers, is_cookie, key_of, make_cookie, read_ref

BUSY_RETRY_MS = (5_000, 15_000)
DRAINING_RETRY_MS = (300, 1_500)


def create_live(
    *, hub: Hub, gate: Gate, readers: Readers, is_page: Callable[[str], bool]
) -> Blueprint:
    """Make the blueprint of the stream endpoint. `is_page` looks a page up in the index."""
    live = Blueprint("live", __name__)

    @live.get("/live")
    def stream() -> Response:
        if request.method == "HEAD":
            return _respond(b"")
        if not monkey.is_module_patched("socket"):
            # A server of threads: each open page would hold one of them for ever.
            return _refuse("busy", BUSY_RETRY_MS)
        leave_gate = gate.enter(request.remote_addr)
        if leave_gate is None:
            return _refuse("busy", DRAINING_RETRY_MS if gate.is_draining else BUSY_RETRY_MS)
        page = request.args.get("page", "")
        if not is_page(page):
            # A tab whose post is gone: it need not ask again before somebody looks at it.
            leave_gate()
            return _respond(PARK)
        # Another site's page may not make its visitors count here. Old browsers do not say.
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            leave_gate()
            return Response("Streams are for this site's own pages.\n", 403, mimetype="text/plain")
        sent_cookie = request.cookies.get(COOKIE)
        cookie = sent_cookie if sent_cookie and is_cookie(sent_cookie) else make_cookie()
        return _open(page, cookie, leave_gate, is_new=cookie != sent_cookie)

    def _open(page: str, cookie: str, leave_gate: Callable[[], None], *, is_new: bool) -> Response:
        departures: list[Callable[[Ending], None]] = []

        def on_end(ending: Ending) -> None:
            leave_gate()
            for depart in departures:
                depart(ending)

        opened = hub.open(page, on_end)
        prev_ref = read_ref(request.headers.get("Last-Event-ID"))
        departures.append(readers.arrive(opened, key_of(cookie), prev_ref))
        transport = GeneratorTransport(hub, opened, find_socket(request.environ))
        response = _respond(transport)
        if is_new:
            response.set_cookie(
                COOKIE,
                cookie,
                path="/live",
                httponly=True,
                samesite="Lax",
                secure=request.is_secure,
            )
        return response

    return live


def _respond(body: GeneratorTransport | bytes) -> Response:
    response = Response(body, mimetype="text/event-stream", direct_passthrough=True)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # nginx would hold the events back
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _refuse(event: str, between_ms: tuple[int, int]) -> Response:
    """Refuse with a stream: htmx would swap any other body into the page, and never ask again."""
    return _respond(encode_event("", event=event, retry_ms=random.randint(*between_ms)))
