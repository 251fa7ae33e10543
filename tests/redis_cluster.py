"""A cluster of three masters for the tests, and moves of a hash slot from one to another."""

from __future__ import annotations

from redis.exceptions import MovedError

from tests.redis_servers import Servers, ask
from tests.valkey import wait_for_server

SLOTS = 16384


class Cluster(Servers):
    """Three masters of one cluster. The second has the slots of {test} and of {nodes}."""

    master = 1

    def start(self) -> None:
        """Start all three and make them a cluster; wait until each says so."""
        addresses = self.choose_addresses(6)
        self.addresses, buses = addresses[:3], [port for _, port in addresses[3:]]
        for (host, port), bus in zip(self.addresses, buses, strict=True):
            config = (
                f"cluster-enabled yes\ncluster-port {bus}\n"
                f"cluster-config-file {host}-{port}.nodes\ncluster-node-timeout 2000\n"
            )
            self.add((host, port), config=config)
        names = ",".join(f"{host}:{port}" for host, port in self.addresses)
        self.url = f"redis+cluster://{names}"
        for client in self.clients:
            wait_for_server(client.ping, *self.processes)
        for number, client in enumerate(self.clients):
            first, end = (SLOTS * n // 3 for n in (number, number + 1))
            ask(client, "CLUSTER", "ADDSLOTSRANGE", first, end - 1)
            ask(client, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            ask(client, "CLUSTER", "MEET", *self.addresses[0], buses[0])
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
        """Have two masters, named by number, each serve those of a slot's keys that it has."""
        # If a slot is moved again before all have heard of the last move, it may end up with no
        # master.
        wait_for_server(self._agree, *self.processes)
        slot, (source_id, target_id) = self._slot(tag), self._ids(source, target)
        ask(self.clients[target], "CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        ask(self.clients[source], "CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)

    def move_keys(self, tag: str, source: int, target: int, *, most: int = 1000) -> int:
        """Move so many of a slot's keys; return how many there were."""
        keys = ask(self.clients[source], "CLUSTER", "GETKEYSINSLOT", self._slot(tag), most)
        if keys:
            where = (*self.addresses[target], "", 0, 5000)
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
        """Tell whether all nodes agree on each node's epoch and slots."""
        views = [
            {address: (node["epoch"], node["slots"]) for address, node in nodes.items()}
            for nodes in (ask(client, "CLUSTER NODES") for client in self.clients)
        ]
        return all(view == views[0] for view in views)

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
