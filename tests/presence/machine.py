"""A Hypothesis state machine: four workers, everything that can go wrong, and what must hold."""

from __future__ import annotations

import sys
from collections import Counter
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.presence.simulation import PAGES, PREFIX, TICK_SECONDS, TIMINGS, TOPIC, Worker, World

WORKERS = 4
KEYS = ("ann", "bob", "cid")
# The longest way back: a worker dies without a goodbye (its lease), and its death is noticed by the
# next digest, which the silence of the dead brings about.
CONVERGE_SECONDS = TIMINGS.lease_seconds + 5.0
# So long after everything was repaired, it must still be right: no rule may undo another's work.
WATCH_SECONDS = 45.0

which = st.integers(0, 99)  # one of however many there are


class PresenceMachine(RuleBasedStateMachine):
    """Random joins, leaves, updates and faults. `url` names the server it runs on."""

    url: ClassVar[str] = ""
    faults: ClassVar[Counter[str]] = Counter()
    schedules: ClassVar[int] = 0
    worst_seconds: ClassVar[float] = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.url)
        self.tabs_opened = 0

    @initialize()
    def start(self) -> None:
        for _ in range(WORKERS):
            self.world.add_worker()
        for _ in range(2):
            for worker in self.world.living():
                worker.take_due_steps()

    # -- What workers do ---------------------------------------------------------------------------

    @rule(which=which, key=st.sampled_from(KEYS), page=st.sampled_from(PAGES))
    def open_tab(self, which: int, key: str, page: str) -> None:
        if worker := self.pick(which):
            self.tabs_opened += 1
            worker.open_tab(f"tab {self.tabs_opened}", key, page)

    @rule(which=which, tab=which)
    def close_tab(self, which: int, tab: int) -> None:
        if (worker := self.pick(which)) and worker.tabs:
            worker.close_tab(sorted(worker.tabs)[tab % len(worker.tabs)])

    @rule(which=which, tab=which, page=st.sampled_from(PAGES))
    def move_tab(self, which: int, tab: int, page: str) -> None:
        if (worker := self.pick(which)) and worker.tabs:
            worker.move_tab(sorted(worker.tabs)[tab % len(worker.tabs)], page)

    @rule(which=which)
    def write(self, which: int) -> None:
        if worker := self.pick(which):
            worker.write()

    @rule(which=which)
    def read(self, which: int) -> None:
        if worker := self.pick(which):
            worker.read()

    @rule(which=which, other=which, key=st.sampled_from(KEYS), tab=which, is_written=st.booleans())
    def be_interrupted(
        self, which: int, other: int, key: str, tab: int, is_written: bool
    ) -> None:
        """While a write is under way, tabs come and go, a peer writes, and the reader reads."""
        worker, peer = self.pick(which), self.pick(other)
        if worker is None or peer is None:
            return

        def meanwhile() -> None:
            self.close_tab(which, tab)
            self.open_tab(which, key, PAGES[0])
            if peer is not worker:
                peer.write()
            worker.read()

        worker.store.interrupt = meanwhile
        if is_written:
            worker.write()
        else:
            worker.read()
        worker.store.interrupt = None

    @rule()
    def take_due_steps(self) -> None:
        """Let everybody who can do what is due."""
        for worker in self.world.living():
            if worker.is_running:
                worker.take_due_steps()

    @rule(seconds=st.sampled_from([0.1, 1.0, 3.5, 6.0, 16.0, 61.0]), is_live=st.booleans())
    def pass_time(self, seconds: float, is_live: bool) -> None:
        """Let time pass, with the workers at work, or (a long pause of all) asleep."""
        if is_live:
            self.live(seconds)
        else:
            self.world.pass_time(seconds)

    # -- Faults ------------------------------------------------------------------------------------

    @rule(which=which)
    def pause_or_resume(self, which: int) -> None:
        living = self.world.living()
        worker = living[which % len(living)]
        worker.is_paused = not worker.is_paused
        self.note("pause" if worker.is_paused else "resume")

    @precondition(lambda self: len(self.world.living()) > 1 and len(self.world.workers) < 9)
    @rule(which=which, is_noticed=st.booleans())
    def kill_worker(self, which: int, is_noticed: bool) -> None:
        """SIGKILL; its master, if it lives, shortens its lease. Another worker takes its place."""
        living = self.world.living()
        victim = living[which % len(living)]
        victim.is_dead = True
        if is_noticed:
            victim.line.repair()
            victim.store.leave(victim.name, lease_seconds=3.0)
        self.world.add_worker()
        self.note("kill, noticed" if is_noticed else "kill")

    @rule()
    def flush(self) -> None:
        self.world.client.flushall()
        self.note("flush")

    @rule(which=which)
    def lose_a_slot(self, which: int) -> None:
        slots = sorted(self.world.client.keys(f"{PREFIX}:w:*"))
        if slots:
            self.world.client.delete(slots[which % len(slots)])
            self.note("lost slot")

    @rule(which=which)
    def cut_or_repair_line(self, which: int) -> None:
        """No call reaches the server; what was subscribed breaks."""
        if worker := self.pick(which):
            worker.line.is_cut = not worker.line.is_cut
            if worker.line.is_cut:
                worker.line.cut_subscription()
                self.note("cut line")

    @rule(which=which)
    def cut_subscription(self, which: int) -> None:
        if worker := self.pick(which):
            worker.line.cut_subscription()
            self.note("cut subscription")

    @rule(which=which)
    def silence_subscription(self, which: int) -> None:
        if worker := self.pick(which):
            worker.line.is_silent = True
            self.note("silence")

    @rule(which=which, lost=st.sampled_from(["request", "answer"]))
    def lose_a_call(self, which: int, lost: str) -> None:
        """The next call of a worker fails: nothing was done, or it was and nobody knows."""
        if worker := self.pick(which):
            worker.line.lose_next_call = lost
            worker.write()
            self.note(f"lost {lost}")

    @rule(which=which, how=st.sampled_from(["lose", "double", "reorder"]), place=which)
    def hurt_messages(self, which: int, how: str, place: int) -> None:
        worker = self.pick(which)
        if worker is None or not worker.line.inbox:
            return
        inbox = worker.line.inbox
        inbox.rotate(-(place % len(inbox)))
        if how == "lose":
            inbox.popleft()
        elif how == "double":
            inbox.append(inbox[0])
        # With the rotation alone what came last is read before what came first.
        self.note(f"{how} message")

    # -- What must hold ----------------------------------------------------------------------------

    @invariant()
    def a_living_workers_own_tabs_are_in_its_own_view(self) -> None:
        for worker in self.world.living():
            assert set(worker.tabs.values()) <= worker.seen_refs(), worker.name

    @invariant()
    def counts_equal_a_recount(self) -> None:
        for worker in self.world.living():
            for distinct in (False, True):
                for where in ({}, *({"page": page} for page in PAGES)):
                    counted = worker.tracker.count(TOPIC, distinct=distinct, **where)
                    recounted = worker.replica.recount(TOPIC, distinct=distinct, **where)
                    assert counted == recounted >= 0, (worker.name, where)

    @invariant()
    def equal_versions_mean_equal_contents(self) -> None:
        for worker in self.world.living():
            for peer in self.world.workers:
                version = worker.replica.version(peer)
                if peer != worker.name and version is not None:
                    told = self.world.contents[peer, version]
                    assert worker.replica.presences(peer).keys() == told, (worker.name, peer)

    @invariant()
    def every_slot_in_the_server_is_what_its_owner_wrote_and_expires(self) -> None:
        self.world.check_server()

    # -- After the faults --------------------------------------------------------------------------

    @rule()
    def converge(self) -> None:
        """Repair everything, and let the workers work: all must soon see the same, and go on so."""
        for worker in self.world.living():
            worker.is_paused = False
            worker.line.repair()
        began = self.world.now
        wrong_until = 0.0
        while self.world.now - began < WATCH_SECONDS:
            self.live(TICK_SECONDS)
            wanted = self.world.open_refs()
            if any(worker.seen_refs() != wanted for worker in self.world.living()):
                wrong_until = self.world.now - began
        cls = PresenceMachine
        cls.worst_seconds = max(cls.worst_seconds, wrong_until)
        views = {worker.name: worker.seen_refs() for worker in self.world.living()}
        assert wrong_until <= CONVERGE_SECONDS, (wrong_until, views, self.world.open_refs())

    def teardown(self) -> None:
        PresenceMachine.schedules += 1
        try:
            if sys.exc_info()[0] is None:  # else a counterexample is found already
                self.converge()
        finally:
            self.world.close()

    # -- Words -------------------------------------------------------------------------------------

    def pick(self, which: int) -> Worker | None:
        """Return one of the workers that run, None where none does."""
        running = [worker for worker in self.world.living() if worker.is_running]
        return running[which % len(running)] if running else None

    def live(self, seconds: float) -> None:
        """Let time pass in ticks, in which every running worker does what is due."""
        end = self.world.now + seconds
        while self.world.now < end - 1e-9:
            self.world.pass_time(min(TICK_SECONDS, end - self.world.now))
            self.take_due_steps()

    def note(self, fault: str) -> None:
        """Count a fault."""
        PresenceMachine.faults[fault] += 1
