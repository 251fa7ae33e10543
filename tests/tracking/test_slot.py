"""The slot: what a worker tells the store next."""

from __future__ import annotations

from itertools import count

import pytest

from flask_presence.tracking.slot import Slot, Write, new_epoch
from flask_presence.tracking.values import Presence, Version

ANN = Presence("r1", "blog", "ann", {"page": "index"})
BOB = Presence("r2", "blog", "bob", {"page": "index"})
CID = Presence("r3", "blog", "cid", {"page": "about"})


@pytest.fixture
def slot() -> Slot:
    """Return a new slot whose epochs are e1, e2, …"""
    numbers = count(1)
    return Slot(make_epoch=lambda: f"e{next(numbers)}")


def written(slot: Slot) -> Write:
    write = slot.next_write()
    slot.confirm(write)
    return write


def test_the_first_write_is_a_put_even_of_nothing(slot):
    assert slot.has_news
    assert written(slot) == Write(prev=None, new=Version("e1", 0))
    assert not slot.has_news


def test_a_change_is_appended_to_what_was_confirmed(slot):
    written(slot)
    slot.add(ANN)
    assert slot.has_news
    assert written(slot) == Write(Version("e1", 0), Version("e1", 1), joins=(ANN,))
    slot.remove("r1")
    slot.add(BOB)
    assert written(slot) == Write(Version("e1", 1), Version("e1", 2), (BOB,), ("r1",))


def test_with_nothing_to_send_the_write_is_a_heartbeat(slot):
    slot.add(ANN)
    written(slot)
    assert written(slot) == Write(Version("e1", 0), Version("e1", 0))


def test_what_came_and_went_between_two_writes_is_never_sent(slot):
    written(slot)
    slot.add(ANN)
    slot.remove("r1")
    assert not slot.has_news
    assert written(slot) == Write(Version("e1", 0), Version("e1", 0))


def test_removing_what_is_not_there_is_no_news(slot):
    written(slot)
    slot.remove("r1")
    assert not slot.has_news


def test_after_a_doubtful_write_everything_is_put_under_a_new_epoch(slot):
    slot.add(ANN)
    slot.add(BOB)
    written(slot)
    slot.add(CID)
    slot.remove("r1")
    slot.next_write()
    slot.lose()
    assert slot.has_news
    assert written(slot) == Write(None, Version("e2", 0), joins=(BOB, CID))
    slot.add(ANN)
    assert written(slot) == Write(Version("e2", 0), Version("e2", 1), joins=(ANN,))


def test_a_put_that_failed_is_put_again_under_another_epoch(slot):
    slot.add(ANN)
    for _ in range(2):
        slot.next_write()
        slot.lose()
    assert written(slot) == Write(None, Version("e3", 0), joins=(ANN,))


def test_changes_made_while_a_write_is_under_way_are_in_the_next(slot):
    slot.add(ANN)
    put = slot.next_write()
    slot.add(BOB)
    slot.remove("r1")
    slot.confirm(put)
    assert written(slot) == Write(Version("e1", 0), Version("e1", 1), (BOB,), ("r1",))


def test_changes_made_while_a_lost_write_was_under_way_are_in_the_put(slot):
    slot.add(ANN)
    written(slot)
    slot.add(BOB)
    slot.next_write()
    slot.add(CID)
    slot.remove("r1")
    slot.lose()
    assert written(slot) == Write(None, Version("e2", 0), joins=(BOB, CID))
    assert not slot.has_news


def test_epochs_are_random():
    assert len({new_epoch() for _ in range(100)}) == 100
