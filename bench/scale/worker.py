"""One worker's presence and nothing else: obeys JSON lines, `[verb, argument, …]`, and answers.

Usage: python -m bench.scale.worker URL
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import itertools  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections import deque  # noqa: E402

import gevent  # noqa: E402
from gevent.fileobject import FileObject  # noqa: E402

from bench.scale.readers import PREFIX, TOPIC, make_reader  # noqa: E402
from flask_presence.tracking import Diff, Store, Timings, Tracker, connect  # noqa: E402

TICK_SECONDS = 0.01
# No heartbeats: only the cost of changes is measured.
TIMINGS = Timings(heartbeat_seconds=600, lease_seconds=1200)


class Worker:
    """A tracker as the blog has it, whose readers come and go as they are told."""

    def __init__(self, url: str) -> None:
        store = Store(connect(url), PREFIX)
        self._tracker = Tracker(store, indexes=("page",), timings=TIMINGS)
        self._tracker.subscribe(self._note)
        self._numbers = itertools.count()
        self._open: deque[int] = deque()
        self._diffs = 0
        self._stall_seconds = 0.0
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def start(self) -> None:
        """Begin to agree with the others."""
        self._tracker.start()

    def fill(self, count: int) -> None:
        """Have so many readers."""
        for _ in range(count):
            self._join()

    def churn(self, pairs: int) -> None:
        """Have so many leave and as many come in each flush, from now on."""
        self._greenlets.append(gevent.spawn(self._churn, pairs))

    def count(self) -> int:
        """Return how many readers there are, everywhere."""
        return self._tracker.count(TOPIC)

    def heard(self) -> int:
        """Return how many changes were told, our own among them."""
        return self._diffs

    def watch(self) -> None:
        """Have `longest_stall` return for how many seconds nothing else could run, at most."""
        self._greenlets.append(gevent.spawn(self._watch))

    def longest_stall(self) -> float:
        return self._stall_seconds

    def close(self) -> None:
        gevent.killall(self._greenlets)
        self._tracker.close()

    def _join(self) -> None:
        number = next(self._numbers)
        key, meta = make_reader()
        self._tracker.track(number, TOPIC, key, meta)
        self._open.append(number)

    def _churn(self, pairs: int) -> None:
        due = time.monotonic()
        while True:
            for _ in range(pairs):
                self._tracker.untrack(self._open.popleft())
                self._join()
            due = max(due + TIMINGS.flush_seconds, time.monotonic())
            gevent.sleep(due - time.monotonic())

    def _watch(self) -> None:
        while True:
            before = time.monotonic()
            gevent.sleep(TICK_SECONDS)
            late = time.monotonic() - before - TICK_SECONDS
            self._stall_seconds = max(self._stall_seconds, late)

    def _note(self, diff: Diff) -> None:
        self._diffs += 1


def main() -> None:
    """Obey until stdin ends."""
    worker = Worker(sys.argv[1])
    for line in FileObject(sys.stdin.fileno(), "rb", close=False):
        verb, *arguments = json.loads(line)
        print(json.dumps(getattr(worker, verb)(*arguments)), flush=True)
    worker.close()


if __name__ == "__main__":
    main()
