"""Faults in pairs, within three seconds of each other: each heals in its time beside another."""

from __future__ import annotations

import random
import time

import pytest

from tests.server.pairs import FAULTS, draw_pauses, start, try_pair

pytestmark = [pytest.mark.full, pytest.mark.alone]

# No pair begins later than that; the longest takes half a minute.
BEGINS_WITHIN_SECONDS = 60.0


def test_whatever_two_faults_come_together_all_views_are_right_again_within_their_bounds():
    """No fault twice, in an order by the run's seed; `make soak` tries every pair."""
    names = random.sample(list(FAULTS), len(FAULTS))
    with start() as hosts:
        deadline = time.monotonic() + BEGINS_WITHIN_SECONDS
        for pair in draw_pauses(zip(names[::2], names[1::2], strict=True)):
            if time.monotonic() < deadline:
                print(f"{try_pair(hosts, pair):5.1f} s  {pair}")
