"""Random schedules of joins, leaves, updates and faults, and three programs that they find wrong.

See `machine.py` for what must hold. `make soak` runs the same for as long as it is told to.
"""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis.stateful import run_state_machine_as_test

from flask_presence.tracking import Replica, own_presences, store, tracker
from tests.tracking.machine import PresenceMachine, settings

SCHEDULES = 200
FEW_SCHEDULES = 25
# What a machine may find, by whichever of its assertions: the schedules, which Hypothesis derives
# from the text of the machine, decide which comes first.
COUNTEREXAMPLE = "than it wrote|never put there|something else than the open tabs|shows what left"
GUARD = "if redis.call('HGET', KEYS[1], '.') ~= ARGV[2] then\n  return 0\nend\n"


@pytest.fixture(autouse=True)
def machine(valkey, monkeypatch):
    """Have the machine run on the tests' server."""
    monkeypatch.setattr(PresenceMachine, "url", valkey.url)
    monkeypatch.setattr(PresenceMachine, "schedules", 0)


def run_machine(schedules: int) -> None:
    """Run the same schedules each time."""
    run_state_machine_as_test(
        PresenceMachine,
        settings=settings(schedules, derandomize=True, phases=[hypothesis.Phase.generate]),
    )


@pytest.mark.parametrize(
    "schedules", [FEW_SCHEDULES, pytest.param(SCHEDULES, marks=pytest.mark.full)]
)
def test_all_views_converge_on_the_open_tabs_after_every_schedule(schedules):
    run_machine(schedules)
    assert PresenceMachine.schedules >= schedules


@pytest.mark.full
def test_without_the_version_guard_of_the_script_the_machine_finds_a_counterexample(monkeypatch):
    """A negative control: an append to a slot that was lost brings a part of it back."""
    read_script = store.read_script
    assert GUARD in read_script("append")
    monkeypatch.setattr(store, "read_script", lambda name: read_script(name).replace(GUARD, ""))
    with pytest.raises(AssertionError, match=COUNTEREXAMPLE):
        run_machine(SCHEDULES)


@pytest.mark.full
def test_without_the_version_check_of_the_reader_the_machine_finds_a_counterexample(monkeypatch):
    """A negative control: after a lost message the versions agree, and what they stand for does
    not; no digest will ever tell.
    """

    class TrustingReplica(Replica):
        def apply(self, worker, prev, new, joins, leaves):
            return super().apply(worker, self.version(worker) or prev, new, joins, leaves)

    monkeypatch.setattr(tracker, "Replica", TrustingReplica)
    with pytest.raises(AssertionError, match=COUNTEREXAMPLE):
        run_machine(SCHEDULES)


@pytest.mark.full
def test_without_tombstones_the_machine_finds_what_left_shown_again(monkeypatch):
    """A negative control: what came back and left is shown again where its old slot lasts."""
    monkeypatch.setattr(
        own_presences.OwnPresences, "lay_tombstone", lambda self, leaving, named: None
    )
    with pytest.raises(AssertionError, match="shows what left"):
        run_machine(SCHEDULES)
