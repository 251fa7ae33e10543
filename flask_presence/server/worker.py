"""gunicorn's gevent worker, with a short path to streams and bounds on what a client can hold."""

from __future__ import annotations

import _socket
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import gevent
from gunicorn.workers.ggevent import GeventWorker

from ..streams.stream import MAX_HEAD_BYTES, PATH
from ..streams.turns import wait_a_round
from .acceptor import MAX_ACCEPT, Acceptor
from .connection import Connection
from .request import read_stream_request

if TYPE_CHECKING:
    from ..streams.peers import ServerSocket

__all__ = ["Worker"]

# The rest of a request that is answered already is read, for so long and up to so much. If the
# connection were closed at once, with bytes unread, it would be reset and the answer lost (RFC
# 9112, 9.6).
LINGER_SECONDS = 2.0
MAX_LINGER_BYTES = 1024 * 1024

LOOK = socket.MSG_PEEK | socket.MSG_DONTWAIT


class NoStreamError(Exception):
    """The application began an answer other than a stream to a request for a stream."""


def refuse_answer(*answer: object) -> NoReturn:
    """Stand in for `start_response` if only a stream can be opened."""
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
    whatever it says. Behind two proxies it does so only if both have written it: Fly's proxy writes
    one scheme for two hops, and then gunicorn decides which proxy to trust. `find_block` returns
    the address block of a peer, and `max_connections_per_address` is how many connections a block
    may have at a time beside its streams; 0 for any number, as a proxy needs. `stream_path` is the
    path of streams; `count_streams` returns how many sockets the application has taken over.
    """

    trusts_proxy = False
    stream_path = PATH
    max_connections_per_address = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.find_block: Callable[[str], str] = str
        self.count_streams: Callable[[], int] = int
        self._connections: dict[str, int] = {}  # by address block
        self._acceptors: list[Acceptor] = []

    def run(self) -> None:
        """Serve until the end. With TLS, gunicorn's own server accepts the connections."""
        if not self.cfg.is_ssl:
            self.server_class = self._make_acceptor  # type: ignore[assignment, misc]
        try:
            super().run()
        finally:
            # Told to stop quickly, gunicorn leaves them open while all that serves is closed.
            for acceptor in self._acceptors:
                acceptor.close()

    def _make_acceptor(self, listener: Any, *, spawn: Any, **unused: object) -> Acceptor:
        acceptor = Acceptor(
            listener,
            partial(self.handle, Listener(listener.getsockname())),
            self._open_at_once,
            count_room=lambda: self.worker_connections - len(spawn) - self.count_streams(),
            spawn=spawn,
            # As in gunicorn: so that each worker gets its share of the connections.
            max_accept=1 if self.cfg.workers > 1 else MAX_ACCEPT,
        )
        self._acceptors.append(acceptor)
        return acceptor

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Open a stream for a plain request for one; leave everything else to gunicorn."""
        if not isinstance(client, Connection):  # TLS
            super().handle(listener, client, addr)
            return
        block = self.find_block(addr[0]) if isinstance(addr, tuple) else ""
        count = self._connections.get(block, 0)
        if block and count >= self.max_connections_per_address > 0:  # "" on a unix socket
            client.close()
            return
        self._connections[block] = count + 1
        try:
            head = self._look(client)
            # No request came: the client is gone, or was silent for as long as gunicorn would wait.
            if head and not self._open_stream(client, addr, head):
                super().handle(listener, client, addr)
        finally:
            count = self._connections.pop(block) - 1
            if count:
                self._connections[block] = count

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Answer a request; then the connection waits for the next one, if there may be one.

        A request with a body is the last one: no page reads a body, and gunicorn would read it to
        its end, however long, without yielding. Nor would gunicorn yield while a connection's next
        request has always come already: here that request waits until all others had their turn.
        """
        if isinstance(sock, Connection):
            sock.expect_anything()
        if has_body := _has_body(req):
            req.force_close()
        try:
            answered = super().handle_request(listener_name, req, sock, addr)
        finally:
            if has_body:
                _end_gently(sock)
        if isinstance(sock, Connection):
            sock.expect_head()
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
        """Tell whether the connection needs nothing more; if not, its bytes are all left in it."""
        address = addr[0] if isinstance(addr, tuple) else ""
        environ = read_stream_request(
            head, address, trusts_proxy=self.trusts_proxy, path=self.stream_path
        )
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
        """Return what a client sent and leave it in the socket; empty if nothing came."""
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
        """Answer an unreadable request as gunicorn does; do nothing for one that never came."""
        if isinstance(exc, gevent.GreenletExit):
            self.log.debug("A request did not come before the worker's end")
            return
        super().handle_error(req, client, addr, exc)


def _has_body(req: Any) -> bool:
    # gunicorn reads a body by its length, 0 for no body, or in chunks, which have no length.
    return getattr(req.body.reader, "length", None) != 0


def _has_more(req: Any, sock: Any) -> bool:
    """Tell whether bytes of the next request have come, whether or not gunicorn has read them."""
    if req.unreader.buf.getbuffer().nbytes:
        return True
    if not isinstance(sock, Connection):  # TLS, which cannot be looked into
        return True
    try:
        return bool(sock._sock.recv(1, LOOK))  # type: ignore[attr-defined] # unknown to the stubs
    except OSError:
        return False


def _end_gently(client: Any) -> None:
    """End a connection that was not read to its end, so that its answer still arrives."""
    limit = gevent.Timeout(LINGER_SECONDS, False)  # type: ignore[arg-type] # ends the block
    with contextlib.suppress(OSError), limit:
        client.shutdown(socket.SHUT_WR)
        left = MAX_LINGER_BYTES
        while left > 0 and (received := client.recv(65_536)):
            left -= len(received)
            wait_a_round()
