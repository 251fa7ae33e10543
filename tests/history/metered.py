"""Workers in simulated time that count what their tabs do, each with a recount of its own.

The recount knows nothing of diffs: whenever something has changed, it looks at all that its worker
shows, and at which streams are open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import rule

from blog.history.counts import SITE, Batch, Counts, stay_bin
from blog.history.meter import Meter
from blog.history.tally import MINUTE_MS
from blog.history.visits import AGAIN_FIELD, ASKED_WITHIN_MS, FRESH_MS, Visits, seconds_open
from flask_presence.streams.observer import Ending
from flask_presence.tracking import State
from tests.tracking.machine import PresenceMachine, which
from tests.tracking.simulation import TOPIC, Worker, World

# Some noon; the simulated clock begins there.
NOON_MS = 1_793_707_200_000
LINGER_SECONDS = 1.0
RETURN_SECONDS = 2.5
FLUSH_SECONDS = 10.0
# No tab of a schedule lives three times as long: what the cap does is tested by itself.
READING_SECONDS = 100_000
# What a tab that comes back has still.
KEPT = ("joined_at", AGAIN_FIELD)


class Nobody:
    """Is told of events, and keeps none."""

    def open(self, page: str, campaign: str | None) -> None: ...

    def leave(self, page: str, seconds: float) -> None: ...


class Shown(NamedTuple):
    """A presence as a list shows it; `joined_at` is without the time for which it was parked."""

    ref: str
    key: str
    page: str
    prev_ref: str | None
    joined_at: int
    was_parked: bool

    @property
    def is_first(self) -> bool:
        """Whether it was nowhere before."""
        return self.prev_ref is None and not self.was_parked


class Recount:
    """What was counted by looking."""

    def __init__(self) -> None:
        self.opens: Counter[str] = Counter()
        self.entries: Counter[str] = Counter()
        self.open_ms: Counter[str] = Counter()
        self.stays: Counter[tuple[str, int]] = Counter()
        self.paths: Counter[tuple[str, str]] = Counter()
        self.peaks: Counter[tuple[str, int]] = Counter()
        self.doubts: set[int] = set()  # minutes, of the site

    def add(self, other: Recount) -> None:
        """Add what another has counted."""
        self.opens += other.opens
        self.entries += other.entries
        self.open_ms += other.open_ms
        self.stays += other.stays
        self.paths += other.paths
        self.peaks |= other.peaks
        self.doubts |= other.doubts


class MeteredWorker(Worker):
    """A worker with a meter. A tab that is closed lingers, as of real streams."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.world = world
        self.meter = Meter(name, ZoneInfo("UTC"), lambda page: READING_SECONDS, self.now_ms)
        self.visits = Visits(
            self.tracker, self.meter, Nobody(), topic=TOPIC, now=lambda: self.now_ms
        )
        self.meter.count = self.visits.count
        self.tracker.subscribe(lambda diff: self.look())
        self.tracker.subscribe_state(self.note_doubt)
        self._state = State.WHOLE
        self.batches: list[Batch] = []
        self.waiting, self.told = Recount(), Recount()
        self._shown: dict[str, Shown] = {}
        self._ended: dict[str, int] = {}
        self._asked: dict[str, int] = {}
        self._lingering: dict[str, tuple[float, str]] = {}  # by ref: when it ends, and the key
        self._flush_at = world.now + FLUSH_SECONDS

    @property
    def now_ms(self) -> int:
        return NOON_MS + round(self._world.now * 1000)

    # -- What tabs do ------------------------------------------------------------------------------

    def open_tab(
        self,
        owner: str,
        key: str,
        page: str,
        prev_ref: str | None = None,
        parked_after: int | None = None,
    ) -> None:
        """Open one; of one that was parked it is known after how many seconds."""
        meta: dict[str, Any] = {"page": page, "joined_at": self.now_ms}
        for before in self.tracker.get_by_key(TOPIC, key):
            if before["ref"] == prev_ref:
                meta |= {name: before[name] for name in KEPT if name in before}
        self.keys[owner] = key
        if parked_after is not None:
            meta[AGAIN_FIELD] = parked_after
        elif prev_ref is None:
            self.waiting.opens[page] += 1
        self.tabs[owner] = self.tracker.track(owner, TOPIC, key, meta, prev_ref=prev_ref)

    def move_tab(self, owner: str, page: str) -> None:
        self._world.note_leave(self, self.tabs[owner])
        before = self.tracker._own.slot.presences[self.tabs[owner]]
        meta = {**before.meta, "page": page}
        meta.pop("tab", None)
        if page == before.meta["page"]:  # its meta changes, as the library has it
            meta["tab"] = self.tabs[owner]
        self.tabs[owner] = self.tracker.update(owner, TOPIC, self.keys[owner], meta)

    def close_tab(self, owner: str) -> None:
        self.end_tab(owner, Ending.CLOSED)

    def end_tab(self, owner: str, ending: Ending) -> str:
        """End the stream of a tab; return its ref."""
        ref = self.tabs.pop(owner)
        self._ended[ref] = self.now_ms
        self.visits.end(ref, ending)
        returns = ending is Ending.RETURNS
        if returns:
            self._asked[ref] = self.now_ms
        seconds = RETURN_SECONDS if returns else LINGER_SECONDS
        if ending is Ending.PARKED:
            self._shown.pop(ref, None)  # it has not left
            self._world.note_leave(self, ref)
            self.tracker.untrack(owner)
        else:
            self._lingering[ref] = self._world.now + seconds, self.keys[owner]
            self.tracker.untrack(owner, linger_seconds=1e6, returns=returns)
        return ref

    def end_lingers(self) -> None:
        """Have those leave whose linger is over."""
        for ref, (ends, key) in list(self._lingering.items()):
            if ends <= self._world.now:
                del self._lingering[ref]
                if self.tracker._lingers.find(TOPIC, key, ref) is not None:
                    self._world.note_leave(self, ref)
                    self.tracker._lingers._take((TOPIC, key), ref)
                    self.tracker._leave([ref])

    # -- What is counted ---------------------------------------------------------------------------

    def look(self) -> None:
        """Recount what has changed of what this worker shows."""
        before, after, now = self._shown, self._list(), self.now_ms
        self._shown = after
        came = [shown for ref, shown in after.items() if ref not in before]
        for left in before.values():
            is_own = left.ref.startswith(f"{self.name}-")
            is_held = left.ref in self.tracker._own.slot.presences  # and came back elsewhere
            returned = left.ref in {one.prev_ref for one in came}
            if is_own and left.ref not in after and not returned and not is_held:
                self._note_leave(left, came, now)
        for shown in came:
            others = [one for one in (*before.values(), *after.values()) if one.ref != shown.ref]
            is_new = shown.is_first and self._is_new(shown)
            if is_new and all(one.key != shown.key for one in others):
                self.waiting.entries[shown.page] += 1

    def _is_new(self, shown: Shown) -> bool:
        """Tell whether an own tab comes for the first time, not again for one that is gone."""
        number = int(shown.ref.rpartition("-")[2], 16)
        is_own = shown.ref.startswith(f"{self.name}-")
        return is_own and number == self.tracker._refs_made

    def _note_leave(self, left: Shown, came: list[Shown], now: int) -> None:
        length = self._ended.get(left.ref, now) - left.joined_at
        self.waiting.stays[left.page, stay_bin(length)] += 1
        opened = [
            (one.joined_at, one.ref, one.page)
            for one in came
            if one.key == left.key and one.is_first and now - one.joined_at < FRESH_MS
        ]
        asked_at = self._asked.get(left.ref)
        if asked_at is not None and not opened:  # it was frozen
            opened = [
                (one.joined_at, one.ref, one.page)
                for one in self._shown.values()
                if one.key == left.key
                and one.is_first
                and abs(one.joined_at - asked_at) < ASKED_WITHIN_MS
            ]
        if opened and max(opened)[2] != left.page:
            self.waiting.paths[left.page, max(opened)[2]] += 1

    def note_peak(self) -> None:
        """Recount how many are here."""
        here = Counter(one.page for one in self._shown.values())
        here[SITE] = here.total()
        for page, count in here.items():
            place = page, self.now_ms // MINUTE_MS
            self.waiting.peaks[place] = max(self.waiting.peaks[place], count)

    def note_doubt(self, state: State) -> None:
        """Recount a minute in which what is seen was not all, at any moment of it."""
        before, self._state = self._state, state
        if before is not State.WHOLE or state is not State.WHOLE:
            self.waiting.doubts.add(self.now_ms // MINUTE_MS)

    def note_time(self, seconds: float) -> None:
        """Recount time that is about to pass, of the streams that are open and shown."""
        for ref in self.tabs.values():
            if ref in self._shown:
                self.waiting.open_ms[self._shown[ref].page] += round(seconds * 1000)

    def flush(self) -> None:
        """Do what the recording does every ten seconds."""
        batch = self.meter.take(self.now_ms)
        self.batches += [batch] if batch else []
        self.told.add(self.waiting)
        self.waiting = Recount()
        self._flush_at = self._world.now + FLUSH_SECONDS

    def tick(self) -> None:
        """Note that time has passed."""
        self.meter.load("index", self.now_ms)
        self.visits.look()
        self.note_peak()
        self.note_doubt(self.tracker.state)
        if self._world.now >= self._flush_at:
            self.flush()

    def _list(self) -> dict[str, Shown]:
        return {
            meta["ref"]: Shown(
                meta["ref"],
                key,
                meta["page"],
                meta.get("prev_ref"),
                meta["joined_at"] - 1000 * meta.get(AGAIN_FIELD, 0),
                AGAIN_FIELD in meta,
            )
            for key, entry in self.tracker.list(TOPIC).items()
            for meta in entry["metas"]
        }


class MeteredWorld(World):
    """A world whose workers have meters, which are asked at each full minute."""

    def make_worker(self, name: str) -> MeteredWorker:
        return MeteredWorker(self, name)

    def metered(self) -> list[MeteredWorker]:
        """Return those that were not killed."""
        return [worker for worker in self.living() if isinstance(worker, MeteredWorker)]

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end - 1e-9:
            full = self.now + 60 - self.now % 60
            # To the millisecond, which is what a meter knows.
            until = min(end, full if full - self.now > 5e-4 else full + 60)
            for worker in self.metered():
                worker.note_time(until - self.now)
            super().pass_time(until - self.now)
            for worker in self.metered():
                worker.tick()
                if worker.is_running:
                    worker.end_lingers()

    def close(self) -> None:
        for worker in self.workers.values():
            worker.tracker._lingers.close()
        super().close()


def tabulate(workers: Iterable[Worker]) -> Recount:
    """Return what a store has of all that the workers have flushed."""
    minutes: dict[tuple[str, int], Counts] = {}
    tables = Recount()
    for worker in workers:
        assert isinstance(worker, MeteredWorker)
        for batch in worker.batches:
            tables.paths += Counter(
                {(page, to): times for (_, page, to), times in batch.paths.items()}
            )
            for place, counts in batch.minutes.items():
                minutes.setdefault(place, Counts()).add(counts)
    for (page, minute), counts in minutes.items():
        if counts.peak:
            tables.peaks[page, minute] = counts.peak
        if page == SITE:
            tables.doubts |= {minute} if counts.doubt else set()
            continue
        assert not counts.doubt or minutes[SITE, minute].doubt
        tables.opens[page] += counts.opens
        tables.entries[page] += counts.entries
        tables.open_ms[page] += counts.open_ms
        for number, stays in enumerate(counts.stays):
            tables.stays[page, number] += stays
    for part in (tables.opens, tables.entries, tables.open_ms, tables.stays):
        part += Counter()  # without those that are zero
    return tables


class MeteredMachine(PresenceMachine):
    """Every schedule of presence, and what the workers have counted after each."""

    world_class = MeteredWorld

    def __init__(self) -> None:
        super().__init__()
        # Of tabs that were sent away: key, page, ref, and if they were parked, after how long.
        self.away: list[tuple[str, str, str, int | None]] = []

    @rule(which=which, tab=which, ending=st.sampled_from([Ending.RETURNS, Ending.PARKED]))
    def send_tab_away(self, which: int, tab: int, ending: Ending) -> None:
        worker = self.pick(which)
        if isinstance(worker, MeteredWorker) and worker.tabs:
            owner = sorted(worker.tabs)[tab % len(worker.tabs)]
            meta = worker.tracker._own.slot.presences[worker.tabs[owner]].meta
            parked = ending is Ending.PARKED
            seconds = seconds_open(meta, worker.now_ms) if parked else None
            key, page = worker.keys[owner], str(meta["page"])
            self.away.append((key, page, worker.end_tab(owner, ending), seconds))

    @rule(which=which, tab=which)
    def come_back(self, which: int, tab: int) -> None:
        worker = self.pick(which)
        if isinstance(worker, MeteredWorker) and self.away:
            key, page, ref, seconds = self.away.pop(tab % len(self.away))
            self.tabs_opened += 1
            named = ref if seconds is None else None
            worker.open_tab(f"tab {self.tabs_opened}", key, page, named, seconds)

    def converge(self) -> None:
        super().converge()
        for worker in self.world.living():
            assert isinstance(worker, MeteredWorker)
            worker.flush()
        recount = Recount()
        for worker in self.world.workers.values():
            assert isinstance(worker, MeteredWorker)
            recount.add(worker.told)  # what was not flushed is lost with its worker
        found = tabulate(self.world.workers.values())
        for name, expected in vars(recount).items():
            assert getattr(found, name) == expected, f"{name}: {getattr(found, name)} != {expected}"
