"""Who may open a stream."""

from __future__ import annotations

import pytest

from flask_presence.web.address_table import HALF_ROWS, AddressTable
from flask_presence.web.gate import Gate, address_blocks


@pytest.mark.parametrize(
    ("address", "blocks"),
    [
        ("192.0.2.7", ("192.0.2.7",)),
        ("192.0.2.7:5678", ("192.0.2.7",)),
        ("192.0.2.300", ("",)),
        ("192.0.2", ("",)),
        ("192.0.2.7:", ("",)),
        ("2001:db8:1:2:3:4:5:6", ("2001:db8:1:2::/64", "2001:db8:1::/48")),
        ("[2001:db8:1:2:3:4:5:6]:5678", ("2001:db8:1:2::/64", "2001:db8:1::/48")),
        ("[2001:db8:1:2:3:4:5:6]", ("2001:db8:1:2::/64", "2001:db8:1::/48")),
        ("fe80::1%eth0", ("fe80::/64", "fe80::/48")),
        ("::ffff:192.0.2.7", ("192.0.2.7",)),
        ("not an address", ("",)),
        (None, ("",)),
    ],
)
def test_an_address_stands_for_itself_or_for_its_networks(address, blocks):
    """Some proxies add the port."""
    assert address_blocks(address) == blocks


def test_a_site_of_ipv6_has_a_cap_of_its_own():
    gate = Gate(max_streams=1000, max_streams_per_address=2, max_opens_per_address=3)
    for line in range(8):
        for _ in range(2):
            places = gate.find(f"2001:db8:7:{line:x}::1")
            assert gate.has_room(places)
            gate.enter(places)
    assert not gate.has_room(gate.find("2001:db8:7:ffff::1"))
    assert gate.has_room(gate.find("2001:db8:8::1"))


def test_the_cap_of_one_address_leaves_room_for_others():
    gate = Gate(max_streams=3, max_streams_per_address=2)
    one, two, three = (gate.find(f"192.0.2.{n}") for n in (1, 2, 3))
    gate.enter(one)
    assert gate.has_room(one)
    gate.enter(one)
    assert not gate.has_room(one)
    assert gate.has_room(two)
    gate.enter(two)
    assert not gate.has_room(three)
    gate.leave(one)
    assert gate.has_room(one)


def test_a_draining_worker_lets_nobody_in():
    gate = Gate(max_streams=3, max_streams_per_address=2)
    gate.is_draining = True
    assert not gate.has_room(gate.find("192.0.2.1"))


class TestTheRate:
    """Ten a minute. What was opened in the last window counts less and less in this one."""

    @pytest.fixture
    def now(self):
        return [600.0]  # a window begins

    @pytest.fixture
    def gate(self, now):
        return Gate(
            max_streams=1000,
            max_streams_per_address=1000,
            max_opens_per_address=10,
            clock=lambda: now[0],
        )

    def test_counts_what_was_opened_even_if_it_is_closed(self, gate):
        one, two = gate.find("192.0.2.1"), gate.find("192.0.2.2")
        for _ in range(10):
            assert gate.may_open(one)
            gate.enter(one)
            gate.leave(one)
        assert not gate.may_open(one)
        assert gate.may_open(two)

    def test_does_not_count_those_that_return(self, gate):
        one = gate.find("192.0.2.1")
        for _ in range(100):
            gate.enter(one, returns=True)
            gate.leave(one)
        assert gate.may_open(one)

    @pytest.mark.parametrize(
        ("later", "more"), [(59, 0), (66, 1), (90, 5), (119, 9), (120, 10), (6000, 10)]
    )
    def test_is_made_good_by_time(self, gate, now, later, more):
        one = gate.find("192.0.2.1")
        for _ in range(10):
            gate.enter(one)
        now[0] += later
        opened = 0
        while gate.may_open(one):
            gate.enter(one)
            opened += 1
        assert opened == more


class TestWorkersThatShareATable:
    @pytest.fixture
    def table(self):
        return AddressTable(2)

    def open_gate(self, table, name):
        gate = Gate(max_streams=1000, max_streams_per_address=3, max_opens_per_address=4)
        gate.share(table, table.give(name))
        return gate

    def test_keep_both_limits_together(self, table):
        here, there = self.open_gate(table, "a"), self.open_gate(table, "b")
        one = here.find("192.0.2.1")
        assert one == there.find("192.0.2.1")
        here.enter(one)
        there.enter(one)
        assert here.has_room(one)
        here.enter(one)
        assert not here.has_room(one)  # three are open
        assert not there.has_room(one)
        here.leave(one)
        assert there.has_room(one)
        there.enter(one)
        there.leave(one)
        assert not there.may_open(one)  # four were opened
        assert there.may_open(there.find("192.0.2.2"))
        there.enter(one, returns=True)
        assert not here.has_room(one)  # it is open, all the same

    def test_forget_what_one_had_that_died(self, table):
        here, there = self.open_gate(table, "a"), self.open_gate(table, "b")
        one = here.find("192.0.2.1")
        for _ in range(3):
            there.enter(one)
        here.enter(one)
        assert table.give("c") is None
        assert not here.has_room(one)
        table.take_back("b")
        assert here.has_room(one)
        assert table.give("c") == 1
        here.leave(one)

    def test_know_no_address(self, table):
        """Another table, another key: nobody can tell by trying out all addresses."""
        assert table.find("192.0.2.1") != AddressTable(2).find("192.0.2.1")


def test_a_row_of_many_streams_of_others_refuses_nobody_by_itself():
    """Two addresses that share one row of the two: only the smaller number is believed."""
    gate = Gate(max_streams=1000, max_streams_per_address=1)
    one = gate.find("192.0.2.1")
    ((first, second),) = one
    other = ((first, (second + 1 - HALF_ROWS) % HALF_ROWS + HALF_ROWS),)
    gate.enter(other)
    assert not gate.has_room(other)
    assert gate.has_room(one)
