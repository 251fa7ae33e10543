"""A small disk for a program of a test: a tmpfs, which anybody may mount in a namespace."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.site import ROOT

IN_A_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
SECONDS = 120
FILLER = "filler"


def run_with_disk(function: str) -> dict[str, Any]:
    """Return what `function`, "module:name", returns in a process that may mount; it is JSON."""
    module, _, name = function.partition(":")
    program = f"import json; from {module} import {name} as tell; print(json.dumps(tell()))"
    ended = subprocess.run(
        [*IN_A_NAMESPACE, sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """Mount one, in such a process, and yield its folder."""
    with tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as folder:
        size = f"size={megabytes}m"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", folder], check=True)
        yield Path(folder)
        subprocess.run(["umount", folder], check=True)


def fill(disk: Path) -> None:
    """Leave no room on a disk."""
    with contextlib.suppress(OSError), (disk / FILLER).open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def make_room(disk: Path) -> None:
    """Take what filled it away."""
    (disk / FILLER).unlink()
