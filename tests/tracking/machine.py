"""A Hypothesis state machine: four workers, everything that can go wrong, and what must hold."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any, ClassVar

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.tracking.simulation import (
    PAGES,
    PREFIX,
    TICK_SECONDS,
    TIMINGS,
    TOPIC,
    Worker,
    World,
)

WORKERS = 4
KEYS = ("ann", "bob", "cid")
# The longest recovery: a worker dies without a goodbye (its lease ends), and the next digest, which
# the dead worker's silence causes, notices its death.
CONVERGE_SECONDS = TIMINGS.lease_seconds + 5.0
# So long after the repair everything must still be right: no rule may undo another's work.
WATCH_SECONDS = 45.0

which = st.integers(0, 99)  # one of however many there are


def settings(schedules: int, **more: Any) -> hypothesis.settings:
    """Return Hypothesis' settings for so many schedules of up to 50 steps."""
    return hypothesis.settings(
        max_examples=schedules,
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        **more,
    )


class PresenceMachine(RuleBasedStateMachine):
    """Random joins, leaves, updates and faults. `url` names the server it runs on."""

    url: ClassVar[str] = ""
    faults: ClassVar[Counter[str]] = Counter()
    schedules: ClassVar[int] = 0
    worst_seconds: ClassVar[float] = 0.0
    world_class: ClassVar[type[World]] = World

    def __init__(self) -> None:
        super().__init__()
        self.world = self.world_class(self.url)
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

    @rule(which=which, other=which, tab=which, page=st.sampled_from(PAGES))
    def return_tab(self, which: int, other: int, tab: int, page: str) -> None:
        """A tab comes back elsewhere, and nobody closes it where it was: a worker died, perhaps."""
        workers = list(self.world.workers.values())
        left, worker = workers[which % len(workers)], self.pick(other)
        if worker is not None and left.tabs:
            owner = sorted(left.tabs)[tab % len(left.tabs)]
            self.tabs_opened += 1
            worker.open_tab(
                f"tab {self.tabs_opened}", left.keys[owner], page, prev_ref=left.tabs[owner]
            )

    @rule(
        which=which,
        other=which,
        key=st.sampled_from(KEYS),
        is_told=st.booleans(),
        then=st.sampled_from(["closed", "moved"]),
    )
    def return_for_a_moment(
        self, which: int, other: int, key: str, is_told: bool, then: str
    ) -> None:
        """A tab comes back elsewhere and leaves, before or after anybody is told that it came."""
        left, worker = self.pick(which), self.pick(other)
        if left is None or worker is None:
            return
        self.tabs_opened += 2
        old, new = f"tab {self.tabs_opened - 1}", f"tab {self.tabs_opened}"
        left.open_tab(old, key, PAGES[0])
        self.live(2 * TICK_SECONDS)
        worker.open_tab(new, key, PAGES[1], prev_ref=left.tabs[old])
        if is_told:
            worker.write()
        if then == "closed":
            worker.close_tab(new)
        else:
            worker.move_tab(new, PAGES[2])

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
    def be_interrupted(self, which: int, other: int, key: str, tab: int, is_written: bool) -> None:
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

    @rule(which=which, how=st.sampled_from(["lose", "double", "hold"]), count=st.integers(1, 3))
    def hurt_messages(self, which: int, how: str, count: int) -> None:
        """The next messages to a worker are lost, doubled, or come after the one that follows."""
        if worker := self.pick(which):
            worker.line.hurt_next(how, count)
            self.note(f"{how} message")

    @rule(which=which, lost=st.sampled_from(["request", "answer"]))
    def lose_a_call(self, which: int, lost: str) -> None:
        """The next call of a worker fails: nothing was done, or it was and nobody knows."""
        if worker := self.pick(which):
            worker.line.lose_next_call = lost
            worker.write()
            self.note(f"lost {lost}")

    @rule(which=which, fault=st.sampled_from(["cut subscription", "silence", "cut line", "repair"]))
    def hurt_line(self, which: int, fault: str) -> None:
        """The subscription breaks, or goes silent; no call reaches the server; or all is well."""
        worker = self.pick(which)
        if worker is None:
            return
        if fault == "silence":
            worker.line.is_silent = True
        elif fault == "repair":
            worker.line.repair()
        else:
            worker.line.cut_subscription()
            worker.line.is_cut = fault == "cut line"
        self.note(fault)

    @rule(which=which, fault=st.sampled_from(["pause", "resume", "kill", "kill, noticed"]))
    def hurt_worker(self, which: int, fault: str) -> None:
        """SIGSTOP, SIGCONT, SIGKILL. The master of a dead worker, if it lives, shortens its lease
        and starts another.
        """
        living = self.world.living()
        worker = living[which % len(living)]
        worker.is_paused = fault == "pause"
        if fault.startswith("kill"):
            worker.is_dead = True
            self.world.add_worker()
        if fault == "kill, noticed":
            worker.line.repair()
            worker.store.leave(worker.name, lease_seconds=3.0)
        self.note(fault)

    @rule(
        which=which,
        fault=st.sampled_from(["slot lost", "slot lost", "all lost", "backup", "went back"]),
    )
    def hurt_server(self, which: int, fault: str) -> None:
        """One slot is evicted or deleted; or everything is; or a replica that lagged takes over."""
        slots = sorted(self.world.client.keys(f"{PREFIX}:w:*"))
        if fault == "all lost":
            self.world.client.flushall()
        elif fault == "backup":
            self.world.back_up_slots()
        elif fault == "went back":
            self.world.go_back()
        elif slots:
            self.world.client.delete(slots[which % len(slots)])
        if fault != "backup":
            self.note(fault)

    # -- What must hold ----------------------------------------------------------------------------

    @invariant()
    def a_living_workers_own_tabs_are_in_its_own_view(self) -> None:
        for worker in self.world.living():
            refs = set(worker.tabs.values())
            returned = {presence.prev_ref for presence in worker.held()}
            assert refs - returned <= worker.seen_refs(), worker.name

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
                    held = worker.replica.presences(peer).keys()
                    assert held == self.world.contents[peer, version], (
                        f"{worker.name} holds another {version} of {peer} than it wrote"
                    )

    @invariant()
    def every_slot_in_the_server_is_what_its_owner_wrote_and_expires(self) -> None:
        self.world.check_server()

    @invariant()
    def nobody_shows_what_came_back_and_left(self) -> None:
        self.world.check_gone()

    # -- After the faults --------------------------------------------------------------------------

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
        assert wrong_until <= CONVERGE_SECONDS, (
            f"somebody saw something else than the open tabs for {wrong_until:.1f} s: "
            f"{ {worker.name: sorted(worker.seen_refs()) for worker in self.world.living()} }, "
            f"expected {sorted(self.world.open_refs())}"
        )

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
            self.world.check_gone()

    def note(self, fault: str) -> None:
        """Count a fault."""
        PresenceMachine.faults[fault] += 1
