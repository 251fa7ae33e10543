"""How long what came back and left again stays hidden, what that costs, and a goodbye unheard.

In simulated time.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flask_presence.tracking.values import Tombstone
from tests.tracking.simulation import TICK_SECONDS, TIMINGS, World

LEASE_SECONDS = TIMINGS.lease_seconds
# One is taken out by a write, and a quiet worker writes a heartbeat.
LIFTED_SECONDS = 2 * LEASE_SECONDS + TIMINGS.heartbeat_seconds + 0.2


@pytest.fixture
def world(valkey) -> Iterator[World]:
    """Three workers who know each other: `w1` that tabs leave, `w2` they come to, and `w3`."""
    world = World(valkey.url)
    for _ in range(3):
        world.add_worker()
    live(world, 1.0)
    yield world
    world.close()


def live(world: World, seconds: float) -> None:
    """Let time pass; whatever left is not shown again, and neither is what it was."""
    for _ in range(round(seconds / TICK_SECONDS)):
        world.pass_time(TICK_SECONDS)
        for worker in world.living():
            if worker.is_running:
                worker.take_due_steps()
        world.check_gone()


def tombstones(world: World) -> list[str | None]:
    """Return what the tombstones of `w2` hide."""
    held = world.workers["w3"].replica.presences("w2").values()
    return [presence.prev_ref for presence in held if isinstance(presence, Tombstone)]


def come_back_and_leave(world: World) -> str:
    """Have a tab of `w1` come back to `w2` and be closed there; return what it was at first."""
    old, new, _ = world.workers.values()
    old.open_tab("A", "ann", "index")
    live(world, 0.3)
    new.open_tab("B", "ann", "index", prev_ref=old.tabs["A"])
    live(world, 0.3)
    new.close_tab("B")
    live(world, 0.3)
    return old.tabs["A"]


def test_one_is_kept_as_long_as_what_it_hides_and_two_leases_longer(world):
    a = come_back_and_leave(world)
    live(world, 4 * LEASE_SECONDS)
    assert tombstones(world) == [a], "its old tab is not known to be closed"
    world.workers["w1"].close_tab("A")
    live(world, 2 * LEASE_SECONDS - 0.2)
    assert tombstones(world) == [a]
    live(world, TIMINGS.heartbeat_seconds + 0.4)
    assert tombstones(world) == []


def test_who_was_deaf_to_the_end_of_the_old_slot_is_not_shown_it_again(world):
    """The third worker holds the old slot a lease longer than the one that has the tombstone."""
    a = come_back_and_leave(world)
    old, new, third = world.workers.values()
    old.is_dead = True
    third.line.hurt_next("lose", 1)
    old.store.leave(old.name, lease_seconds=3.0)
    live(world, 3.5)
    assert a not in new.held_refs()
    live(world, TIMINGS.heartbeat_seconds)
    assert a in third.held_refs()
    assert a not in third.seen_refs()
    live(world, LEASE_SECONDS)
    assert a not in third.held_refs()
    live(world, LIFTED_SECONDS)
    assert tombstones(world) == []


def test_a_worker_that_sleeps_as_the_old_slot_ends_keeps_it_hidden_as_long_as_one_awake(world):
    a = come_back_and_leave(world)
    old, new, _ = world.workers.values()
    new.is_paused = True
    live(world, TIMINGS.heartbeat_seconds)
    old.is_dead = True
    world.pass_time(4 * LEASE_SECONDS)
    new.is_paused = False
    live(world, LEASE_SECONDS)
    assert a not in new.held_refs()
    assert tombstones(world) == [a]
    live(world, LIFTED_SECONDS)
    assert tombstones(world) == []


def test_one_is_laid_for_each_that_is_held_however_often_it_comes_back(world):
    """A client that connects and drops in a loop leaves one behind for each stream it holds."""
    a = come_back_and_leave(world)
    new = world.workers["w2"]
    for number in range(50):
        new.open_tab(f"B {number}", "ann", "index", prev_ref=a)
        new.open_tab(f"C {number}", "ann", "index", prev_ref=f"no such {number}")
        live(world, 0.1)
        new.close_tab(f"B {number}")
        new.close_tab(f"C {number}")
    live(world, 0.3)
    assert tombstones(world) == [a]


def test_of_a_chain_of_returns_nobody_is_shown_again_in_whatever_order_it_leaves(world):
    old, new, third = world.workers.values()
    old.open_tab("A", "ann", "index")
    live(world, 0.3)
    new.open_tab("B", "ann", "index", prev_ref=old.tabs["A"])
    live(world, 0.3)
    third.open_tab("C", "ann", "index", prev_ref=new.tabs["B"])
    live(world, 0.3)
    third.close_tab("C")
    live(world, 0.3)
    new.close_tab("B")
    live(world, LIFTED_SECONDS)
    for worker in world.living():
        assert worker.seen_refs() == set()
        assert old.tabs["A"] in worker.held_refs()


def test_a_goodbye_that_nobody_hears_is_found_when_all_was_lost(world):
    """A worker is killed while the server is away, which comes back empty.

    Its master says goodbye as soon as it can, before the others have subscribed again.
    """
    dead, *others = world.workers.values()
    dead.open_tab("A", "ann", "index")
    live(world, 0.3)
    dead.is_dead = True
    for worker in others:
        worker.line.is_cut = True
        worker.line.cut_subscription()
    live(world, 2.0)
    world.client.flushall()
    dead.store.leave(dead.name, lease_seconds=3.0)
    for worker in others:
        worker.line.repair()
    live(world, 6.0)
    assert all(dead.tabs["A"] not in worker.seen_refs() for worker in others)
