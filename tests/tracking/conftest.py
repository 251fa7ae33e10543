"""Nodes and proxies that are closed after each test, whatever became of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.tracking.nodes import Node, meet
from tests.tracking.proxy import Proxy
from tests.valkey import Valkey


@pytest.fixture
def start_proxy(valkey: Valkey) -> Iterator[Callable[[], Proxy]]:
    """Return what starts one more proxy before the running server."""
    with contextlib.ExitStack() as proxies:
        yield lambda: proxies.enter_context(Proxy(valkey.url))


@pytest.fixture
def start_node(valkey: Valkey, start_proxy: object) -> Iterator[Callable[..., Node]]:
    """Return what starts one more node on the running server, or with `url` behind a proxy.

    After the test the nodes are closed before their proxies.
    """
    nodes: list[Node] = []

    def start(
        *,
        url: str = valkey.url,
        environment: Mapping[str, str] | None = None,
        **timings: float,
    ) -> Node:
        nodes.append(Node(url, environment=environment, **timings))
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
