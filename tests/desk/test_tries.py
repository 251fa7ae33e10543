"""Five tries a minute of an address, forty of an IPv6 site, sixty of all; by any worker."""

from __future__ import annotations

from blog.desk.tries import Tries
from flask_presence.web.address_table import AddressTable


class Clock:
    """Stands until it is set."""

    now = 600.0

    def __call__(self) -> float:
        return self.now


def count_taken(tries: Tries, address: str, times: int = 6) -> int:
    return sum(tries.take(address) for _ in range(times))


def test_an_address_has_five_in_a_minute_and_others_theirs():
    clock = Clock()
    tries = Tries(clock=clock)
    assert count_taken(tries, "192.0.2.1") == 5
    assert count_taken(tries, "192.0.2.2") == 5
    clock.now += 60
    assert count_taken(tries, "192.0.2.1") == 0  # the last minute's are as fresh as can be
    clock.now += 60
    assert count_taken(tries, "192.0.2.1") == 5


def test_where_another_minute_begins_there_is_not_one_more():
    clock = Clock()
    clock.now = 659.9
    tries = Tries(clock=clock)
    assert count_taken(tries, "192.0.2.1", 3) == 3
    clock.now = 661.0
    assert count_taken(tries, "192.0.2.1") == 2


def test_a_network_of_ipv6_has_few_more():
    tries = Tries(clock=Clock())
    assert count_taken(tries, "2001:db8:1:1::1") == 5
    assert count_taken(tries, "2001:db8:1:1::2") == 0
    assert sum(count_taken(tries, f"2001:db8:1:{n:x}::1") for n in range(2, 100)) == 35


def test_all_together_have_sixty():
    tries = Tries(clock=Clock())
    assert sum(count_taken(tries, f"198.51.100.{n}") for n in range(100)) == 60
    by_link = [tries.take("192.0.2.1", is_of_all=False) for _ in range(6)]
    assert by_link == [True] * 5 + [False]


def test_workers_count_in_one_table_that_is_not_that_of_the_streams():
    streams = AddressTable(2)
    table = streams.make_another()
    first, second = Tries(clock=Clock()), Tries(clock=Clock())
    first.share(table, 0)
    second.share(table, 1)
    assert count_taken(first, "192.0.2.1", 3) == 3
    assert count_taken(second, "192.0.2.1") == 2
    assert count_taken(first, "192.0.2.1") == 0
    assert not streams.has_opened(streams.find("192.0.2.1"), 1, 600.0)
