"""Whether Redis answers, and so how far the numbers can be believed. Pure but for the log."""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable

from redis import exceptions

log = logging.getLogger(__name__)


class State(enum.Enum):
    """How far the numbers can be believed."""

    WHOLE = "whole"
    STALE = "stale"  # Redis does not answer, or refuses: other workers' presences stand still
    LOCAL = "local"  # it has not for a minute: only this worker's own are shown


# What a server says that is there.
_REFUSALS = (
    exceptions.ResponseError,
    exceptions.AuthenticationError,
    exceptions.AuthorizationError,
    exceptions.BusyLoadingError,
)


def is_refusal(error: BaseException) -> bool:
    """Tell whether Redis is there, and does not do what it is asked."""
    return isinstance(error, _REFUSALS)


def describe_outage(error: BaseException) -> str:
    """Say what Redis does, such as "does not answer (TimeoutError: …)".

    A client's error may repeat the command, and with it readers' keys: only its kind and its first
    words are said.
    """
    does = "refuses" if is_refusal(error) else "does not answer"
    words = str(error).splitlines()[0][:80] if str(error) else ""
    return f"{does} ({type(error).__name__}: {words})"


class Health:
    """The outages of the writer and of the reader, as one.

    An outage is logged once when it starts and once when it ends.
    """

    def __init__(self, *, local_after_seconds: float) -> None:
        self.listeners: list[Callable[[State], None]] = []
        self.state = State.WHOLE
        self._local_after_seconds = local_after_seconds
        self._failing: set[str] = set()
        self._failing_since = 0.0

    def note_failure(self, who: str, error: BaseException, now: float) -> None:
        """Note that `who` failed: the numbers are stale."""
        if not self._failing:
            self._failing_since = now
            log.warning(
                "presence: Redis %s; pages go on, counts stand still", describe_outage(error)
            )
        self._failing.add(who)
        if self.state is State.WHOLE:
            self._set(State.STALE)

    def note_success(self, who: str, now: float) -> bool:
        """Note that `who` succeeded; return whether that ends an outage of its own."""
        if who not in self._failing:
            return False
        self._failing.discard(who)
        if not self._failing:
            log.info("presence: Redis is back after %.1f s", now - self._failing_since)
            self._set(State.WHOLE)
        return True

    def must_forget(self, now: float) -> bool:
        """Tell, once in an outage, that the others' presences are a mere guess by now."""
        age = now - self._failing_since
        if self.state is not State.STALE or age < self._local_after_seconds:
            return False
        self._set(State.LOCAL)
        return True

    def _set(self, state: State) -> None:
        self.state = state
        for listener in self.listeners:
            listener(state)
