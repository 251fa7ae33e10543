"""After any schedule of presence the merged counts equal a recount by looking."""

from __future__ import annotations

import random
from collections.abc import Iterator

import hypothesis
import pytest
from hypothesis.stateful import run_state_machine_as_test

from blog.history import meter
from flask_presence.streams.observer import Ending
from tests.history.metered import MeteredMachine, MeteredWorker, MeteredWorld, Recount, tabulate
from tests.tracking.machine import KEYS, settings
from tests.tracking.simulation import PAGES, Worker
from tests.valkey import Valkey


@pytest.mark.parametrize("schedules", [8, pytest.param(200, marks=pytest.mark.full)])
def test_after_every_schedule_the_store_has_what_a_recount_has(valkey, monkeypatch, schedules):
    # A paused worker counts on, as its tabs are open: here nobody's clock is set.
    monkeypatch.setattr(meter, "GAP_MS", 10**12)
    monkeypatch.setattr(MeteredMachine, "url", valkey.url)
    run_state_machine_as_test(
        MeteredMachine,
        settings=settings(schedules, derandomize=True, phases=[hypothesis.Phase.generate]),
    )


@pytest.fixture
def world(valkey: Valkey) -> Iterator[MeteredWorld]:
    world = MeteredWorld(valkey.url)
    yield world
    world.close()


def join(world: MeteredWorld) -> MeteredWorker:
    """Return a worker that knows that it is the only one."""
    worker = world.add_worker()
    assert isinstance(worker, MeteredWorker)
    for step in (Worker.write, Worker.read) * 2:
        step(worker)
    return worker


def test_the_stay_of_a_parked_tab_goes_on_when_it_is_back_wherever_that_is(world: MeteredWorld):
    """It was open for 40 seconds, away for 100, then open for 40 and, as another ref, for 10."""
    worker = join(world)
    worker.open_tab("tab", "ada", "index")
    worker.write()
    world.pass_time(40)
    worker.end_tab("tab", Ending.PARKED)
    worker.write()
    world.pass_time(100)
    worker.open_tab("back", "ada", "index", parked_after=40)
    worker.write()
    world.pass_time(40)
    ref = worker.end_tab("back", Ending.RETURNS)
    worker.open_tab("moved", "ada", "index", prev_ref=ref)
    worker.write()
    world.pass_time(10)
    worker.close_tab("moved")
    world.pass_time(2)
    worker.flush()
    tables = tabulate([worker])
    assert (tables.opens, tables.open_ms) == ({"index": 1}, {"index": 90_000})
    assert +tables.stays == {("index", 3): 1}  # 60 to 120 seconds


def play(url: str, count: int, seed: int) -> Recount:
    """Play a schedule on so many workers that hear of each other at once; return the tables."""
    chance = random.Random(seed)
    world = MeteredWorld(url)
    try:
        workers = [world.add_worker() for _ in range(count)]

        def exchange() -> None:
            for step in (Worker.write, Worker.read) * 2:
                for worker in workers:
                    step(worker)
                    while worker.line.inbox:
                        worker.read()

        exchange()
        where: dict[str, Worker] = {}
        for number in range(120):
            worker = workers[chance.randrange(8) % count]
            what, which, page = chance.random(), chance.random(), chance.choice(PAGES)
            owner = sorted(where)[int(which * len(where))] if where else ""
            if what < 0.35 or not where:
                where[f"tab {number:03}"] = worker
                worker.open_tab(f"tab {number:03}", chance.choice(KEYS), page)
            elif what < 0.8:
                old = where.pop(owner)
                old.close_tab(owner)
                if what < 0.65:  # its reader goes on to another page
                    exchange()
                    world.pass_time(0.25)
                    where[f"tab {number:03}"] = worker
                    worker.open_tab(f"tab {number:03}", old.keys[owner], page)
            else:  # it comes back, elsewhere perhaps
                old = where.pop(owner)
                assert isinstance(old, MeteredWorker)
                at = str(old.tracker._own.slot.presences[old.tabs[owner]].meta["page"])
                ref = old.end_tab(owner, Ending.RETURNS)
                exchange()
                world.pass_time(0.25)
                where[f"tab {number:03}"] = worker
                worker.open_tab(f"tab {number:03}", old.keys[owner], at, prev_ref=ref)
            exchange()
            world.pass_time(chance.choice([0.25, 0.5, 0.5, 1.5, 20.0]))
            exchange()
        for metered in world.metered():
            metered.flush()
        return tabulate(workers)
    finally:
        world.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_tables_are_the_same_on_one_two_and_eight_workers(valkey, seed):
    one, two, eight = (vars(play(valkey.url, count, seed)) for count in (1, 2, 8))
    assert one == two == eight
    assert one["paths"].total() > 5
    assert one["opens"].total() > one["entries"].total() > 0
