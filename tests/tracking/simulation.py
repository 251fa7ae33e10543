"""Workers with one real Valkey in simulated time: nothing waits, everything can fail.

Each worker is the real Tracker with the real Sync, whose steps are taken by hand, in any order. The
slots are the real scripts in a real Valkey. What is simulated is the clock, so that a lease can end
in no time, and the network between a worker and Valkey, so that calls fail, and messages are lost.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import redis

from flask_presence.tracking import (
    Presence,
    Replica,
    Store,
    Sync,
    Timings,
    Tracker,
    Version,
    Write,
    connect,
)
from flask_presence.tracking.wire import Digested, Leaving, decode_message, encode_leaving

PREFIX = "{simulation}"
TOPIC = "blog"
PAGES = ("index", "blog/a", "blog/b")
TIMINGS = Timings()
# A lease ends when the simulated clock says so; Valkey's own must not end one before.
REAL_TIME_FACTOR = 1000.0
DEAD_MEMORY_SECONDS = 60.0
TICK_SECONDS = 0.1

T = TypeVar("T")
Contents = frozenset[str]
Interrupt = Callable[[], None]


@dataclasses.dataclass
class Gone:
    """A presence that came back and left: no worker may show it, or its former self, again."""

    worker: Worker
    left: Presence
    before: set[Version]  # what the worker had written when it left
    held_at: float  # when the worker last held what it was


class World:
    """What all workers share: the server, the clock, and what a witness would have written down.

    Until it is closed, the presence logs nothing of what is done to it.
    """

    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(url)
        self.client.flushall()
        self.store_client = connect(url)  # one for all: nobody ever waits in a call
        self.now = 0.0
        self.workers: dict[str, Worker] = {}
        # What a worker has put under which version: two who hold it must hold the same.
        self.contents: dict[tuple[str, Version], Contents] = {}
        self.gone: list[Gone] = []
        self._lease_ends: dict[str, float] = {}
        self._seen: dict[str, Version] = {}
        self._backup: dict[str, dict[bytes, bytes]] = {}
        self._tap = self.client.pubsub()
        self._tap.subscribe(f"{PREFIX}:d")
        self._drain_tap()
        self._log = logging.getLogger("flask_presence.tracking")
        self._log_level = self._log.level
        self._log.setLevel(logging.CRITICAL)

    def close(self) -> None:
        """Close every connection."""
        self._log.setLevel(self._log_level)
        self._tap.close()
        self.client.close()
        Store(self.store_client, PREFIX).close()

    def add_worker(self) -> Worker:
        """Start one more worker, under a new name."""
        worker = self.make_worker(f"w{len(self.workers) + 1}")
        self.workers[worker.name] = worker
        return worker

    def make_worker(self, name: str) -> Worker:
        """Make a worker, which nobody knows yet."""
        return Worker(self, name)

    def living(self) -> list[Worker]:
        """Return the workers that were not killed."""
        return [worker for worker in self.workers.values() if not worker.is_dead]

    def open_refs(self) -> set[str]:
        """Return the ref of every open tab of every living worker: what all should see.

        But for those that another one, or its tombstone, says it was.
        """
        refs = {ref for worker in self.living() for ref in worker.tabs.values()}
        slots = [worker.replica.presences(worker.name) for worker in self.living()]
        return refs - {held.prev_ref for slot in slots for held in slot.values()}

    def note_leave(self, worker: Worker, ref: str) -> None:
        """Note what must not be shown again when this presence of a worker's leaves."""
        leaving = worker.replica.presences(worker.name)[ref]
        if leaving.prev_ref in worker.held_refs():
            before = {version for name, version in self.contents if name == worker.name}
            self.gone.append(Gone(worker, leaving, before, self.now))

    def check_gone(self) -> None:
        """Assert that no worker that knows of a leave shows the presence or its former self.

        That holds until the worker that it left has not held its former self for two leases, or is
        killed: no other worker knows.
        """
        for gone in self.gone:
            if gone.left.prev_ref in gone.worker.held_refs():
                gone.held_at = self.now
        self.gone = [
            gone
            for gone in self.gone
            if not gone.worker.is_dead and self.now - gone.held_at <= 2 * TIMINGS.lease_seconds
        ]
        for gone in self.gone:
            for peer in self.living():
                version = peer.replica.version(gone.worker.name)
                if peer is gone.worker or (version and version not in gone.before):
                    shown = peer.replica.get_by_key(TOPIC, gone.left.key)
                    refs = {presence.ref for presence in shown}
                    assert not refs & {gone.left.ref, gone.left.prev_ref}, (
                        f"{peer.name} shows what left: {gone.left}"
                    )

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and with it leases end."""
        self.now += seconds
        for name, end in list(self._lease_ends.items()):
            if end <= self.now:
                self.client.delete(f"{PREFIX}:w:{name}")
                self.client.zadd(f"{PREFIX}:live", {name: self._server_ms() - 1}, xx=True)
            if end + DEAD_MEMORY_SECONDS <= self.now:
                self.client.zrem(f"{PREFIX}:live", name)
                del self._lease_ends[name]

    def renew(self, name: str, seconds: float) -> None:
        """Note the end of a lease that the server has granted."""
        self._lease_ends[name] = self.now + seconds

    def shorten(self, name: str, seconds: float) -> None:
        """Note that a lease ends sooner."""
        if name in self._lease_ends:
            self._lease_ends[name] = min(self._lease_ends[name], self.now + seconds)

    def left_ms(self, name: str) -> int:
        """Return what is left of a lease in simulated time."""
        return round(max(0.0, self._lease_ends.get(name, 0.0) - self.now) * 1000)

    def check_server(self) -> None:
        """Assert that each slot holds what its owner last put there, and that every key expires."""
        for key in self.client.keys(f"{PREFIX}:*"):
            assert self.client.pttl(key) > 0, f"{key!r} never expires"
        for name in self.workers:
            fields: dict[bytes, bytes] = dict(self.client.hgetall(f"{PREFIX}:w:{name}"))  # type: ignore[arg-type]
            if not fields:
                continue
            version = Version.parse(fields.pop(b".").decode())
            fields.pop(b".left", None)
            refs = {ref.decode() for ref in fields}
            assert refs == self.contents[name, version], (
                f"the slot of {name} holds what its owner never put there: {sorted(refs)}"
            )
            before = self._seen.get(name, version)
            assert before.epoch != version.epoch or before.seq <= version.seq, (
                f"the slot of {name} went back from {before} to {version}"
            )
            self._seen[name] = version

    def back_up_slots(self) -> None:
        """Note what each slot holds now, as a replica does that will lag from here on."""
        self._backup = {
            name: dict(self.client.hgetall(f"{PREFIX}:w:{name}"))  # type: ignore[arg-type]
            for name in self.workers
        }

    def go_back(self) -> None:
        """Have each living slot hold again what it held then: a failover to that replica."""
        for name, fields in self._backup.items():
            key = f"{PREFIX}:w:{name}"
            left_ms = self.client.pttl(key)
            if fields and left_ms > 0:
                self.client.delete(key)
                self.client.hset(key, items=[part for pair in fields.items() for part in pair])
                self.client.pexpire(key, left_ms)
                self._seen.pop(name, None)

    def deliver(self) -> None:
        """Bring what was published to every worker that is subscribed and reachable."""
        for payload in self._drain_tap():
            said = decode_message(payload)
            if isinstance(said, Leaving):
                payload = encode_leaving(
                    said.worker, round(said.lease_ms / REAL_TIME_FACTOR)
                ).encode()
            for worker in self.living():
                worker.line.receive_from_server(payload)

    def _drain_tap(self) -> list[bytes]:
        # Valkey answers in order: once the ping is back, everything published before it is here.
        self._tap.ping()
        payloads: list[bytes] = []
        while True:
            message = self._tap.get_message(timeout=5.0)
            assert message is not None, "the server does not answer"
            if message["type"] == "pong":
                return payloads
            if message["type"] == "message":
                payloads.append(message["data"])

    def _server_ms(self) -> int:
        seconds, microseconds = self.client.time()
        return int(seconds) * 1000 + int(microseconds) // 1000


class Line:
    """One worker's way to the server and back, with everything that can happen on it."""

    def __init__(self) -> None:
        self.is_cut = False  # nothing can be reached
        self.is_subscribed = False
        self.is_silent = False  # the subscription is open, and nothing comes
        self.inbox: deque[tuple[str, bytes]] = deque()
        self.lose_next_call: str = ""  # "request" or "answer"
        self._plan: deque[str] = deque()
        self._held: list[tuple[str, bytes]] = []

    def hurt_next(self, how: str, count: int) -> None:
        """Have the next messages lost, doubled, or held back until after the one that follows."""
        self._plan.extend([how] * count)

    def receive_from_server(self, payload: bytes) -> None:
        """Queue a message, if it finds its way."""
        if not self.is_subscribed or self.is_cut or self.is_silent:
            return
        how = self._plan.popleft() if self._plan else ""
        if how == "hold":
            self._held.append(("message", payload))
            return
        if how != "lose":
            self.inbox.append(("message", payload))
        if how == "double":
            self.inbox.append(("message", payload))
        self.inbox.extend(self._held)
        self._held.clear()

    def cut_subscription(self) -> None:
        """Break the subscription; what was under way is lost."""
        self.is_subscribed = self.is_silent = False
        self.inbox.clear()
        self._held.clear()

    def repair(self) -> None:
        """End every fault. What was lost stays lost, and a silent subscription silent."""
        self.is_cut = False
        self.lose_next_call = ""
        self._plan.clear()

    # -- A subscription, as the reader sees it -----------------------------------------------------

    def subscribe(self) -> None:
        """Begin anew."""
        self.cut_subscription()
        self.is_subscribed = True
        self.inbox.append(("subscribe", b""))

    def receive(self, timeout_seconds: float) -> tuple[str, bytes] | None:
        """Return what has come; never waits."""
        if self.inbox:
            return self.inbox.popleft()
        if not self.is_subscribed:
            raise redis.ConnectionError("the subscription is broken")
        return None

    def close(self) -> None:
        """End the subscription."""
        self.cut_subscription()


class SimulatedStore(Store):
    """The real store of one worker, at the end of its line, in simulated time.

    `interrupt` is what other greenlets and workers do while a call is under way: after the server
    has done it, and before its answer is read.
    """

    def __init__(self, world: World, owner: str, line: Line) -> None:
        super().__init__(world.store_client, PREFIX)
        self._world = world
        self._owner = owner
        self._line = line
        self.interrupt: Interrupt | None = None

    def write(self, worker: str, write: Write, *, lease_seconds: float) -> bool:
        assert worker == self._owner, "only its owner writes a slot"
        refs = {presence.ref for presence in write.joins}
        if write.prev is not None:
            refs |= self._world.contents[worker, write.prev] - set(write.leaves)
        told = self._world.contents.setdefault((worker, write.new), frozenset(refs))
        assert told == refs, "one version stood for two contents"

        def do() -> bool:
            is_done = super(SimulatedStore, self).write(
                worker, write, lease_seconds=lease_seconds * REAL_TIME_FACTOR
            )
            if is_done:
                self._world.renew(worker, lease_seconds)
            return is_done

        return self._call(do)

    def leave(self, worker: str, *, lease_seconds: float, version: Version | None = None) -> None:
        def do() -> None:
            seconds = lease_seconds * REAL_TIME_FACTOR
            super(SimulatedStore, self).leave(worker, lease_seconds=seconds, version=version)
            self._world.shorten(worker, lease_seconds)

        self._call(do)

    def digest(self, *, forgets: bool = True) -> dict[str, Digested]:
        found = self._call(lambda: super(SimulatedStore, self).digest(forgets=forgets))
        return {
            worker: dataclasses.replace(said, left_ms=self._world.left_ms(worker))
            for worker, said in found.items()
        }

    def fetch(self, worker: str) -> tuple[Version, tuple[Presence, ...]] | None:
        return self._call(lambda: super(SimulatedStore, self).fetch(worker))

    def subscribe(self) -> Line:
        self._call(self._line.subscribe)
        return self._line

    def close(self) -> None:
        """Leave the client open: all workers share it."""

    def _call(self, do: Callable[[], T]) -> T:
        lost, self._line.lose_next_call = self._line.lose_next_call, ""
        if self._line.is_cut or lost == "request":
            raise redis.ConnectionError("the server cannot be reached")
        done = do()
        self._world.deliver()
        interrupt, self.interrupt = self.interrupt, None
        if interrupt is not None:
            interrupt()
        if lost == "answer":
            raise redis.TimeoutError("the answer did not come")
        return done


class Worker:
    """One worker: its tracker, its tabs, and the steps of its two greenlets."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.line = Line()
        self.is_paused = False
        self.is_dead = False
        self.tabs: dict[str, str] = {}  # owner -> ref
        self.keys: dict[str, str] = {}  # owner -> key
        self._world = world
        self.store = SimulatedStore(world, name, self.line)
        self.tracker = Tracker(
            self.store,
            worker=name,
            indexes=("page",),
            timings=TIMINGS,
            now=lambda: world.now,
        )
        self._next_write = 0.0
        self._next_read = 0.0
        self._last_write = float("-inf")

    @property
    def sync(self) -> Sync:
        return self.tracker.sync

    @property
    def is_running(self) -> bool:
        return not self.is_dead and not self.is_paused

    def open_tab(self, owner: str, key: str, page: str, prev_ref: str | None = None) -> None:
        """Track one more tab, or one that comes back."""
        self.keys[owner] = key
        ref = self.tracker.track(owner, TOPIC, key, {"page": page}, prev_ref=prev_ref)
        self.tabs[owner] = ref

    def move_tab(self, owner: str, page: str) -> None:
        """Update a tab's meta."""
        self._world.note_leave(self, self.tabs[owner])
        ref = self.tracker.update(owner, TOPIC, self.keys[owner], {"page": page})
        self.tabs[owner] = ref

    def close_tab(self, owner: str) -> None:
        """Untrack a tab."""
        self._world.note_leave(self, self.tabs.pop(owner))
        self.tracker.untrack(owner)

    def seen_refs(self) -> set[str]:
        """Return every ref that this worker lists."""
        return {
            meta["ref"] for entry in self.tracker.list(TOPIC).values() for meta in entry["metas"]
        }

    def held(self) -> list[Presence]:
        """Return every presence of every slot that it holds, shown or not."""
        workers = self.replica.workers()
        return [held for name in workers for held in self.replica.presences(name).values()]

    def held_refs(self) -> set[str | None]:
        """Return the ref of everything that it holds, shown or not."""
        return {presence.ref for presence in self.held()}

    @property
    def replica(self) -> Replica:
        """Return what it knows."""
        return self.tracker._replica

    def write(self) -> None:
        """Take one step of the writer: what waits, or a heartbeat."""
        now = self._last_write = self._world.now
        is_answered = self.sync.write()
        wait = self.sync.heartbeat_seconds if is_answered else TIMINGS.max_retry_seconds
        self._next_write = now + wait

    def read(self) -> None:
        """Take one step of the reader."""
        if not self.sync.read():
            self._next_read = self._world.now + TIMINGS.max_retry_seconds

    def take_due_steps(self) -> None:
        """Do what the two greenlets would do at this moment."""
        now = self._world.now
        is_flush_due = now - self._last_write >= TIMINGS.flush_seconds
        if now >= self._next_write or (self.sync.has_news and is_flush_due):
            self.write()
        if now >= self._next_read:
            self.read()
        while self.line.inbox:
            self.read()
