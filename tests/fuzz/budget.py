"""How long to fuzz: a few examples in every test run, and in `make fuzz` until time is up.

Hypothesis and not atheris: it is here already, shrinks what it finds, and needs no clang.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
FEW = settings(
    max_examples=200 if SECONDS else 60,
    deadline=None,  # CPU is measured where it matters; the clock of a busy machine tells nothing
    derandomize=not SECONDS,
    suppress_health_check=list(HealthCheck),
)


def fuzz(check: Callable[[T], None], inputs: SearchStrategy[T]) -> None:
    """Check that a property holds for inputs that Hypothesis generates."""
    ends_at = time.monotonic() + SECONDS
    while True:
        FEW(given(inputs)(check))()
        if time.monotonic() >= ends_at:
            return
