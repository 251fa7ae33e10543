"""The whole blog as a deployer runs it: the real gunicorn, its workers and its Valkey."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Self

import redis

from tests.ports import reserve_port

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 20.0
STOP_SECONDS = 20.0
LOG_TAIL_CHARACTERS = 6_000
# How many tabs count in all, in any wording; "just you" has no number.
TOTAL = re.compile(r">(?:just you online|(?:\d+ readers?, )?(\d+) (?:readers? online|tabs))<")


class SiteError(AssertionError):
    """The site did not start, or did not stop; the message ends with its log."""


class Site:
    """One gunicorn on a free port of the loopback, with an instance folder of its own.

    `environ` are the only settings of the blog: none come from this process's environment. `root`
    is where its code is, for a test that changes it.
    """

    def __init__(
        self, *, workers: int = 2, environ: Mapping[str, str] | None = None, root: Path = ROOT
    ) -> None:
        # The embedded Valkey's socket is in it: pytest's own temporary folders are too deep.
        self._folder = tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp")
        self.log_path = Path(self._folder.name) / "gunicorn.log"
        self.port = reserve_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.workers = workers
        self._root = root
        self._environ = dict(environ or {})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start gunicorn; wait until it answers and every worker runs."""
        clean = {name: value for name, value in os.environ.items() if not _is_setting(name)}
        environ = {
            **clean,
            "PORT": str(self.port),
            "WEB_CONCURRENCY": str(self.workers),
            "BLOG_INSTANCE_DIR": self._folder.name,
            **self._environ,
        }
        command = [sys.executable, "-m", "gunicorn", "app:app"]
        if shutil.which("setpriv"):  # tests that are killed leave no site behind
            command = ["setpriv", "--pdeathsig", "TERM", *command]
        with self.log_path.open("wb") as log_file:
            self._process = subprocess.Popen(
                command,
                cwd=self._root,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self.wait(self._is_up, "gunicorn answers", START_SECONDS)
            self.wait(lambda: len(self.worker_pids()) == self.workers, "every worker runs")
        except SiteError:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop gunicorn as a deployer does, with SIGTERM, and remove its folder. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise SiteError(self._tell("gunicorn did not stop")) from None
        finally:
            self._folder.cleanup()

    def worker_pids(self) -> list[int]:
        """Return the workers' process ids: gunicorn's children, without the Valkey and others."""
        assert self._process is not None, "the site is not started"
        master = self._process.pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text(encoding="ascii")
        return [pid for pid in map(int, children.split()) if _is_gunicorn(pid)]

    @property
    def master_pid(self) -> int:
        """The process id of gunicorn's master."""
        assert self._process is not None, "the site is not started"
        return self._process.pid

    def kill_worker(self, pid: int) -> None:
        """End one worker at once, without a goodbye."""
        assert pid in self.worker_pids(), f"{pid} is no worker of this site"
        os.kill(pid, signal.SIGKILL)

    def kill_host(self) -> None:
        """End master and workers all at once, as a host that loses its power does."""
        assert self._process is not None, "the site is not started"
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def has_ended(self) -> bool:
        """Tell whether gunicorn has ended."""
        return self._process is None or self._process.poll() is not None

    def pause_worker(self, pid: int) -> None:
        """Freeze one worker (SIGSTOP); return when it stands still."""
        assert pid in self.worker_pids(), f"{pid} is no worker of this site"
        os.kill(pid, signal.SIGSTOP)
        self.wait(lambda: _state_of(pid) == "T", f"{pid} stands still")

    def resume_worker(self, pid: int) -> None:
        """Have a frozen worker go on (SIGCONT)."""
        os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def only_worker(self, pid: int) -> Iterator[None]:
        """Have one worker accept all new connections: meanwhile the others are frozen (SIGSTOP).

        Otherwise the workers share unevenly; mostly one takes everything.
        """
        others = [other for other in self.worker_pids() if other != pid]
        try:
            for other in others:
                self.pause_worker(other)
            yield
        finally:
            for other in others:
                self.resume_worker(other)

    def find_worker(self, client_port: int) -> int | None:
        """Return the process id of the worker that has accepted the connection from a port."""
        end = f":{client_port:04X}"
        inodes = {inode for inode, client in self._list_connections() if client.endswith(end)}
        for pid in self.worker_pids():
            if not inodes.isdisjoint(_list_sockets(pid)):
                return pid
        return None

    def open_connections(self) -> list[int]:
        """Return how many connections of clients each worker holds, also those that were left.

        Its other files and sockets come and go: the store, Redis.
        """
        inodes = {inode for inode, _ in self._list_connections()}
        return [len(inodes.intersection(_list_sockets(pid))) for pid in self.worker_pids()]

    def _list_connections(self) -> list[tuple[str, str]]:
        """Return the inode and the client's end of each connection to the site."""
        table = Path(f"/proc/{self.master_pid}/net/tcp").read_text("ascii")
        rows = [row.split() for row in table.splitlines()]
        end, listening = f":{self.port:04X}", "0A"
        return [(row[9], row[2]) for row in rows if row[1].endswith(end) and row[3] != listening]

    @contextlib.contextmanager
    def embedded_redis(self) -> Iterator[redis.Redis]:
        """Connect to the site's embedded Valkey."""
        path = Path(self._folder.name) / "valkey" / "valkey.sock"
        with redis.Redis(unix_socket_path=str(path), decode_responses=True) as client:
            yield client

    def fetch(self, path: str = "/blog", *, seconds: float = 5.0) -> str:
        """Return a page as a program gets it, without being counted."""
        with urllib.request.urlopen(self.url + path, timeout=seconds) as response:
            return str(response.read().decode("utf-8"))

    def connect(self) -> socket.socket:
        """Return a connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def total(self) -> int:
        """Return how many readers are online, as any one worker shows it in the index."""
        found = TOTAL.search(self.fetch().partition('class="live-total"')[2])
        assert found, "the index shows no total"
        return int(found[1] or 0)

    def wait_for_total(self, count: int, seconds: float = 5.0) -> None:
        """Wait until the total is `count`, in as many answers in a row as there are workers."""

        def is_agreed() -> bool:
            return all(self.total() == count for _ in range(self.workers))

        self.wait(is_agreed, f"the total is {count}", seconds)

    def wait(self, is_so: Callable[[], bool], what: str, seconds: float = 5.0) -> None:
        """Wait until a condition holds; raise `SiteError` with the log if it takes too long."""
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                raise SiteError(self._tell(f"waited {seconds:g} s in vain until {what}"))
            if self._process is not None and self._process.poll() is not None:
                raise SiteError(self._tell(f"gunicorn ended with {self._process.returncode}"))
            time.sleep(0.02)

    def read_log(self) -> str:
        """Return the end of the log of gunicorn and its workers."""
        return self.read_whole_log()[-LOG_TAIL_CHARACTERS:]

    def read_whole_log(self) -> str:
        """Return the whole log of gunicorn and its workers."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *raised: object) -> None:
        self.stop()

    def _is_up(self) -> bool:
        try:
            # One that is given up earlier is answered none the less, when a test may be counting.
            self.fetch(seconds=START_SECONDS)
        except OSError:
            return False
        return True

    def _tell(self, problem: str) -> str:
        return f"{problem}; the log of {self.url}:\n{self.read_log()}"


def follow_config(path: Path, more: str) -> dict[str, str]:
    """Write a gunicorn configuration that extends the blog's own; return how to name it."""
    own = str(ROOT / "gunicorn.conf.py")
    begin = f"exec(compile(open({own!r}, encoding='utf-8').read(), {own!r}, 'exec'))\n"
    path.write_text(begin + more, encoding="utf-8")
    return {"GUNICORN_CMD_ARGS": f"--config {shlex.quote(str(path))}"}


def copy_project(root: Path) -> Path:
    """Copy what the blog runs from, without posts, to a folder to be changed; return it."""
    for name in ("app.py", "gunicorn.conf.py"):
        shutil.copy(ROOT / name, root)
    for name in ("blog", "flask_presence", "templates", "themes", "pages"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "static").mkdir()
    for name in ("vendor", "fonts"):
        (root / "static" / name).symlink_to(ROOT / "static" / name)
    for name in ("style.css", "desk.css", "charts.css", "favicon.svg"):
        shutil.copy(ROOT / "static" / name, root / "static")
    return root


def ignore_interrupts() -> None:
    """Start a program as a shell does in the background: it ignores Ctrl+C. For `preexec_fn`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _is_setting(name: str) -> bool:
    return name.startswith("BLOG_") or name in ("PORT", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS")


def _state_of(pid: int) -> str:
    """Return the letter that proc(5) gives a process's state; "T" is stopped."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    return stat.rpartition(")")[2].split()[0]


def _list_sockets(pid: int) -> list[str]:
    """Return the inodes of a process's sockets."""
    links = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            links.append(str(descriptor.readlink()))
    return [
        link.removeprefix("socket:").strip("[]") for link in links if link.startswith("socket:")
    ]


def _is_gunicorn(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return False
    return b"gunicorn" in command and b"app:app" in command
