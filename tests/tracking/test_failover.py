"""Another server becomes the master: after a failover by Sentinel, and when a cluster's slot moves.

Real trackers, at timings ten times as fast as in life, but for the limits of one call. Sentinel is
faster, too: it replaces a master that is silent for 0.5 s, by default after 30 s.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest
from redis.exceptions import AskError

from tests.redis_cluster import Cluster
from tests.redis_servers import SentinelPair
from tests.tracking.nodes import LEASE_SECONDS, Node, meet, wait_until
from tests.tracking.views import SLOTS, assert_every_slot_is_whole, list_metas

# From the fault on, not from its end.
HEAL_SECONDS = 10.0
NODES_TAG = "{nodes}"


@pytest.fixture
def pair() -> Iterator[SentinelPair]:
    """Return a pair of its own, whose master is replaced when it was silent for 0.5 s."""
    with SentinelPair() as pair:
        pair.start(down_after_ms=500)
        yield pair


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Return a cluster of its own."""
    with Cluster() as cluster:
        cluster.start()
        yield cluster


def list_keys(node: Node) -> list[str]:
    return sorted(node.call("list"))


def assert_all_list(nodes: list[Node], keys: list[str], *, until: float) -> None:
    """Wait until every node lists these keys and no others; fail at a moment of the clock."""
    wait_until(
        lambda: all(list_keys(node) == keys for node in nodes),
        within_seconds=until - time.monotonic(),
        what=lambda: f"{keys}; {[(list_keys(node), node.log()) for node in nodes]}",
    )


def assert_own_never_left(node: Node, *, closed: int = 0) -> None:
    """Check that in the node's own view none of its tabs left, but for those that were closed."""
    own = node.call("worker") + "-"
    left = [
        meta["ref"]
        for diff in node.call("take_diffs")
        for _, meta in list_metas(diff["leaves"])
        if meta["ref"].startswith(own)
    ]
    assert len(left) == closed


def test_a_failover_to_a_replica_that_lags_behind_heals(pair, start_node):
    """The replica knows nothing of the last joins and leaves, and nothing at all of one worker."""
    first, second, third = nodes = [start_node(url=pair.url) for _ in range(3)]
    meet(nodes)
    for number, node in enumerate(nodes):
        node.call("track", "tab", f"early {number}", "index")
    assert_all_list(nodes, ["early 0", "early 1", "early 2"], until=time.monotonic() + 3.0)
    pair.cut_replica()
    first.call("track", "late tab", "late 0", "index")
    second.call("untrack", "tab")
    newcomer = start_node(url=pair.url)
    newcomer.call("track", "tab", "new", "index")
    nodes.append(newcomer)
    before = ["early 0", "early 2", "late 0", "new"]
    assert_all_list(nodes, before, until=time.monotonic() + 3.0)
    assert pair.clients[1].exists(SLOTS + newcomer.call("worker")) == 0
    killed = time.monotonic()
    pair.processes[0].kill()
    pair.wait_for_failover()
    failed_over = time.monotonic() - killed
    third.call("track", "meanwhile tab", "meanwhile 2", "index")
    assert_all_list(nodes, sorted([*before, "meanwhile 2"]), until=killed + HEAL_SECONDS)
    healed = time.monotonic() - killed
    assert_every_slot_is_whole(pair, nodes, within_seconds=HEAL_SECONDS - healed)
    for node, closed in zip(nodes, (0, 1, 0, 0), strict=True):
        node.wait_for_state("whole", within_seconds=1.0)
        assert_own_never_left(node, closed=closed)
    print(f"from the kill: failed over after {failed_over:.1f} s, healed after {healed:.1f} s")


def test_a_master_that_sleeps_through_its_failover_takes_nobody_with_it(pair, start_node):
    """Its connections stay open, and silent. When it wakes up it is made a replica."""
    nodes = [start_node(url=pair.url) for _ in range(2)]
    meet(nodes)
    for number, node in enumerate(nodes):
        node.call("track", "tab", f"early {number}", "index")
    assert_all_list(nodes, ["early 0", "early 1"], until=time.monotonic() + 3.0)
    frozen = time.monotonic()
    pair.processes[0].freeze()
    pair.wait_for_failover()
    nodes[0].call("track", "late tab", "late 0", "index")
    assert_all_list(nodes, ["early 0", "early 1", "late 0"], until=frozen + HEAL_SECONDS)
    healed = time.monotonic() - frozen
    pair.processes[0].thaw()
    wait_until(
        lambda: pair.clients[0].info("replication")["role"] == "slave",
        within_seconds=15.0,
        what=lambda: f"the old master as a replica; {pair.processes[2].log()}",
    )
    nodes[1].call("track", "last tab", "last 1", "index")
    keys = ["early 0", "early 1", "last 1", "late 0"]
    assert_all_list(nodes, keys, until=time.monotonic() + 3.0)
    assert_every_slot_is_whole(pair, nodes, within_seconds=3.0)
    for node in nodes:
        assert_own_never_left(node)
    print(f"from the freeze: healed after {healed:.1f} s")


class Churn:
    """Tabs that join and leave on all nodes in turn, without end."""

    def __init__(self, nodes: list[Node]) -> None:
        self.open: dict[str, Node] = {}
        self.closed = dict.fromkeys(nodes, 0)
        self._nodes = nodes
        self._number = 0

    def go_on(self, seconds: float) -> None:
        """Open a tab every 20 ms or so, and close each second one, for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._number += 1
            node = self._nodes[self._number % len(self._nodes)]
            name = f"tab {self._number:04}"
            node.call("track", name, name, "index")
            self.open[name] = node
            if self._number % 2:
                name, node = next(iter(self.open.items()))
                node.call("untrack", name)
                del self.open[name]
                self.closed[node] += 1
            time.sleep(0.02)


def assert_no_key_is_immortal(cluster: Cluster) -> None:
    """Check that every key has a TTL, on both masters while the slot moves."""
    found = 0
    for client in cluster.clients:
        for key in client.keys("*"):
            # The new master answers for a key that it has, but only to who knows that it moves.
            with contextlib.suppress(AskError):  # the key has just ended
                pipeline = client.pipeline(transaction=False)
                pipeline.execute_command("ASKING")
                pipeline.pttl(key)
                assert pipeline.execute()[1] != -1, key
                found += 1
    assert found


def assert_heals(cluster, nodes: list[Node], churn: Churn) -> None:
    """Wait until Redis has what the nodes have, and check that nobody's own tab was lost."""
    assert_every_slot_is_whole(cluster, nodes, within_seconds=3.0)
    assert_no_key_is_immortal(cluster)
    for node in nodes:
        node.wait_for_state("whole", within_seconds=3.0)
        assert_own_never_left(node, closed=churn.closed[node])


def test_tabs_join_and_leave_while_a_slot_moves_step_by_step(cluster, start_node):
    """As `redis-cli --cluster reshard` does it, with a rest after each step.

    In the longest, of two leases, some of the keys are here and some there: no write can succeed.
    """
    nodes = [start_node(url=cluster.url) for _ in range(3)]
    meet(nodes)
    move = (cluster.master, 2)
    churn = Churn(nodes)
    churn.go_on(0.5)
    cluster.begin_move(NODES_TAG, *move)
    churn.go_on(0.5)
    cluster.move_keys(NODES_TAG, *move, most=2)
    churn.go_on(2 * LEASE_SECONDS)
    assert_no_key_is_immortal(cluster)
    while cluster.move_keys(NODES_TAG, *move):
        pass
    churn.go_on(0.5)
    cluster.end_move(NODES_TAG, *move)
    ended = time.monotonic()
    churn.go_on(0.5)
    assert_all_list(nodes, sorted(churn.open), until=ended + HEAL_SECONDS)
    healed = time.monotonic() - ended
    assert_heals(cluster, nodes, churn)
    print(f"from the end of the move, with 0.5 s more of joins and leaves: {healed:.1f} s")


def test_tabs_join_and_leave_while_a_slot_moves_at_once(cluster, start_node):
    """As Valkey 9 can."""
    nodes = [start_node(url=cluster.url) for _ in range(3)]
    meet(nodes)
    churn = Churn(nodes)
    churn.go_on(0.5)
    cluster.move_at_once(NODES_TAG, cluster.master, 2)
    ended = time.monotonic()
    churn.go_on(0.5)
    assert_all_list(nodes, sorted(churn.open), until=ended + HEAL_SECONDS)
    healed = time.monotonic() - ended
    assert_heals(cluster, nodes, churn)
    print(f"from the end of the move, with 0.5 s more of joins and leaves: {healed:.1f} s")
