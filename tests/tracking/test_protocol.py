"""What is due, who is dead, what is stale, who is deaf, and how far the numbers are believed."""

from __future__ import annotations

import pytest

from flask_presence.tracking.protocol import Health, Hearing, Membership, State, Timings
from flask_presence.tracking.values import Version
from flask_presence.tracking.wire import Digested

LEASE_SECONDS = 15.0
FIRST = Version("a", 0)
SECOND = Version("a", 1)
ALIVE = Digested(alive=True, version=FIRST)
DEAD = Digested(alive=False, version=None)


@pytest.fixture
def membership() -> Membership:
    """Return the membership of worker `me`, whose next digest is far away."""
    return Membership("me", LEASE_SECONDS, digest_due=1000.0)


def read_digest(membership: Membership, found, held, now: float) -> list[str]:
    """Take in a digest that also says that the worker itself is alive, if not told otherwise."""
    found = {"me": ALIVE} | found
    return membership.read_digest(
        found, held, now, had_lease=True, next_digest_due=now + 30.0, fetch_due=now + 0.5
    )


def test_a_peer_that_is_said_to_be_dead_is_dropped_however_lately_it_was_heard(membership):
    membership.note_alive("peer", 100.0)
    assert read_digest(membership, {"peer": DEAD}, {"peer": FIRST}, 100.1) == ["peer"]


def test_a_peer_absent_from_the_digest_but_heard_lately_stays(membership):
    """The list of the living may be lost (FLUSHALL); its next heartbeat brings it back."""
    membership.note_alive("peer", 100.0)
    assert read_digest(membership, {}, {"peer": FIRST}, 114.9) == []


def test_a_peer_absent_and_silent_for_a_lease_is_dropped(membership):
    membership.note_alive("peer", 100.0)
    assert read_digest(membership, {}, {"peer": FIRST}, 115.0) == ["peer"]
    assert read_digest(membership, {}, {}, 116.0) == []


def test_a_peer_absent_and_told_to_have_left_is_dropped_when_that_is_due(membership):
    """Its master said so; the list of the living was lost before, or since."""
    membership.note_alive("peer", 100.0)
    membership.note_leaving("peer", 104.0)
    assert read_digest(membership, {}, {"peer": FIRST}, 103.9) == []
    assert membership.is_digest_due(104.0)
    membership.grant_grace(103.0)  # our own lease was lost with the list
    assert read_digest(membership, {}, {"peer": FIRST}, 104.0) == ["peer"]


def test_a_peer_that_is_heard_again_has_not_left(membership):
    membership.note_alive("peer", 100.0)
    membership.note_leaving("peer", 104.0)
    membership.note_alive("peer", 101.0)
    assert read_digest(membership, {}, {"peer": FIRST}, 110.0) == []


def test_a_peer_alive_in_the_digest_stays_though_it_was_silent(membership):
    membership.note_alive("peer", 100.0)
    assert read_digest(membership, {"peer": ALIVE}, {"peer": FIRST}, 200.0) == []
    assert not membership.is_digest_due(214.9)
    assert membership.is_digest_due(215.0)


def test_equal_versions_are_not_fetched_and_others_are(membership):
    found = {"same": ALIVE, "changed": Digested(alive=True, version=SECOND), "unknown": ALIVE}
    held = {"same": FIRST, "changed": FIRST}
    read_digest(membership, found, held, 100.0)
    assert membership.due_fetches(100.4) == []
    assert sorted(membership.due_fetches(100.5)) == ["changed", "unknown"]


def test_a_slot_older_than_what_is_held_is_not_fetched(membership):
    """After a failover to a replica that lagged: a closed tab would come back for a moment."""
    read_digest(membership, {"peer": ALIVE}, {"peer": SECOND}, 100.0)
    assert membership.due_fetches(200.0) == []


def test_a_doubt_ends_when_the_digest_says_the_version_that_is_held(membership):
    membership.refetch("peer", 101.0)
    read_digest(membership, {"peer": ALIVE}, {"peer": FIRST}, 100.0)
    assert membership.due_fetches(200.0) == []


def test_a_living_peer_whose_slot_is_gone_is_neither_fetched_nor_dropped(membership):
    membership.refetch("peer", 101.0)
    found = {"peer": Digested(alive=True, version=None)}
    assert read_digest(membership, found, {"peer": FIRST}, 100.0) == []
    assert membership.due_fetches(200.0) == []


def test_a_dead_peer_is_not_fetched(membership):
    membership.refetch("peer", 101.0)
    read_digest(membership, {"peer": DEAD}, {"peer": FIRST}, 100.0)
    assert membership.due_fetches(200.0) == []
    assert membership.next_due() == 130.0


def test_the_worker_itself_is_neither_dropped_nor_fetched(membership):
    membership.note_alive("me", 100.0)
    membership.refetch("me", 100.0)
    assert read_digest(membership, {"me": DEAD}, {"me": None}, 100.0) == []
    assert read_digest(membership, {"me": ALIVE}, {"me": None}, 100.0) == []
    assert membership.due_fetches(200.0) == []


def test_an_earlier_appointment_for_a_fetch_stays(membership):
    membership.refetch("peer", 101.0)
    membership.refetch("peer", 105.0)
    assert membership.due_fetches(101.0) == ["peer"]
    membership.note_fetched("peer")
    assert membership.due_fetches(200.0) == []


def test_the_next_thing_due_is_a_fetch_a_digest_or_a_long_silence(membership):
    assert membership.next_due() == 1000.0
    membership.note_alive("peer", 100.0)
    assert membership.next_due() == 115.0
    membership.refetch("peer", 101.0)
    assert membership.next_due() == 101.0
    membership.digest_by(99.0)
    membership.digest_by(500.0)
    assert membership.next_due() == 99.0


def test_the_first_digest_is_due_at_once():
    assert Membership("me", LEASE_SECONDS).is_digest_due(0.0)


def test_a_digest_appoints_the_next(membership):
    membership.digest_by(100.0)
    assert membership.is_digest_due(100.0)
    read_digest(membership, {}, {}, 100.0)
    assert not membership.is_digest_due(129.9)
    assert membership.is_digest_due(130.0)


@pytest.mark.parametrize("said", [DEAD, None])
@pytest.mark.parametrize("own", [{}, {"me": DEAD}])
def test_nobody_is_dropped_by_a_worker_that_is_dead_itself(membership, own, said):
    """All leases end in an outage, whoever lives: it looks again when all have come back."""
    found = own if said is None else {**own, "peer": said}
    membership.note_alive("peer", 100.0)
    dead = membership.read_digest(
        found, {"peer": FIRST}, 200.0, had_lease=True, next_digest_due=230.0, fetch_due=200.5
    )
    assert dead == []
    assert membership.next_due() == 203.0


def test_nobody_is_dropped_for_a_moment_after_a_lost_write(membership):
    membership.grant_grace(200.0)
    assert read_digest(membership, {"peer": DEAD}, {"peer": FIRST}, 202.9) == []
    assert membership.is_digest_due(203.0)
    assert read_digest(membership, {"peer": DEAD}, {"peer": FIRST}, 203.0) == ["peer"]


def test_who_is_not_in_the_list_is_not_spared_longer(membership):
    """A host died after the list was lost, while we stood still: a lease more would be too long."""
    membership.note_alive("peer", 100.0)
    membership.grant_grace(200.0)
    assert read_digest(membership, {}, {"peer": FIRST}, 200.1) == []
    assert not membership.is_digest_due(202.9)
    assert read_digest(membership, {}, {"peer": FIRST}, 203.0) == ["peer"]


@pytest.mark.parametrize("left_ms", [2000, 9000])
def test_a_peer_that_stays_silent_is_looked_at_when_its_lease_ends(membership, left_ms):
    """It died, or said goodbye, before we began to listen."""
    living = Digested(alive=True, version=FIRST, left_ms=left_ms)
    read_digest(membership, {"peer": living}, {"peer": FIRST}, 100.0)
    assert membership.next_due() == pytest.approx(100.05 + left_ms / 1000)
    membership.note_alive("peer", 101.0)
    assert membership.next_due() == 116.0


def test_a_digest_that_a_silence_asked_for_keeps_an_earlier_appointment(membership):
    """A worker said goodbye: its lease ends at 110, and somebody else was silent meanwhile."""
    membership.note_alive("silent", 80.0)
    membership.digest_by(110.0)
    assert membership.is_digest_due(100.0)
    read_digest(membership, {"silent": ALIVE}, {"silent": FIRST}, 100.0)
    assert not membership.is_digest_due(109.9)
    assert membership.is_digest_due(110.0)


def test_a_worker_that_has_not_written_yet_believes_that_a_peer_is_dead(membership):
    """A new one: its first digest may come before its first lease, which is not lost then."""
    dead = membership.read_digest(
        {"peer": DEAD},
        {"peer": FIRST},
        200.0,
        had_lease=False,
        next_digest_due=230.0,
        fetch_due=200.5,
    )
    assert dead == ["peer"]


@pytest.fixture
def hearing() -> Hearing:
    """Return the hearing of a subscription that began at 100."""
    return Hearing(Timings(quiet_seconds=2.0, echo_seconds=3.0), 100.0)


def test_who_hears_nothing_for_a_while_needs_an_echo(hearing):
    assert hearing.next_due() == 102.0
    assert not hearing.needs_echo(101.9)
    assert hearing.needs_echo(102.0)
    hearing.begin_quiet(101.0)
    assert not hearing.needs_echo(102.0)
    assert hearing.next_due() == 103.0


def test_who_does_not_hear_its_own_message_in_time_is_deaf(hearing):
    hearing.expect_echo(101.0)
    hearing.expect_echo(103.0)  # the first is still awaited
    assert hearing.next_due() == 104.0
    assert not hearing.needs_echo(104.0)
    assert not hearing.is_deaf(104.0)
    assert hearing.is_deaf(104.1)
    hearing.forget_echo()
    assert not hearing.is_deaf(200.0)


def test_the_outages_of_both_greenlets_are_one():
    health = Health(local_after_seconds=60.0)
    states: list[State] = []
    health.listeners.append(states.append)
    assert not health.note_success("reader")
    assert health.note_failure("writer", 100.0)
    assert not health.note_failure("reader", 101.0)
    assert not health.must_forget(159.9)
    assert health.must_forget(160.0)
    assert not health.must_forget(161.0)  # once
    assert health.note_success("writer")
    assert health.state is State.LOCAL
    assert health.note_success("reader")
    assert health.failing_since is None
    assert states == [State.STALE, State.LOCAL, State.WHOLE]


def test_the_heartbeat_after_a_change_comes_sooner_and_timers_are_spread():
    timings = Timings(heartbeat_seconds=5.0, settle_seconds=1.0, digest_seconds=30.0)
    for _ in range(100):
        assert 4.0 <= timings.next_heartbeat(has_changed=False) <= 5.0
        assert 0.8 <= timings.next_heartbeat(has_changed=True) <= 1.0
        assert 24.0 <= timings.next_digest() <= 30.0
        assert 0.0 <= timings.fetch_jitter(2) <= 0.02
        assert 0.0 <= timings.fetch_jitter(1000) <= 1.0
