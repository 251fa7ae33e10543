"""Two faults at once: the bounds of docs/presence.md hold for them, too.

Each fault is followed by a few others, by the run's seed; `make soak` tries all.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.server.pairs import FAULTS, Hosts, start, try_pair

pytestmark = [pytest.mark.full, pytest.mark.alone, pytest.mark.system]

SECONDS_OF_EACH = 2


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with start() as hosts:
        yield hosts


@pytest.mark.parametrize("first", FAULTS)
def test_after_two_faults_everybody_is_right_as_soon_as_after_one(hosts, first):
    for second in random.sample(FAULTS, SECONDS_OF_EACH):
        print(f"{first} + {second}: right after {try_pair(hosts, first, second):.1f} s")
