"""One contestant's server: its processes from the first start to the last one's end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from .accounting import walk_tree

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 20.0
STOP_SECONDS = 5.0  # for one process that was killed
PR_SET_PDEATHSIG = 1  # prctl(2)
LOG_TAIL_CHARACTERS = 3_000


class ContestantError(Exception):
    """A contestant that did not do the job; the message ends with its server's log."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server runs (a folder of its own, a free port), and for how many readers."""

    folder: Path
    port: int
    readers: int


@dataclass(frozen=True, slots=True)
class Command:
    """One process to start, and the socket it then answers on: a path, or a port."""

    argv: Sequence[str]
    answers_on: Path | int
    environ: Mapping[str, str] = field(default_factory=dict)


class Server:
    """Start the commands of `prepare`, one after the other; stop them and all their children."""

    def __init__(self, prepare: Callable[[Place], list[Command]], readers: int) -> None:
        self.port = find_free_port()
        self._prepare = prepare
        self._readers = readers
        self._folder: Path | None = None
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def folder(self) -> Path:
        """Where it keeps its sockets and logs; only while it runs."""
        assert self._folder is not None, "the server is not started"
        return self._folder

    @property
    def pids(self) -> list[int]:
        """The processes that were started here, without their children."""
        return [process.pid for process in self._processes]

    def start(self) -> Self:
        """Start every process, and wait until the last one answers."""
        # Unix sockets are in it, whose paths may have 107 bytes.
        self._folder = folder = Path(tempfile.mkdtemp(prefix="viblog-bench-", dir="/tmp"))
        folder.chmod(0o755)  # nginx drops its rights
        try:
            for command in self._prepare(Place(folder, self.port, self._readers)):
                self._launch(command, folder)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End every process at once, parents first, so that none is started again. Idempotent."""
        fds = []
        for pid in walk_tree(self.pids):
            with contextlib.suppress(ProcessLookupError):
                fds.append(os.pidfd_open(pid))
                os.kill(pid, signal.SIGKILL)
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for fd in fds:  # those of grandchildren, too, which cannot be waited for
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            poll.poll(STOP_SECONDS * 1000)
            os.close(fd)
        self._processes = []
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *raised: object) -> None:
        self.stop()

    def log(self) -> str:
        """Return the end of the processes' log."""
        if self._folder is None:
            return ""
        paths = sorted(self._folder.glob("*.log"))
        text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)
        return text[-LOG_TAIL_CHARACTERS:]

    def _launch(self, command: Command, folder: Path) -> None:
        environ = {name: value for name, value in os.environ.items() if not _is_setting(name)}
        environ |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **command.environ}
        with (folder / "server.log").open("ab") as log_file:
            process = subprocess.Popen(
                command.argv,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self._processes.append(process)
        deadline = time.monotonic() + START_SECONDS
        while not answers(command.answers_on):
            if process.poll() is not None or time.monotonic() > deadline:
                raise ContestantError(f"{command.argv[0]} did not start; it said:\n{self.log()}")
            time.sleep(0.02)


def stop_on_signals() -> None:
    """Have SIGTERM and Ctrl+C end this program by an exception, so that every server is stopped.

    A shell ignores Ctrl+C (SIGINT) for what it runs in the background, and Python leaves it so.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    signal.signal(signal.SIGINT, signal.default_int_handler)


def answers(address: Path | int) -> bool:
    """Tell whether somebody listens on a unix socket or on a port of the loopback.

    A port is looked up, not connected to: the connection would be the floor's first reader.
    """
    if isinstance(address, int):
        rows = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
        fields = (row.split() for row in rows)
        # proc_pid_net(5): local address, and state 0A, LISTEN.
        return any(row[1].endswith(f":{address:04X}") and row[3] == "0A" for row in fields)
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(1.0)
        sock.connect(str(address))
        return True
    return False


def find_free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _is_setting(name: str) -> bool:
    return name.startswith("BLOG_") or name in ("PORT", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS")


def _die_with_parent() -> None:
    # Runs between fork and exec: a benchmark that is killed leaves no server behind.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
