"""Shared by tests of several folders: how they run, a real Valkey, and servers of other kinds.

Every process of a run (pytest-xdist's workers) has its own Valkey, servers, ports and folders.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blog.store.database import Database
from tests.postgres import PostgreSql
from tests.redis_cluster import Cluster
from tests.redis_servers import SentinelPair, Server
from tests.setup.tools import find_redis_server
from tests.site import Site
from tests.valkey import Valkey

KINDS: dict[str, Callable[[], Server]] = {
    "valkey": Valkey,
    "redis": lambda: Valkey(find_redis_server()),
    "sentinel": SentinelPair,
    "cluster": Cluster,
}
# `make test` does not need Redis itself.
KIND_MARKS = {"redis": [pytest.mark.full]}
# Tests with these fixtures start a server, as do the files that import `Site`.
STARTING = {"running_valkey", "running_servers", "running_postgres"}
BENCH = Path(__file__).with_name("bench")


def pytest_configure() -> None:
    """Make the run independent of how it was started: use default signal handlers and no proxy.

    `nohup` ignores SIGHUP, and a shell ignores SIGINT and SIGQUIT for its background jobs. A child
    inherits an ignored signal, but not a handler.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]  # everything that tests ask is on this machine


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark tests that start a server or a browser, and run their files first: they wait longest.

    The benchmark's own tests do not test the blog: they are for `make test-all`.
    """
    for item in items:
        assert isinstance(item, pytest.Function)
        starts_server = STARTING & set(item.fixturenames) or Site in vars(item.module).values()
        if starts_server or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.system)
        if BENCH in item.path.parents:
            item.add_marker(pytest.mark.full)
    yield
    items.sort(key=lambda item: item.get_closest_marker("system") is None)


@pytest.fixture(scope="session")
def running_valkey() -> Iterator[Valkey]:
    """Start one server for the whole run."""
    with Valkey() as valkey:
        valkey.start()
        yield valkey


@pytest.fixture(scope="session")
def running_postgres() -> Iterator[PostgreSql]:
    """Start one PostgreSQL for the whole run."""
    with PostgreSql() as server:
        server.start()
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.full)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty store: of a file, then of a server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    server: PostgreSql = request.getfixturevalue("running_postgres")
    return server.make_database()


@pytest.fixture
def database(store_url: str, tmp_path: Path) -> Iterator[Database]:
    """Return an empty store of each kind in turn."""
    database = Database(store_url, tmp_path)
    yield database
    database.close()


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
    """Return a function that returns a kind's server, started once for the whole run."""
    with contextlib.ExitStack() as stack:
        running: dict[str, Server] = {}

        def run(kind: str) -> Server:
            if kind not in running:
                running[kind] = stack.enter_context(KINDS[kind]())
                running[kind].start()
            return running[kind]

        yield run


@pytest.fixture(params=[pytest.param(kind, marks=KIND_MARKS.get(kind, [])) for kind in KINDS])
def server(
    request: pytest.FixtureRequest, running_servers: Callable[[str], Server]
) -> Iterator[Server]:
    """Return an empty server of each kind in turn."""
    server = running_servers(request.param)
    server.make_whole()
    yield server
    server.make_whole()
