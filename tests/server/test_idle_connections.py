"""Connections that wait for a request when a worker stops.

gunicorn's own times are long here: neither keep-alive nor the grace time ends any of them, but
where a test says so.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ports import reserve_port
from tests.site import ROOT, Site, follow_config
from tests.streams.tab import TRUST_ALL
from tests.streams.test_transports import TlsSite

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
LONG_TIMES = "keepalive = graceful_timeout = WORKER_GRACE_SECONDS = 60\n"
WAIT_FOR_NEW = "import blog.ops.idle\nblog.ops.idle.FIRST_SECONDS = 60\n"
# Neither gunicorn's word that its grace time is over, nor anything that went wrong.
UNUSUAL = ("graceful timeout", "[WARNING]", "[ERROR]", "Traceback")


class Connections(contextlib.ExitStack):
    """Connections to a site, which are closed at the end."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site = site

    def open(self, begin: bytes = b"") -> socket.socket:
        """Open one that the worker has accepted and is silent, or has said so much."""
        sock: socket.socket = self.enter_context(self._site.connect())
        if isinstance(self._site, TlsSite):
            sock = self.enter_context(TRUST_ALL.wrap_socket(sock))
        self._site.wait(
            lambda: self._site.find_worker(sock.getsockname()[1]) is not None, "it is accepted"
        )
        sock.sendall(begin)
        return sock

    def open_used(self) -> socket.socket:
        """Open one that has had an answer, and may ask again."""
        sock = self.open(HEALTH)
        assert "Connection: keep-alive" in read_answer(sock)
        return sock


@contextlib.contextmanager
def start(folder: Path, config: str, kind: type[Site] = Site) -> Iterator[tuple[Site, Connections]]:
    environ = follow_config(folder / "conf.py", LONG_TIMES + config)
    with kind(workers=1, environ=environ) as site, Connections(site) as connections:
        yield site, connections


def test_those_that_had_an_answer_end_at_once_and_a_first_request_is_waited_for(tmp_path):
    with start(tmp_path, WAIT_FOR_NEW) as (site, connections):
        used = [connections.open_used() for _ in range(10)]
        used[0].sendall(HEALTH[:20])
        silent, asking = connections.open(), connections.open()
        half = connections.open(HEALTH[:20])
        os.kill(site.master_pid, signal.SIGTERM)
        assert [sock.recv(1) for sock in used] == [b""] * 10
        wait_until(lambda: not is_listening(site.port))
        asking.sendall(HEALTH)
        half.sendall(HEALTH[20:])
        for sock in (asking, half):
            answer = read_answer(sock)
            assert answer.startswith("HTTP/1.1 200 OK")
            assert "Connection: close" in answer
        silent.settimeout(0.0)
        with pytest.raises(BlockingIOError):  # it is still there
            silent.recv(1)


def test_those_that_had_none_end_a_little_later_and_hold_the_worker_up_no_longer(tmp_path):
    with start(tmp_path, "") as (site, connections):
        socks = [connections.open() for _ in range(10)] + [connections.open(HEALTH[:20])]
        os.kill(site.master_pid, signal.SIGTERM)
        assert [sock.recv(1) for sock in socks] == [b""] * 11
        wait_until(site.has_ended)
        log = site.read_whole_log()
        assert not [word for word in UNUSUAL if word in log], log


@pytest.mark.parametrize("kind", [Site, TlsSite])
def test_what_has_not_come_when_the_grace_time_ends_is_given_up_without_a_word(kind, tmp_path):
    """With TLS nothing ends sooner, and not by an alert."""
    config = f"{WAIT_FOR_NEW}WORKER_GRACE_SECONDS = 1\n"
    with start(tmp_path, config, kind) as (site, connections):
        used, half = connections.open_used(), connections.open(HEALTH[:20])
        os.kill(site.master_pid, signal.SIGTERM)
        assert [sock.recv(1) for sock in (used, half)] == [b"", b""]
        wait_until(site.has_ended)
        log = site.read_whole_log()
        assert log.count("Worker graceful timeout") == 1
        assert "[ERROR]" not in log
        assert "Traceback" not in log


def test_a_request_under_way_is_answered_and_is_the_last_of_its_connection(tmp_path):
    """With an application that answers when it is told to: the blog's own answers take no time."""
    (tmp_path / "slow.py").write_text(
        "import pathlib, gevent\n"
        "folder = pathlib.Path(__file__).parent\n"
        "def app(environ, start_response):\n"
        "    (folder / 'begun').touch()\n"
        "    while not (folder / 'go').exists():\n"
        "        gevent.sleep(0.01)\n"
        "    start_response('200 OK', [('Content-Length', '5')])\n"
        "    return [b'done\\n']\n"
    )
    port = reserve_port()
    options = ["--worker-class=blog.ops.worker.Worker", "--keep-alive=60", "--no-control-socket"]
    bind = f"--bind=127.0.0.1:{port}"
    with subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *options, bind, f"--chdir={tmp_path}", "slow:app"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    ) as gunicorn:
        try:
            wait_until(lambda: is_listening(port))
            with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
                sock.sendall(HEALTH * 2)  # the second one must not be answered
                wait_until((tmp_path / "begun").exists)
                gunicorn.terminate()
                wait_until(lambda: not is_listening(port))
                (tmp_path / "go").touch()
                answer = read_answer(sock)
                assert answer.count("HTTP/1.1 200 OK") == 1
                assert "Connection: close" in answer
                assert sock.recv(1) == b""
            assert gunicorn.wait(10) == 0
        finally:
            gunicorn.kill()


def read_answer(sock: socket.socket) -> str:
    """Return an answer with its body, which ends with a line here."""
    text = b""
    while not text.endswith(b"\n") or text.endswith(b"\r\n"):
        received = sock.recv(4_096)
        assert received, f"the connection ended after {text!r}"
        text += received
    return text.decode()


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so, ten seconds at most."""
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline, "waited ten seconds in vain"
        time.sleep(0.01)


def is_listening(port: int) -> bool:
    """Tell whether somebody takes connections there."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
