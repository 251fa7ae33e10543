"""Kinds of server beside one Valkey: several of them, and a pair behind a Sentinel."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, Self

import redis

from tests.ports import reserve_port
from tests.setup.tools import find_redis_server
from tests.valkey import ServerProcess, wait_for_server

HOST = "127.0.0.1"
SERVICE = "viblog"
# On a machine of its own; a second server there is this much higher.
PORT, PORT_STEP = 6379, 10_000

Address = tuple[str, int]


class Machine(Protocol):
    """Where a server can be, if not on the loopback."""

    address: str

    def inside(self) -> AbstractContextManager[None]:
        """Have processes that are started be on the machine."""


class Server(Protocol):
    """What the tests need of each kind."""

    url: str
    clients: list[redis.Redis]  # one for each process

    @property
    def client(self) -> redis.Redis:
        """For commands of the test itself, of the master that has the keys of every test."""

    def start(self) -> None:
        """Start every process; wait until they work together."""

    def freeze(self) -> None:
        """Leave every call to every process unanswered."""

    def thaw(self) -> None:
        """Have frozen processes go on."""

    def make_whole(self) -> None:
        """Bring an empty, running server back."""

    def __enter__(self) -> Self:
        """Return itself; at the end every process is stopped."""

    def __exit__(self, *raised: object) -> None:
        """Stop every process."""


def client_at(address: Address, certificate: Path | None = None) -> redis.Redis:
    """Return a client of the test itself."""
    host, port = address
    return redis.Redis(
        host=host,
        port=port,
        decode_responses=True,
        socket_timeout=5.0,
        ssl=certificate is not None,
        ssl_ca_certs=str(certificate) if certificate else None,
    )


def ask(client: redis.Redis, *command: object) -> Any:
    """Have a server execute a command that redis-py has no typed call for."""
    return client.execute_command(*command)


class Servers:
    """Processes that are started, frozen and stopped together, in a folder of their own."""

    # Which of them has the keys of every test.
    master = 0

    def __init__(
        self, *, certificate: Path | None = None, machines: Sequence[Machine] = ()
    ) -> None:
        """With a certificate, the servers are Redis, speak TLS only, and are each `localhost`.

        They are spread in turn over the machines, if given; else all are on the loopback.
        """
        self._certificate = certificate
        self._machines = machines
        self._folder = tempfile.TemporaryDirectory(prefix="vk-")
        self.folder = Path(self._folder.name)
        self.processes: list[ServerProcess] = []
        self.clients: list[redis.Redis] = []

    def choose_addresses(self, number: int) -> list[Address]:
        """Return where so many servers can listen."""
        if not self._machines:
            return [(HOST, reserve_port()) for _ in range(number)]
        turns = (divmod(each, len(self._machines)) for each in range(number))
        return [(self._machines[which].address, PORT + turn * PORT_STEP) for turn, which in turns]

    def add(self, address: Address, *arguments: str, config: str = "") -> None:
        """Start one more process."""
        host, port = address
        path = self.folder / f"{host}-{port}.conf"
        listen = f"port {port}\n"
        program = ""
        if self._certificate:
            program = find_redis_server()
            listen = f"port 0\ntls-port {port}\n" + "".join(
                f'tls-{name}-file "{self._certificate}"\n' for name in ("cert", "key", "ca-cert")
            )
            listen += "tls-auth-clients no\ntls-replication yes\ntls-cluster yes\n"
        # Any client that can reach a test's machine may use its server.
        listen += f"bind {host}\nprotected-mode no\n"
        path.write_text(f'{listen}dir "{self.folder}"\nsave ""\n{config}')
        process = ServerProcess(self.folder, str(path), *arguments, program=program)
        with self._machine_at(host):
            process.start()
        self.processes.append(process)
        self.clients.append(client_at(address, self._certificate))

    def _machine_at(self, host: str) -> AbstractContextManager[None]:
        for machine in self._machines:
            if machine.address == host:
                return machine.inside()
        return contextlib.nullcontext()

    def freeze(self) -> None:
        for process in self.processes:
            process.freeze()

    def thaw(self) -> None:
        for process in self.processes:
            process.thaw()

    def make_whole(self) -> None:
        self.thaw()
        self.client.flushall()

    @property
    def client(self) -> redis.Redis:
        """For commands of the test itself, of the master that has the keys of every test."""
        return self.clients[self.master]

    def close(self) -> None:
        """Stop every process and remove the folder."""
        for client in self.clients:
            client.close()
        for process in self.processes:
            process.kill()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class TwoServers(Servers):
    """Two servers that know nothing of each other. The first is read-only, as a replica is."""

    def start(self) -> None:
        """Start both."""
        self.addresses = self.choose_addresses(2)
        self.sockets = [self.folder / f"{port}.sock" for _, port in self.addresses]
        for address, path in zip(self.addresses, self.sockets, strict=True):
            self.add(address, config=f'unixsocket "{path}"\n')
        for client in self.clients:
            wait_for_server(client.ping, *self.processes)
        self.client.replicaof(HOST, "1")
        self.url = f"redis://{HOST}:{self.addresses[1][1]}"


class SentinelPair(Servers):
    """A master, its replica, and Sentinels that watch them: processes of one binary."""

    def start(self, *, down_after_ms: int = 60_000, sentinels: int = 1) -> None:
        """Start all; the Sentinels replace a master that most of them find silent for so long."""
        self.addresses = self.choose_addresses(2 + sentinels)
        (host, port), replica, *watchers = self.addresses
        self.add((host, port), config="repl-diskless-sync-delay 0\n")
        self.add(replica, config=f"repl-diskless-sync-delay 0\nreplicaof {host} {port}\n")
        for client in self.clients:
            wait_for_server(client.ping, *self.processes)
        watched = [
            f"monitor {SERVICE} {host} {port} {sentinels // 2 + 1}",
            f"down-after-milliseconds {SERVICE} {down_after_ms}",
            f"failover-timeout {SERVICE} 3000",
        ]
        config = "".join(f"sentinel {line}\n" for line in watched)
        for watcher in watchers:
            self.add(watcher, "--sentinel", config=config)
        names = ",".join(f"{host}:{port}" for host, port in watchers)
        self.url = f"redis+sentinel://{names}/{SERVICE}"
        wait_for_server(self._is_ready, *self.processes)

    def _is_ready(self) -> bool:
        _, replica, *sentinels = self.clients
        for sentinel in sentinels:
            ask(sentinel, "SENTINEL", "DEBUG", "INFO-PERIOD", 100, "PUBLISH-PERIOD", 100)
        return replica.info("replication")["master_link_status"] == "up" and all(
            ask(sentinel, "SENTINEL", "REPLICAS", SERVICE)
            and len(ask(sentinel, "SENTINEL", "SENTINELS", SERVICE)) == len(sentinels) - 1
            for sentinel in sentinels
        )

    def cut_replica(self) -> None:
        """Cut the replica off from its master, for good: it lags more and more behind."""
        master, replica, *_ = self.clients
        replica.config_set("masteruser", "nobody")
        replica.config_set("masterauth", "unknown")
        master.client_kill_filter(_type="replica")

    def wait_for_failover(self) -> None:
        """Wait until Sentinel has put the replica in the master's place."""
        wait_for_server(lambda: self._named_master() == self.addresses[1], *self.processes)
        self.master = 1

    def _named_master(self) -> Address:
        host, port = ask(self.clients[2], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return str(host), int(port)
