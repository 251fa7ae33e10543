"""Who may open a stream."""

from __future__ import annotations

import pytest

from blog.live.gate import Gate, address_block


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.300", ""),
        ("192.0.2", ""),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("not an address", ""),
        (None, ""),
    ],
)
def test_an_address_stands_for_itself_or_for_its_network(address, block):
    assert address_block(address) == block


def test_the_cap_of_one_address_leaves_room_for_others():
    gate = Gate(max_streams=3, max_streams_per_address=2)
    gate.enter("192.0.2.1")
    assert gate.has_room("192.0.2.1")
    gate.enter("192.0.2.1")
    assert not gate.has_room("192.0.2.1")
    assert gate.has_room("192.0.2.2")
    gate.enter("192.0.2.2")
    assert not gate.has_room("192.0.2.3")
    gate.leave("192.0.2.1")
    assert gate.has_room("192.0.2.1")


def test_a_draining_worker_lets_nobody_in():
    gate = Gate(max_streams=3, max_streams_per_address=2)
    gate.is_draining = True
    assert not gate.has_room("192.0.2.1")
