"""What takes long: made in slices, between which others are served; for strangers in turn."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import gevent
from flask import current_app
from gevent.lock import BoundedSemaphore

from blog.native import BusyError
from flask_presence.streams.turns import Turns

MOST_WAITING = 8
MOST_REST_SECONDS = 1.0

T = TypeVar("T")


def take_turns(parts: Iterable[T]) -> Iterator[T]:
    """Yield the parts; after each slice sockets are served, and others have their turn."""
    turns = Turns(time.perf_counter)
    for part in parts:
        yield part
        turns.rest_if_due()


def render_in_turns(template: str, **context: Any) -> str:
    """Render a template of this app like Flask's `render_template`, in slices."""
    app = current_app
    app.update_template_context(context)
    return "".join(take_turns(app.jinja_env.get_template(template).generate(context)))


class Turn:
    """Lets strangers do one after another what takes long: of a core they get half, all together.

    Entering it waits, and raises `BusyError` where too many wait.
    """

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._waiting = 0
        self._lock = BoundedSemaphore()
        self._begun = self._rested_at = 0.0

    def __enter__(self) -> None:
        if self._waiting >= self._most_waiting:
            raise BusyError
        self._waiting += 1
        try:
            self._lock.acquire()
        finally:
            self._waiting -= 1
        try:
            gevent.sleep(max(0.0, self._rested_at - time.monotonic()))
        except BaseException:  # the request is ended from outside
            self._lock.release()
            raise
        self._begun = time.monotonic()

    def __exit__(self, *raised: object) -> None:
        now = time.monotonic()
        self._rested_at = now + min(now - self._begun, MOST_REST_SECONDS)
        self._lock.release()
