"""Every time of the protocol. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass

SPREAD = 0.2  # timers are up to 20 % shorter, so that workers started together do not stay so


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Every time of the protocol, in seconds."""

    lease_seconds: float = 15.0
    heartbeat_seconds: float = 5.0
    # After a change the next heartbeat comes this soon: a message that was lost is noticed by it.
    settle_seconds: float = 1.0
    flush_seconds: float = 0.1
    digest_seconds: float = 30.0
    # A reader that hears nothing for so long has the writer say something: is it deaf, or is there
    # nothing to hear? Within `echo_seconds` it knows.
    quiet_seconds: float = 2.0
    echo_seconds: float = 3.0
    local_after_seconds: float = 60.0
    max_fetch_jitter_seconds: float = 1.0
    max_retry_seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.lease_seconds < 2 * self.heartbeat_seconds:
            raise ValueError(
                f"found a lease of {self.lease_seconds:g} s with a heartbeat of "
                f"{self.heartbeat_seconds:g} s, expected a lease of at least twice the heartbeat"
            )


def spread(seconds: float) -> float:
    """Return a time of at most `seconds`, and up to 20 % less."""
    return seconds * random.uniform(1 - SPREAD, 1)
