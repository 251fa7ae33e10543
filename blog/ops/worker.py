"""gunicorn's gevent worker, with a short way to a stream, and an answer to too long an address.

When it stops, connections that wait for a request do not hold it up.
"""

from __future__ import annotations

import _socket
import contextlib
import socket
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import gevent
import gevent.socket
from gunicorn.http.errors import LimitRequestLine
from gunicorn.workers.ggevent import GeventWorker

from blog.streams.request import MAX_HEAD_BYTES, PATH, read_stream_request
from blog.streams.turns import wait_a_round

from .acceptor import MAX_ACCEPT, Acceptor
from .idle import IdleConnections

if TYPE_CHECKING:
    from blog.streams.peers import ServerSocket

# What still comes of such a request is read for so long, and so much of it. Closed at once, with
# bytes unread, the connection would be reset, and the answer lost (RFC 9112, 9.6).
LINGER_SECONDS = 2.0
MAX_LINGER_BYTES = 1024 * 1024

LOOK = socket.MSG_PEEK | socket.MSG_DONTWAIT

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


class NoStreamError(Exception):
    """The application began to answer a request for a stream in another way."""


def refuse_answer(*answer: object) -> NoReturn:
    """Stand in for `start_response` where only a stream can be begun."""
    raise NoStreamError


@dataclass(frozen=True, slots=True)
class Listener:
    """What gunicorn asks of a listening socket, which may be closed when a request comes."""

    name: Any

    def getsockname(self) -> Any:
        """Return the address that it listens on."""
        return self.name


class Worker(GeventWorker):
    """The worker that `gunicorn.conf.py` names.

    `trusts_proxy` is whether the application reads the scheme of a request from a proxy's header,
    whatever it says. Behind two it does so only where both have written it: Fly's proxy writes one
    scheme for two hops, and who is believed then is gunicorn's to say.
    """

    trusts_proxy = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle = IdleConnections()
        self._requests: set[Any] = set()

    def run(self) -> None:
        """Serve until the end. gunicorn's own server accepts where it needs TLS."""
        if not self.cfg.is_ssl:
            self.server_class = self._make_acceptor  # type: ignore[assignment, misc]
        super().run()

    def _make_acceptor(self, listener: Any, *, spawn: Any, **unused: object) -> Acceptor:
        return Acceptor(
            listener,
            partial(self.handle, Listener(listener.getsockname())),
            self._open_at_once,
            spawn=spawn,
            # As gunicorn has it: so that each worker gets its share of the connections.
            max_accept=1 if self.cfg.workers > 1 else MAX_ACCEPT,
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop: what is under way is the last request of its connection."""
        super().handle_exit(sig, frame)
        for req in self._requests:
            req.force_close()  # where no headers are sent yet, `Connection: close` is among them
        gevent.spawn(self._idle.close)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Open a stream for a request that asks for one plainly; all else is gunicorn's."""
        self._idle.add(client)
        try:
            if type(client) is gevent.socket.socket:  # not TLS
                head = self._look(client)
                if not head:
                    return  # gone, or silent for as long as gunicorn would wait
                if self._open_stream(client, addr, head):
                    return
            super().handle(listener, client, addr)
        finally:
            self._idle.discard(client)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Answer a request; the connection waits for the next one then, if there may be one.

        It is the last one where it has a body: no page reads one, and gunicorn would read it to its
        end, however long, without giving up its turn. So would it answer a connection on which
        the next request has always come already: that one waits until all others had their turn.
        """
        self._idle.discard(sock)
        self._requests.add(req)
        if has_body := _has_body(req):
            req.force_close()
        try:
            answered = super().handle_request(listener_name, req, sock, addr)
        finally:
            self._requests.discard(req)
            self._idle.add(sock, is_used=True)
            if has_body:
                _end_gently(sock)
        if _has_more(req, sock):
            wait_a_round()
        return answered

    def _open_at_once(self, sock: _socket.socket, addr: Any) -> bool:
        """Open a stream on a new connection, if the request for it is there already."""
        try:
            head = sock.recv(MAX_HEAD_BYTES, LOOK)
        except OSError:  # nothing yet, mostly
            return False
        return self._open_stream(sock, addr, head)

    def _open_stream(self, sock: ServerSocket, addr: Any, head: bytes) -> bool:
        """Tell whether the connection needs nothing more; else nothing is taken out of it."""
        address = addr[0] if isinstance(addr, tuple) else ""
        environ = read_stream_request(head, address, trusts_proxy=self.trusts_proxy)
        if environ is None:
            return False
        environ["gunicorn.socket"] = sock
        try:
            self.wsgi(environ, refuse_answer)
        except NoStreamError:
            return False
        except StopIteration:  # the socket was taken over
            pass
        except Exception:
            self.log.exception("Error handling request %s", PATH)
            sock.close()
        return True

    def _look(self, client: Any) -> bytes:
        """Return what a client sent, which stays in the socket; empty where nothing came."""
        try:
            return bytes(client._sock.recv(MAX_HEAD_BYTES, LOOK))  # nearly always there already
        except BlockingIOError:
            pass
        except OSError:
            return b""
        seconds = self.cfg.keepalive or None  # 0: gunicorn, too, waits for ever then
        limit = gevent.Timeout(seconds, False)  # type: ignore[arg-type] # ends the block
        with contextlib.suppress(OSError), limit:
            return bytes(client.recv(MAX_HEAD_BYTES, socket.MSG_PEEK))
        return b""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that cannot be read; gunicorn does but for two cases."""
        if isinstance(exc, gevent.GreenletExit):
            self.log.debug("A request did not come before the worker's end")
            return
        if not isinstance(exc, LimitRequestLine):
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("Invalid request: %s", exc)
        limit = gevent.Timeout(LINGER_SECONDS, False)  # type: ignore[arg-type] # ends the block
        with contextlib.suppress(OSError), limit:
            client.sendall(write_too_long())
        _end_gently(client)


def _has_body(req: Any) -> bool:
    # gunicorn reads a body by its length, 0 for none, or in chunks, which have none.
    return getattr(req.body.reader, "length", None) != 0


def _has_more(req: Any, sock: Any) -> bool:
    """Tell whether bytes of the next request are there, read by gunicorn already or not."""
    if req.unreader.buf.getbuffer().nbytes:
        return True
    if type(sock) is not gevent.socket.socket:  # TLS, which cannot be looked into
        return True
    try:
        return bool(sock._sock.recv(1, LOOK))  # type: ignore[attr-defined] # unknown to the stubs
    except OSError:
        return False


def _end_gently(client: Any) -> None:
    """End a connection of which not all was read, so that its answer arrives before the end."""
    limit = gevent.Timeout(LINGER_SECONDS, False)  # type: ignore[arg-type] # ends the block
    with contextlib.suppress(OSError), limit:
        client.shutdown(socket.SHUT_WR)
        left = MAX_LINGER_BYTES
        while left > 0 and (received := client.recv(65_536)):
            left -= len(received)
            wait_a_round()
