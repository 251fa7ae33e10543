"""A server's cost by the kernel's own accounting: CPU time and memory of its processes. Linux.

The load client does not enter these figures: a slow client makes a server wait, not work.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
REDIS_NAMES = frozenset({"valkey-server", "redis-server"})

_libc = ctypes.CDLL(None)


class Usage(NamedTuple):
    """What all processes of a server have used or hold, Redis's share included."""

    cpu_ns: int
    redis_cpu_ns: int
    pss_bytes: int
    redis_pss_bytes: int


def read_usage(roots: Iterable[int], *, memory: bool = False) -> Usage:
    """Add up the processes `roots` and all below them; memory costs milliseconds, so only if asked.

    A process that started since the last reading counts in full. One that has ended is in its
    parent's account: `waited_cpu_ns`.
    """
    cpu_ns = redis_cpu_ns = pss_bytes = redis_pss_bytes = 0
    for pid in walk_tree(roots):
        try:
            name = (PROC / f"{pid}/comm").read_text(encoding="ascii").strip()
            used_ns = process_cpu_ns(pid) + waited_cpu_ns(pid)
            held_bytes = pss(pid) if memory else 0
        except OSError:  # it has just ended
            continue
        cpu_ns += used_ns
        pss_bytes += held_bytes
        if name in REDIS_NAMES:
            redis_cpu_ns += used_ns
            redis_pss_bytes += held_bytes
    return Usage(cpu_ns, redis_cpu_ns, pss_bytes, redis_pss_bytes)


def walk_tree(roots: Iterable[int]) -> list[int]:
    """Return the process ids `roots` and of all their descendants, parents first."""
    found = list(roots)
    for pid in found:
        try:
            for task in (PROC / f"{pid}/task").iterdir():
                found += map(int, (task / "children").read_text(encoding="ascii").split())
        except OSError:  # it has just ended
            continue
    return found


def process_cpu_ns(pid: int) -> int:
    """Return the CPU time of a process, in nanoseconds: every thread, ended ones too.

    This is the scheduler's own clock (clock_getcpuclockid(3)), not the ticks of /proc/<pid>/stat.
    """
    clock = ctypes.c_int()
    if _libc.clock_getcpuclockid(pid, ctypes.byref(clock)):
        raise ProcessLookupError(f"found no process {pid}")
    return time.clock_gettime_ns(clock.value)


def waited_cpu_ns(pid: int) -> int:
    """Return the CPU time of a process's ended and awaited children, to a tick (10 ms)."""
    stat = (PROC / f"{pid}/stat").read_text(encoding="utf-8", errors="replace")
    # proc_pid_stat(5): fields 16 and 17, cutime and cstime; the name may hold anything but ")".
    fields = stat.rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) * (1_000_000_000 // TICKS_PER_SECOND)


def pss(pid: int) -> int:
    """Return the proportional set size of a process: a shared page is divided among its sharers."""
    for line in (PROC / f"{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        name, _, size = line.partition(":")
        if name == "Pss":
            return int(size.removesuffix("kB")) * 1024
    raise ProcessLookupError(f"found no memory of process {pid}")
