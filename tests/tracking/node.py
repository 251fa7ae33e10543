"""One worker of the presence and nothing else: obeys JSON lines, answers JSON lines.

Usage: python node.py URL TIMINGS, where TIMINGS is a JSON object of `Timings`' fields. A line is
`[verb, argument, …]`; its answer `{"result": …}`, or `{"error": kind, "message": text}`.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import logging  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from typing import Any  # noqa: E402

from gevent.fileobject import FileObject  # noqa: E402

from flask_presence.tracking import Diff, Store, Timings, Tracker, connect  # noqa: E402

PREFIX = "{nodes}"
TOPIC = "blog"


class Program:
    """A tracker, and everything it has told: each diff, and the lowest count of our own."""

    def __init__(self, url: str, timings: dict[str, float]) -> None:
        store = Store(connect(url), PREFIX)
        self.tracker = Tracker(store, indexes=("page",), timings=Timings(**timings))
        self.diffs: list[Any] = []
        self.lowest_count = 0
        self.states: list[str] = []
        self.tracker.subscribe(self._note, topic=TOPIC)
        self.tracker.subscribe_state(lambda state: self.states.append(state.value))
        self.tracker.start(wait_seconds=2.0)
        self.first_count = self.tracker.count(TOPIC)

    def _note(self, diff: Diff) -> None:
        self.diffs.append(diff.as_lists())
        self.lowest_count = min(self.lowest_count, self.tracker.count(TOPIC))

    def track(self, owner: str, key: str, page: str, prev_ref: str | None = None) -> str:
        return self.tracker.track(owner, TOPIC, key, {"page": page}, prev_ref=prev_ref)

    def untrack(self, owner: str, linger_seconds: float = 0.0) -> None:
        self.tracker.untrack(owner, linger_seconds=linger_seconds)

    def update(self, owner: str, key: str, page: str) -> str:
        return self.tracker.update(owner, TOPIC, key, {"page": page})

    def worker(self) -> str:
        return self.tracker.worker

    def list(self) -> Any:
        return self.tracker.list(TOPIC)

    def count(self, page: str | None = None) -> int:
        if page is None:
            return self.tracker.count(TOPIC)
        return self.tracker.count(TOPIC, page=page)

    def count_at_start(self) -> int:
        return self.first_count

    def count_keys(self) -> int:
        return self.tracker.count(TOPIC, distinct=True)

    def get_by_key(self, key: str) -> Any:
        return self.tracker.get_by_key(TOPIC, key)

    def state(self) -> str:
        return self.tracker.state.value

    def state_history(self) -> Any:
        return self.states

    def take_diffs(self) -> Any:
        """Return what was told since the last time."""
        diffs, self.diffs = self.diffs, []
        return diffs

    def watch_count(self) -> None:
        """Have `lowest` return the lowest count told from now on."""
        self.lowest_count = self.tracker.count(TOPIC)

    def lowest(self) -> int:
        return self.lowest_count

    def clock(self) -> float:
        return time.time()

    def close(self, lease_seconds: float = 0.0) -> None:
        self.tracker.close(lease_seconds=lease_seconds)


def main() -> None:
    """Obey until stdin ends."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    program = Program(sys.argv[1], json.loads(sys.argv[2]))
    # A plain read of stdin would stop every greenlet.
    for line in FileObject(sys.stdin.fileno(), "rb", close=False):
        verb, *arguments = json.loads(line)
        try:
            answer = {"result": getattr(program, verb)(*arguments)}
        except (LookupError, TypeError) as error:
            answer = {"error": type(error).__name__, "message": str(error)}
        print(json.dumps(answer), flush=True)
    program.close()


if __name__ == "__main__":
    main()
