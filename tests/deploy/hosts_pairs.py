"""Two hosts of one blog and what they agree through, each on a machine of its own."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Self

from tests.deploy.hosts_network import Machine, Network
from tests.redis_cluster import Cluster
from tests.redis_servers import SentinelPair, Servers, ask
from tests.server.tabs import Tab, Tabs
from tests.site import Site
from tests.valkey import wait_for_server

REDIS_MACHINES = 3
WORKERS = 2


class OneValkey(Servers):
    """One Valkey on the first machine."""

    def start(self) -> None:
        """Start it; wait until it answers."""
        ((host, port),) = self.choose_addresses(1)
        self.add((host, port))
        wait_for_server(self.client.ping, *self.processes)
        self.url = f"redis://{host}:{port}"


class ThreeSentinels(SentinelPair):
    """A master, its replica and three Sentinels; with the master is one of the Sentinels."""

    def start(self) -> None:  # type: ignore[override]
        """Start all five; wait until they know each other."""
        super().start(sentinels=3)
        # They have four of these periods to tell each other of a failover. As fast as they met, two
        # would find what the third has promoted to be a replica that went astray, and undo it.
        for sentinel in self.clients[2:]:
            ask(sentinel, "SENTINEL", "DEBUG", "INFO-PERIOD", 1_000, "PUBLISH-PERIOD", 1_000)


KINDS: Mapping[str, Callable[..., OneValkey | ThreeSentinels | Cluster]] = {
    "valkey": OneValkey,
    "sentinel": ThreeSentinels,
    "cluster": Cluster,
}


class Host(Site):
    """A site on a machine of its own. Its readers are there, too: no cut parts them from it."""

    def __init__(self, machine: Machine, redis_url: str) -> None:
        # A leave counts at once: what is measured is how long the hosts take to tell each other.
        environ = {"BLOG_REDIS_URL": redis_url, "BLOG_LINGER_SECONDS": "0.001"}
        super().__init__(workers=WORKERS, environ=environ)
        self.machine = machine

    def start(self) -> Self:
        with self.machine.inside():
            return super().start()

    def stop(self) -> None:
        """End it at once: nothing of it is asked for any more."""
        if not self.has_ended():
            self.kill_host()
        super().stop()

    def fetch(self, path: str = "/blog", *, seconds: float = 5.0) -> str:
        with self.machine.inside():
            return super().fetch(path, seconds=seconds)

    def connect(self) -> socket.socket:
        with self.machine.inside():
            return super().connect()

    def fetch_of_each_worker(self, path: str = "/blog") -> Iterator[str]:
        """Yield a page as each worker shows it."""
        for pid in self.worker_pids():
            with self.only_worker(pid):
                yield self.fetch(path)


class Pair:
    """Two hosts, and the machines that Redis is on, on a network of their own."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            self.network = stack.enter_context(Network())
            self.redis_machines = [self.network.add_machine() for _ in range(REDIS_MACHINES)]
            self.servers = KINDS[kind](machines=self.redis_machines)
            stack.enter_context(self.servers)
            with self.as_operator():
                self.servers.start()
            self.first, self.second = self.hosts = [
                stack.enter_context(Host(self.network.add_machine(), self.servers.url))
                for _ in range(2)
            ]
            self._stack = stack.pop_all()

    def as_operator(self) -> AbstractContextManager[None]:
        """Have the test reach every server: from the last of their machines."""
        return self.redis_machines[-1].inside()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()


class Watched:
    """A pair, and a tab open at each worker of each of its hosts, to see what they show."""

    def __init__(self, pair: Pair, tabs: Tabs) -> None:
        self.pair = pair
        self._tabs = tabs
        self.first, self.second = (
            [tab for pid in host.worker_pids() for tab in tabs.open(host, worker=pid)]
            for host in pair.hosts
        )
        tabs.wait_for_total(len(self.all), 5, tabs=self.all)

    @property
    def all(self) -> Sequence[Tab]:
        """All of these tabs, of both hosts."""
        return (*self.first, *self.second)

    def totals(self) -> list[int | None]:
        """Return what each shows."""
        return [tab.total for tab in self.all]

    def are_whole(self, total: int) -> bool:
        """Tell whether all show this total, and no notice."""
        return {(tab.total, tab.notice) for tab in self.all} == {(total, "")}
