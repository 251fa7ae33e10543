"""A benchmark leaves nothing behind: no process, no file, however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.accounting import walk_tree
from bench.contestants import CONTESTANTS
from bench.server import ROOT, Server
from tests.site import ignore_interrupts


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain until {what}"
        time.sleep(0.02)


def name_of(pid: int) -> str:
    """Return the name of a process that runs, nothing for one that has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    name, _, fields = stat.partition("(")[2].rpartition(")")
    return "" if fields.split()[0] in "ZX" else name


def folder_of(pids: list[int]) -> Path:
    """Return the folder that a server of the blog got: its Valkey works in one below."""
    (valkey,) = (pid for pid in pids if name_of(pid) == "valkey-server")
    return Path(f"/proc/{valkey}/cwd").readlink().parent


def find_servers(root: int) -> list[int]:
    """Return every process of the blog's server below `root`: master, worker and Valkey."""
    pids = walk_tree([root])[1:]
    names = [name_of(pid) for pid in pids]
    return pids if len(pids) >= 3 and "valkey-server" in names else []


def test_a_server_is_stopped_with_its_processes_and_its_folder():
    (blog,) = (each for each in CONTESTANTS if each.name == "detached")
    with Server(blog.prepare, 20) as server:
        (root,) = server.pids
        wait_until(lambda: len(walk_tree([root])) >= 3, "worker and Valkey run")
        pids = walk_tree([root])
        assert "valkey-server" in map(name_of, pids)
        folder = server.folder
        assert folder.is_dir()
    assert list(filter(name_of, pids)) == []
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_benchmark_stops_its_servers(number):
    """In the background of a shell, too. After SIGKILL its folder stays: nobody removes it."""
    command = [sys.executable, "-m", "bench", "--quick", "--only", "generator", "--readers", "40"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=ignore_interrupts,
    ) as bench:
        wait_until(lambda: bool(find_servers(bench.pid)), "the servers run")
        pids = find_servers(bench.pid)
        folder = folder_of(pids)
        assert folder.name.startswith("viblog-bench-")
        os.kill(bench.pid, number)
        bench.wait(10)
    wait_until(lambda: not any(map(name_of, pids)), "every server has ended")
    assert folder.exists() == (number == signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
