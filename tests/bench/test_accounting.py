"""The kernel's books are read right: CPU and memory of a whole tree of processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from bench.accounting import process_cpu_ns, read_usage, walk_tree
from tests.valkey import Valkey

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"


@contextmanager
def run_program(program: str) -> Iterator[int]:
    """Run a Python program until it has said that it is ready; yield its process id."""
    waits = "\nprint('ready', flush=True); import sys; sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program + waits],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process.pid
        finally:
            process.communicate()


def test_cpu_time_is_what_the_process_itself_has_seen():
    with run_program(BURN) as pid:
        assert 0.3 <= process_cpu_ns(pid) / 1e9 < 0.4


def test_an_ended_thread_stays_in_the_books():
    threaded = (
        "import threading, time\n"
        "def burn():\n"
        "    while time.thread_time() < 0.3: pass\n"
        "thread = threading.Thread(target=burn); thread.start(); thread.join()\n"
    )
    with run_program(threaded) as pid:
        assert 0.3 <= process_cpu_ns(pid) / 1e9 < 0.5


def test_a_living_child_is_part_of_its_parents_usage():
    parent = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {BURN!r} + "
        "'print(1, flush=True); import sys; sys.stdin.read()'],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
    )
    with run_program(parent) as pid:
        tree = walk_tree([pid])
        assert len(tree) == 2
        assert tree[0] == pid
        assert 0.3 <= read_usage([pid]).cpu_ns / 1e9 < 0.6


def test_an_ended_child_is_part_of_its_parents_usage():
    parent = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])\n"
    with run_program(parent) as pid:
        assert walk_tree([pid]) == [pid]
        assert 0.28 <= read_usage([pid]).cpu_ns / 1e9 < 0.6  # to a tick of 10 ms


def test_memory_is_what_a_process_holds_and_read_only_if_asked():
    with run_program("held = bytearray(b'x') * 50_000_000\n") as pid:
        assert 50e6 < read_usage([pid], memory=True).pss_bytes < 100e6
        assert read_usage([pid]).pss_bytes == 0


def test_redis_has_its_own_share_of_the_usage(valkey: Valkey):
    client = redis.Redis.from_url(valkey.url)
    server_pid = int(client.info("server")["process_id"])
    client.close()
    server = read_usage([server_pid], memory=True)
    assert server.redis_cpu_ns == server.cpu_ns > 0
    assert server.redis_pss_bytes == server.pss_bytes > 0
    with run_program("") as pid:
        both = read_usage([pid, server_pid], memory=True)
        assert 0 < both.redis_cpu_ns < both.cpu_ns
        assert 0 < both.redis_pss_bytes < both.pss_bytes


def test_a_process_that_is_gone_costs_nothing():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert read_usage([process.pid], memory=True) == (0, 0, 0, 0)
    with pytest.raises(ProcessLookupError):
        process_cpu_ns(process.pid)


def test_this_process_can_read_itself():
    assert process_cpu_ns(os.getpid()) > 0
