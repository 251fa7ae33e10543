"""What tests of several folders share: one real Valkey, and one server of each other kind."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.redis_cluster import Cluster
from tests.redis_servers import SentinelPair, Server
from tests.setup.tools import find_redis_server
from tests.valkey import Valkey

KINDS: dict[str, Callable[[], Server]] = {
    "valkey": Valkey,
    "redis": lambda: Valkey(find_redis_server()),
    "sentinel": SentinelPair,
    "cluster": Cluster,
}


@pytest.fixture(scope="session")
def running_valkey() -> Iterator[Valkey]:
    """Start one server for the whole run."""
    with Valkey() as valkey:
        valkey.start()
        yield valkey


@pytest.fixture
def valkey(running_valkey: Valkey) -> Iterator[Valkey]:
    """Return the running server, empty at the start and mended after each test."""
    running_valkey.make_whole()
    yield running_valkey
    running_valkey.make_whole()


@pytest.fixture
def valkey_url(valkey: Valkey) -> str:
    """Return the address of the running server."""
    return valkey.url


@pytest.fixture(scope="session")
def running_servers() -> Iterator[Callable[[str], Server]]:
    """Return what returns the server of a kind, started once for the whole run."""
    with contextlib.ExitStack() as stack:
        running: dict[str, Server] = {}

        def run(kind: str) -> Server:
            if kind not in running:
                running[kind] = stack.enter_context(KINDS[kind]())
                running[kind].start()
            return running[kind]

        yield run


@pytest.fixture(params=list(KINDS))
def server(
    request: pytest.FixtureRequest, running_servers: Callable[[str], Server]
) -> Iterator[Server]:
    """Return an empty server of each kind in turn."""
    server = running_servers(request.param)
    server.make_whole()
    yield server
    server.make_whole()
