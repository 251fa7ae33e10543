"""gunicorn's gevent worker, with an answer of our own to an address that is too long."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import gevent
from gunicorn.http.errors import LimitRequestLine
from gunicorn.workers.ggevent import GeventWorker

# What still comes of such a request is read for so long, and so much of it. Closed at once, with
# bytes unread, the connection would be reset, and the answer lost (RFC 9112, 9.6).
LINGER_SECONDS = 2.0
MAX_LINGER_BYTES = 1024 * 1024

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Too long</title></head>
<body><main><h1>Too long</h1>
<p>An address may have some 8,000 characters, and this one has more.
If you searched for something: fewer words find more.</p>
<p><a href="/search">Search</a> · <a href="/">All posts</a></p></main></body>
</html>
"""


def write_too_long() -> bytes:
    """Return the whole answer."""
    # Not above: the master imports this file, and Flask is to come after gevent's patches.
    from .headers import SECURITY_HEADERS

    body = PAGE.encode()
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(body)),
        "Connection": "close",
        "Cache-Control": "no-store",
        **SECURITY_HEADERS,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 414 URI Too Long\r\n{lines}\r\n".encode("latin-1") + body


class Worker(GeventWorker):
    """The worker that `gunicorn.conf.py` names."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that cannot be read; gunicorn does but for the one case."""
        if not isinstance(exc, LimitRequestLine):
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("Invalid request: %s", exc)
        limit = gevent.Timeout(LINGER_SECONDS, False)  # type: ignore[arg-type] # ends the block
        with contextlib.suppress(OSError), limit:
            client.sendall(write_too_long())
            client.shutdown(socket.SHUT_WR)
            left = MAX_LINGER_BYTES
            while left > 0 and (received := client.recv(65_536)):
                left -= len(received)
