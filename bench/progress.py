"""Show a benchmark's progress: a bar on a terminal."""

from __future__ import annotations

import time
from typing import Any, Self


class Progress:
    """A bar on a terminal that says what is going on; prints nothing elsewhere."""

    def __init__(self, steps: int) -> None:
        from tqdm import tqdm

        tqdm.monitor_interval = 0  # no thread: servers are forked
        self._bar: Any = tqdm(total=steps, disable=None, leave=False, dynamic_ncols=True)
        self._not_before = 0.0

    def tell(self, step: str) -> None:
        """Say what is going on now."""
        now = time.monotonic()
        self._bar.set_description_str(step, refresh=now >= self._not_before)
        self._not_before = max(self._not_before, now + 0.2)

    def step(self) -> None:
        """Note that one more step is done."""
        self._bar.update(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._bar.close()
