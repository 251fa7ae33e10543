"""Workers of the presence as separate processes: start them, query them, end them.

What hurts them, and what hurts Redis, is in `faults`; what they list, compared
with Redis, in `views`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flask_presence.tracking import Timings

NODE = Path(__file__).with_name("node.py")
ROOT = NODE.parents[2]
ANSWER_SECONDS = 10.0
MAX_LOG_BYTES = 1_000_000
REAL_TIMINGS = dataclasses.asdict(Timings())
# Ten times as fast as in life, where a busy machine allows it.
LEASE_SECONDS = 1.5
FAST_TIMINGS = {
    "lease_seconds": LEASE_SECONDS,
    "heartbeat_seconds": 0.5,
    "settle_seconds": 0.1,
    "flush_seconds": 0.05,
    "digest_seconds": 3.0,
    "quiet_seconds": 0.2,
    "echo_seconds": 1.0,
    "max_retry_seconds": 0.3,
}


class NodeError(AssertionError):
    """A node answered with an error; `kind` is its type."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Node:
    """One process with one tracker, fast unless `timings` says otherwise."""

    def __init__(
        self, url: str, *, environment: Mapping[str, str] | None = None, **timings: float
    ) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", str(NODE), url, json.dumps(FAST_TIMINGS | timings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        )

    def call(self, verb: str, *arguments: object) -> Any:
        """Have the node do something; return its answer. Raises `NodeError`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([verb, *arguments]).encode() + b"\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], ANSWER_SECONDS)[0]:
            raise AssertionError(f"{verb}: no answer; {self.log()}")
        line = self.process.stdout.readline()
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
        # At a place of its own: a seek would move the node's as well.
        return os.pread(self._stderr.fileno(), MAX_LOG_BYTES, 0).decode()

    def ask_to_end(self) -> None:
        """End its stdin, at which it says goodbye and ends."""
        assert self.process.stdin is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()

    def close(self) -> None:
        """Have it end; fail if it logged a traceback, or ended neither with 0 nor by SIGKILL."""
        assert self.process.stdout is not None
        try:
            self.ask_to_end()
            code = self.process.wait(timeout=ANSWER_SECONDS)
            assert code in (0, -signal.SIGKILL), self.log()
            assert "Traceback" not in self.log(), self.log()
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
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
    """Return a list in the order of its refs: nodes may hear of two joins in different orders."""
    return {
        key: {"metas": sorted(entry["metas"], key=lambda meta: meta["ref"])}
        for key, entry in sorted(view.items())
    }


def track_one_on_each(nodes: Sequence[Node]) -> dict[str, Any]:
    """Track a, b, c, … on the nodes in turn, and watch their counts; return what all list."""
    for node, key in zip(nodes, "abcd", strict=False):
        node.call("track", "tab", key, "index")
    for node in nodes:
        node.wait_for_count(len(nodes), within_seconds=2.0)
        node.call("watch_count")
    return assert_all_views_equal(nodes, within_seconds=1.0)


def count_for(node: Node, seconds: float) -> set[int]:
    """Return every count that a node shows during a while."""
    counts = set()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        counts.add(node.call("count"))
        time.sleep(0.02)
    return counts
