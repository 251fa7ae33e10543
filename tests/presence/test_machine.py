"""Random schedules of joins, leaves, updates and faults: see `machine.py`."""

from __future__ import annotations

import hypothesis
from hypothesis.stateful import run_state_machine_as_test

from tests.presence.machine import PresenceMachine
from tests.presence.simulation import quieten

SETTINGS = hypothesis.settings(
    max_examples=200,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)


def test_every_schedule_converges(valkey, monkeypatch):
    quieten()
    monkeypatch.setattr(PresenceMachine, "url", valkey.url)
    run_state_machine_as_test(PresenceMachine, settings=SETTINGS)
    print(PresenceMachine.schedules, PresenceMachine.worst_seconds, PresenceMachine.faults)
