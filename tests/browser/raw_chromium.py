"""Chromium without Playwright, which makes each of its pages believe that it is seen and focused.

Here a tab in the background is hidden as a reader's is. Speaks the DevTools protocol over a pipe:
messages of JSON, each ended by a NUL, on the browser's descriptors 3 (in) and 4 (out).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any, Self

from tests.setup.tools import find_chromium

ANSWER_SECONDS = 10.0

# Moves the two pipes to where Chromium expects them, and becomes Chromium.
_LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class NoContextError(Exception):
    """A tab has no document yet, or it is being replaced by the next."""


class RawChromium:
    """One browser with an empty profile; a tab is named by its target id."""

    def __init__(self, options: Sequence[str]) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="cr-", ignore_cleanup_errors=True)
        self._asked = 0
        self._unread = b""
        to_browser, self._write_fd = _make_pipe()
        self._read_fd, from_browser = _make_pipe()
        command = [find_chromium(), "--headless=new", "--remote-debugging-pipe", *options]
        command += [f"--user-data-dir={self._profile.name}", "about:blank"]
        launch = [sys.executable, "-c", _LAUNCH, str(to_browser), str(from_browser)]
        self._process = subprocess.Popen(
            [*launch, *command],
            pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)

    def open_tab(self, url: str, *, background: bool = False) -> str:
        """Open a tab, as a link with Ctrl+click does where it is in the background."""
        found = self.send("Target.createTarget", url=url, background=background)
        return str(found["targetId"])

    def look_at(self, tab: str) -> None:
        """Bring a tab to the front."""
        self.send("Target.activateTarget", targetId=tab)

    def evaluate(self, tab: str, expression: str) -> Any:
        """Return the value of an expression in a tab; None before its document has begun."""
        session = self.send("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        try:
            found = self.send("Runtime.evaluate", session, expression=expression)
        except NoContextError:
            return None
        finally:
            self.send("Target.detachFromTarget", sessionId=session)
        return found["result"].get("value")

    def send(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """Send one command and return its result; events that come before it are dropped."""
        self._asked += 1
        message = {"id": self._asked, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._write_fd, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            answer = self._read_message(deadline)
            if answer.get("id") == self._asked:
                problem = answer.get("error", {}).get("message", "")
                if "execution context" in problem or "navigated or closed" in problem:
                    raise NoContextError
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(OSError, AssertionError):
            self.send("Browser.close")
        try:
            self._process.wait(ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write_fd)
        os.close(self._read_fd)
        self._profile.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _read_message(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._unread:
            left = max(0.0, deadline - time.monotonic())
            assert select.select([self._read_fd], [], [], left)[0], "Chromium does not answer"
            chunk = os.read(self._read_fd, 65_536)
            assert chunk, "Chromium has ended"
            self._unread += chunk
        message, _, self._unread = self._unread.partition(b"\0")
        return dict(json.loads(message))


def _make_pipe() -> tuple[int, int]:
    """Return both ends of a pipe, neither of them 3 or 4."""
    ends = os.pipe()
    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
