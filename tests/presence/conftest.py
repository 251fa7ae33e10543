"""Nodes that are closed after each test, whatever became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.presence.nodes import Node, meet
from tests.valkey import Valkey


@pytest.fixture
def start_node(valkey: Valkey) -> Iterator[Callable[..., Node]]:
    """Return what starts one more node on the running server."""
    nodes: list[Node] = []

    def start(**timings: float) -> Node:
        nodes.append(Node(valkey.url, **timings))
        return nodes[-1]

    yield start
    valkey.thaw()
    for node in nodes:
        node.ask_to_end()  # all together: each takes up to a second
    failures = []
    for node in nodes:
        try:
            node.close()
        except AssertionError as error:
            failures.append(error)
    if failures:
        raise failures[0]


@pytest.fixture
def two_nodes(start_node: Callable[..., Node]) -> tuple[Node, Node]:
    """Return two nodes that have met."""
    nodes = (start_node(), start_node())
    meet(nodes)
    return nodes


@pytest.fixture
def three_nodes(start_node: Callable[..., Node]) -> tuple[Node, Node, Node]:
    """Return three nodes that have met."""
    nodes = (start_node(), start_node(), start_node())
    meet(nodes)
    return nodes
