"""Workers of the presence as processes of their own: start them, ask them, hurt them."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

NODE = Path(__file__).with_name("node.py")
ROOT = NODE.parents[2]
ANSWER_SECONDS = 10.0
# Ten times as fast as in life.
LEASE_SECONDS = 1.5
TIMINGS = {
    "lease_seconds": LEASE_SECONDS,
    "heartbeat_seconds": 0.5,
    "flush_seconds": 0.05,
    "digest_seconds": 3.0,
    "echo_seconds": 1.0,
    "max_retry_seconds": 0.3,
}


class NodeError(AssertionError):
    """A node answered with an error; `kind` is its type."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Node:
    """One process with one tracker."""

    def __init__(self, url: str, **timings: float) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", str(NODE), url, json.dumps(TIMINGS | timings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self._was_killed = False

    def call(self, verb: str, *arguments: object) -> Any:
        """Have the node do something; return its answer. Raises `NodeError`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([verb, *arguments]).encode() + b"\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], ANSWER_SECONDS)[0]:
            raise AssertionError(f"{verb}: no answer; {self.log()}")
        line = self._process.stdout.readline()
        assert line, f"{verb}: the node ended; {self.log()}"
        answer = json.loads(line)
        if "error" in answer:
            raise NodeError(answer["error"], answer["message"])
        return answer["result"]

    def wait_for_count(self, count: int, *, within_seconds: float = 1.0) -> float:
        """Wait until the node counts so many presences; return how long it took."""
        return wait_until(
            lambda: self.call("count") == count,
            within_seconds=within_seconds,
            what=lambda: f"{count} presences; {self.call('list')}; {self.log()}",
        )

    def wait_for_state(self, state: str, *, within_seconds: float) -> None:
        """Wait until the node says that its numbers are whole, stale or local."""
        wait_until(
            lambda: self.call("state") == state,
            within_seconds=within_seconds,
            what=lambda: f"{state}; it is {self.call('state')}; {self.log()}",
        )

    def log(self) -> str:
        """Return what the node wrote to stderr."""
        self._stderr.seek(0)
        return self._stderr.read().decode()

    def pause(self) -> None:
        """Stop the process where it is (SIGSTOP)."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without a goodbye (SIGKILL)."""
        self._process.kill()
        self._process.wait()
        self._was_killed = True

    def ask_to_end(self) -> None:
        """End its stdin, at which it says goodbye and ends."""
        assert self._process.stdin is not None
        self.resume()
        self._process.stdin.close()

    def close(self) -> None:
        """Have it end; fail where it leaves anything but silence and code 0."""
        assert self._process.stdout is not None
        try:
            self.ask_to_end()
            if not self._was_killed:
                assert self._process.wait(timeout=ANSWER_SECONDS) == 0, self.log()
            assert "Traceback" not in self.log(), self.log()
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._stderr.close()


def wait_until(
    is_so: Callable[[], bool], *, within_seconds: float, what: Callable[[], str]
) -> float:
    """Wait for a condition; return how long it took. Fails after the limit."""
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > within_seconds:
            raise AssertionError(f"not within {within_seconds} s: {what()}")
        time.sleep(0.01)
    return time.monotonic() - began


def meet(nodes: Sequence[Node]) -> None:
    """Wait until each node hears each other's joins and leaves, and nobody is there any more."""
    for number, node in enumerate(nodes):
        node.call("track", "meeting", f"node {number}", "index")
    for node in nodes:
        node.wait_for_count(len(nodes), within_seconds=5.0)
    for node in nodes:
        node.call("untrack", "meeting")
    for node in nodes:
        node.wait_for_count(0, within_seconds=5.0)
        node.call("take_diffs")


def assert_all_views_equal(nodes: Sequence[Node], *, within_seconds: float) -> dict[str, Any]:
    """Wait until all nodes list the same; return that list."""
    views: list[dict[str, Any]] = []

    def are_equal() -> bool:
        views[:] = [sort_refs(node.call("list")) for node in nodes]
        return all(view == views[0] for view in views)

    wait_until(are_equal, within_seconds=within_seconds, what=lambda: f"equal views; {views}")
    return views[0]


def sort_refs(view: dict[str, Any]) -> dict[str, Any]:
    """Return a list whose order says nothing: nodes may hear of two joins in different orders."""
    return {
        key: {"metas": sorted(entry["metas"], key=lambda meta: meta["ref"])}
        for key, entry in sorted(view.items())
    }
