"""Run the program that makes copies, from a native thread: `subprocess` is gevent's there."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from gevent import monkey

from blog.native import NativeStop
from blog.pictures import making

LOOK_SECONDS = 0.05
# What the program is told of this process's environment: where Python's files are, and no secret.
PASSED_ON = ("LANG", "LC_", "LD_LIBRARY_PATH", "PATH", "PYTHON")

# Gevent's watch children from its loop, which is another thread's.
_spawn: Callable[..., int] = monkey.get_original("os", "posix_spawn")
_waitpid: Callable[[int, int], tuple[int, int]] = monkey.get_original("os", "waitpid")


def make_copies(source: Path, folder: Path, stem: str, stop: NativeStop) -> dict[str, Any] | None:
    """Make the copies of a picture in a process of its own; return what it found out.

    None where the stop came first: the process is ended then. For who owns the folder. Raises
    OSError where nothing can be written or started.
    """
    result = folder / f".{stem}.json"
    paths = [str(path.absolute()) for path in (source, folder, result)]
    arguments = [sys.executable, "-P", making.__file__, stem, *paths]
    environ = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    # In a group of its own: Ctrl+C is for the blog, which then ends it.
    pid = _spawn(sys.executable, arguments, environ, setpgroup=0)
    status = _wait(pid, stop)
    if status is None:
        return None
    try:
        found: dict[str, Any] = json.loads(result.read_bytes())
        result.unlink()
    except FileNotFoundError:
        if status == making.CANNOT_WRITE:
            raise OSError(f"no copies can be written to {folder}") from None
        # It was ended for the memory or the time that it took.
        return {**making.NOTHING, "problem": "broken"}
    return found


def _wait(pid: int, stop: NativeStop) -> int | None:
    """Wait for the end of a process; return its status, None where it was ended for the stop."""
    while True:
        try:
            ended, status = _waitpid(pid, os.WNOHANG)
        except ChildProcessError:  # somebody else's wait for all children was quicker
            return 0
        if ended:
            return os.waitstatus_to_exitcode(status)
        if stop.is_set():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                _waitpid(pid, 0)
            return None
        stop.wait(LOOK_SECONDS)
