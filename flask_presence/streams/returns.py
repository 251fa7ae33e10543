"""How soon a tab comes back, for each reason that its stream can end. In milliseconds.

Each delay is drawn from a range, so that tabs sent away together do not come back together; htmx
varies what it is told by 30 %.
"""

from __future__ import annotations

import random

HTMX_SPREAD = 1.3

# Its stream broke off: a worker was killed, or the network changed. Soon enough to go unnoticed.
RETRY_MS = (500, 2_000)
# It was asked to: its stream is old, or its reader opened another page. Back well within a second.
ROTATE_RETRY_MS = (50, 250)
# It was refused: there is no room, or the worker stops and another one has room.
BUSY_RETRY_MS = (5_000, 15_000)
DRAINING_RETRY_MS = (300, 1_500)
# Its worker stops: the range for few tabs, and for so many or more; in between, in proportion.
# Never before the worker has stopped accepting, which takes gunicorn a second; all are back in 15
# s.
DRAIN_RETRY_MS_FEW = (1_500, 2_000)
DRAIN_RETRY_MS_MANY = (2_000, 10_000)
DRAIN_MANY = 1_000


def choose(between_ms: tuple[int, int]) -> int:
    """Return a random time between two."""
    return round(random.uniform(*between_ms))


def drain_retry_ms(count: int) -> tuple[int, int]:
    """Return the range of delays after which a stopping worker's so many tabs come back."""
    share = min(count / DRAIN_MANY, 1.0)
    least, most = (
        round(few + share * (many - few))
        for few, many in zip(DRAIN_RETRY_MS_FEW, DRAIN_RETRY_MS_MANY, strict=True)
    )
    return least, most
