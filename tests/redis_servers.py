"""The other kinds of server beside one Valkey: Redis 7, a pair behind a Sentinel, and a cluster."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

import redis
from redis.exceptions import MovedError

from tests.setup.tools import find_redis_server
from tests.valkey import ServerProcess, Valkey, wait_for_server

HOST = "127.0.0.1"
SERVICE = "viblog"
SLOTS = 16384


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


def free_ports(number: int) -> list[int]:
    """Return ports of this machine that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]


def client_at(port: int, certificate: Path | None = None) -> redis.Redis:
    """Return a client of the test itself."""
    return redis.Redis(
        host=HOST,
        port=port,
        decode_responses=True,
        socket_timeout=5.0,
        ssl=certificate is not None,
        ssl_ca_certs=str(certificate) if certificate else None,
    )


def ask(client: redis.Redis, *command: object) -> Any:
    """Have a server do a command that redis-py has no typed call for."""
    return client.execute_command(*command)


class _Several:
    """Processes that are started, frozen and stopped together, in a folder of their own."""

    # Which of them has the keys of every test.
    master = 0

    def __init__(self, *, certificate: Path | None = None) -> None:
        """With a certificate, they are Redis and speak TLS only, and each is `localhost`."""
        self._certificate = certificate
        self._folder = tempfile.TemporaryDirectory(prefix="vk-")
        self.folder = Path(self._folder.name)
        self.processes: list[ServerProcess] = []
        self.clients: list[redis.Redis] = []

    def add(self, port: int, *arguments: str, config: str = "") -> None:
        """Start one more process."""
        path = self.folder / f"{port}.conf"
        listen = f"port {port}\n"
        program = ""
        if self._certificate:
            program = find_redis_server()
            listen = f"port 0\ntls-port {port}\n" + "".join(
                f"tls-{name}-file {self._certificate}\n" for name in ("cert", "key", "ca-cert")
            )
            listen += "tls-auth-clients no\ntls-replication yes\ntls-cluster yes\n"
        path.write_text(f'{listen}bind {HOST}\ndir {self.folder}\nsave ""\n{config}')
        process = ServerProcess(self.folder, str(path), *arguments, program=program)
        process.start()
        self.processes.append(process)
        self.clients.append(client_at(port, self._certificate))

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


class TwoServers(_Several):
    """Two servers that know nothing of each other. The first is read-only, as a replica is."""

    def start(self) -> None:
        """Start both."""
        ports = free_ports(2)
        self.addresses = [(HOST, port) for port in ports]
        self.sockets = [self.folder / f"{port}.sock" for port in ports]
        for port, path in zip(ports, self.sockets, strict=True):
            self.add(port, config=f"unixsocket {path}\n")
        for client in self.clients:
            wait_for_server(client.ping, *self.processes)
        self.client.replicaof(HOST, "1")
        self.url = f"redis://{HOST}:{ports[1]}"


class SentinelPair(_Several):
    """A master, its replica, and a Sentinel that watches them: three processes of one binary."""

    def start(self, *, down_after_ms: int = 60_000) -> None:
        """Start all three; a master that is silent for so long is replaced."""
        self.ports = master, replica, sentinel = free_ports(3)
        self.add(master, config="repl-diskless-sync-delay 0\n")
        self.add(replica, config=f"repl-diskless-sync-delay 0\nreplicaof {HOST} {master}\n")
        for client in self.clients:
            wait_for_server(client.ping, *self.processes)
        watched = [
            f"monitor {SERVICE} {HOST} {master} 1",
            f"down-after-milliseconds {SERVICE} {down_after_ms}",
            f"failover-timeout {SERVICE} 3000",
        ]
        config = "".join(f"sentinel {line}\n" for line in watched)
        self.add(sentinel, "--sentinel", config=config)
        self.url = f"redis+sentinel://{HOST}:{sentinel}/{SERVICE}"
        wait_for_server(self._is_ready, *self.processes)

    def _is_ready(self) -> bool:
        _, replica, sentinel = self.clients
        ask(sentinel, "SENTINEL", "DEBUG", "INFO-PERIOD", 100, "PUBLISH-PERIOD", 100)
        known = ask(sentinel, "SENTINEL", "REPLICAS", SERVICE)
        return bool(known) and replica.info("replication")["master_link_status"] == "up"

    def cut_replica(self) -> None:
        """Cut the replica off from its master, for good: it lags more and more behind."""
        master, replica, _ = self.clients
        replica.config_set("masteruser", "nobody")
        replica.config_set("masterauth", "unknown")
        master.client_kill_filter(_type="replica")

    def wait_for_failover(self) -> None:
        """Wait until Sentinel has put the replica in the master's place."""
        wait_for_server(lambda: self._named_port() == self.ports[1], *self.processes)
        self.master = 1

    def _named_port(self) -> int:
        _, port = ask(self.clients[2], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return int(port)


class Cluster(_Several):
    """Three masters of one cluster. The second has the slots of {test} and of {nodes}."""

    master = 1

    def start(self) -> None:
        """Start all three and make them a cluster; wait until each says so."""
        ports = free_ports(6)
        self.ports, buses = ports[:3], ports[3:]
        for port, bus in zip(self.ports, buses, strict=True):
            config = (
                f"cluster-enabled yes\ncluster-port {bus}\ncluster-config-file {port}.nodes\n"
                "cluster-node-timeout 2000\n"
            )
            self.add(port, config=config)
        self.url = "redis+cluster://" + ",".join(f"{HOST}:{port}" for port in self.ports)
        for client in self.clients:
            wait_for_server(client.ping, *self.processes)
        for number, client in enumerate(self.clients):
            first, end = (SLOTS * n // 3 for n in (number, number + 1))
            ask(client, "CLUSTER", "ADDSLOTSRANGE", first, end - 1)
            ask(client, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            ask(client, "CLUSTER", "MEET", HOST, self.ports[0], buses[0])
        wait_for_server(self._is_ready, *self.processes)

    def _is_ready(self) -> bool:
        return all(
            said["cluster_state"] == "ok" and said["cluster_known_nodes"] == "3"
            for said in (ask(client, "CLUSTER INFO") for client in self.clients)
        )

    def move_at_once(self, tag: str, source: int, target: int) -> None:
        """Move a slot in one go, as Valkey 9 can."""
        slot, (target_id,) = self._slot(tag), self._ids(target)
        where = ("SLOTSRANGE", slot, slot, "NODE", target_id)
        ask(self.clients[source], "CLUSTER", "MIGRATESLOTS", *where)
        wait_for_server(lambda: self._has(target, tag), *self.processes)
        self.master = target

    def begin_move(self, tag: str, source: int, target: int) -> None:
        """Have a slot's keys be served by two masters, named by number: those it has, by each."""
        # Moved again before all have heard of the last move, a slot may end with nobody.
        wait_for_server(self._agree, *self.processes)
        slot, (source_id, target_id) = self._slot(tag), self._ids(source, target)
        ask(self.clients[target], "CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        ask(self.clients[source], "CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)

    def move_keys(self, tag: str, source: int, target: int, *, most: int = 1000) -> int:
        """Move so many of a slot's keys; return how many there were."""
        keys = ask(self.clients[source], "CLUSTER", "GETKEYSINSLOT", self._slot(tag), most)
        if keys:
            where = (HOST, self.ports[target], "", 0, 5000)
            ask(self.clients[source], "MIGRATE", *where, "KEYS", *keys)
        return len(keys)

    def end_move(self, tag: str, source: int, target: int) -> None:
        """Give a slot to its new master, and tell the others; in the order of the manual."""
        (target_id,) = self._ids(target)
        for number in (target, source, *({0, 1, 2} - {source, target})):
            ask(self.clients[number], "CLUSTER", "SETSLOT", self._slot(tag), "NODE", target_id)
        self.master = target

    def move(self, tag: str, source: int, target: int) -> None:
        """Move a slot, step by step."""
        self.begin_move(tag, source, target)
        while self.move_keys(tag, source, target):
            pass
        self.end_move(tag, source, target)

    def undo_move(self, tag: str, source: int, target: int) -> None:
        """Empty both masters, and give the slot back, however far its move has come."""
        for client in (self.clients[source], self.clients[target]):
            client.flushall()
            ask(client, "CLUSTER", "SETSLOT", self._slot(tag), "STABLE")
        if self._has(target, tag):
            self.move(tag, target, source)

    def _agree(self) -> bool:
        """Tell whether all nodes say the same of each: its epoch and its slots."""
        views = [ask(client, "CLUSTER NODES") for client in self.clients]
        return (
            len({str(sorted((i, n["epoch"], n["slots"]) for i, n in v.items())) for v in views})
            == 1
        )

    def _has(self, number: int, tag: str) -> bool:
        try:
            self.clients[number].exists(tag)
        except MovedError:
            return False
        return True

    def _slot(self, tag: str) -> int:
        return int(ask(self.clients[0], "CLUSTER", "KEYSLOT", tag))

    def _ids(self, *numbers: int) -> list[str]:
        return [ask(self.clients[number], "CLUSTER", "MYID") for number in numbers]


KINDS: dict[str, Callable[[], Server]] = {
    "valkey": Valkey,
    "redis": lambda: Valkey(find_redis_server()),
    "sentinel": SentinelPair,
    "cluster": Cluster,
}
