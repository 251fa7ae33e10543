"""Pages beside the streams, and a deploy: with the blog itself, and few readers."""

from __future__ import annotations

import dataclasses

import pytest

from bench.contestants import CONTESTANTS
from bench.measure import Plan, measure
from bench.returning import measure_returning
from bench.server import ContestantError
from tests.bench.test_counting import make_stub

OURS = next(contestant for contestant in CONTESTANTS if contestant.name == "detached")
PLAN = Plan(steady_seconds=0.5, calm_seconds=0.0, idle_seconds=0.5, page_seconds=6.0, repeats=1)


def test_all_are_back_after_a_deploy_and_pages_are_answered_meanwhile():
    said: list[str] = []
    returning = measure_returning(OURS, 60, PLAN, said.append)
    assert returning.readers == 60
    # streams/returns.py: 60 of them are told to come back within 2 s or a little more, ± 30 %.
    assert 1.0 < returning.wait.half <= returning.wait.most <= returning.wait.last < 6.0
    assert 0.0 < returning.page_seconds < 5.0
    assert said[-1] == "Viblog, detached, 60 readers: coming back after a deploy"


def test_a_server_without_pages_fails_the_deploy():
    plan = dataclasses.replace(PLAN, return_seconds=1.0)
    with pytest.raises(ContestantError, match="The stub, 40 readers, coming back: "):
        measure_returning(make_stub("nothing"), 40, plan, lambda step: None)


def test_pages_are_asked_for_in_quiet_and_while_readers_join():
    measured = measure(OURS, 40, PLAN, idle=True, tell=lambda step: None)
    assert measured.page_quiet_seconds is not None
    assert measured.page_storm_seconds is not None
    assert 0.0 < measured.page_quiet_seconds < 5.0
    assert 0.0 < measured.page_storm_seconds < 5.0
