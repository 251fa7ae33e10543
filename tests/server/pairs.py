"""Two faults within three seconds, on two gunicorns and one Valkey: when everybody is right again.

`python -m tests.server.pairs SECONDS` tries pairs in random order for so long, and prints for each
how long it took; "SIGHUP + FLUSHALL" in place of the seconds tries that pair ten times. Ends with 1
where one takes longer than docs/presence.md says.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import product

from bench.server import stop_on_signals
from tests.server.tabs import Tab, Tabs
from tests.site import Site
from tests.tracking import faults
from tests.tracking.proxy import Proxy
from tests.tracking.views import PREFIX, list_slots
from tests.valkey import Valkey

# From the last repair until every tab and every worker show what is true.
HEAL_SECONDS = 6.0
# Where a worker ended as well: its tabs come back after up to 2.6 s, and what does not come back
# counts for 6.6 s from the drain, which begins within a second.
ENDED_SECONDS = 9.0
# At a reload the old workers serve until the new ones do, at most so long.
HANDOVER_SECONDS = 6.0
# What a host held counts for its lease when the host died; and half a second to find it ended.
DEAD_SECONDS = 15.5
# A fault that lasts does so for so long; one beyond the lease for more than 15 s, and less than the
# 30 s after which gunicorn kills a worker that stands still.
LASTING_SECONDS = 2.0
BEYOND_SECONDS = 16.0
WITHIN_SECONDS = 3.0
# Right for so long is right: what a fault did may show a moment later.
STAYS_SECONDS = 2.0


class Hosts:
    """Two gunicorns of five workers, with tabs of all kinds, which come back as a browser's do.

    The first one's subscriptions go through a proxy.
    """

    def __init__(self, valkey: Valkey, proxy: Proxy, here: Site, there: Site, tabs: Tabs) -> None:
        self.valkey, self.proxy, self.here, self.there, self.tabs = valkey, proxy, here, there, tabs
        cookie = "SeveralTabsOfOneReader"
        self.opened = [
            *tabs.open(here, 6),
            *tabs.open(here, 3, cookie=cookie),
            *tabs.open(here, 3, is_private=True),
            *tabs.open(there, 4),
        ]
        self.settle(20)

    def settle(self, bound: float) -> float:
        """Wait until every tab and every worker show all tabs, and go on to; return when they did.

        In seconds from now on: 0 where nothing ever went wrong. Raises `AssertionError`, with what
        was wrong last, where it takes longer than `bound`.
        """
        began = right_since = time.monotonic()
        while time.monotonic() - right_since < STAYS_SECONDS:
            self.tabs.pump()
            if wrong := self.find_wrong():
                right_since = time.monotonic()
                took = right_since - began
                assert took < bound, f"not right after {took:.1f} s: {wrong}"
        return right_since - began

    def find_wrong(self) -> str:
        """Say what of all that is shown is not true, by tabs and by pages; "" where nothing is."""
        true = len(self.opened)
        shown = [_describe(tab) for tab in self.opened if not _shows(tab, true)]
        for site in (self.here, self.there):
            if len(site.worker_pids()) != site.workers:
                shown.append(f"{site.worker_pids()} for {site.workers} workers")
            totals = [_total_of(site) for _ in range(site.workers)]
            if set(totals) != {true}:
                shown.append(f"pages {totals}")
        return f"{', '.join(shown)}, for {true}" if shown else ""

    def turn(self) -> None:
        """Have a reader come, or go: who hears nothing of it shows an old number."""
        if len(self.opened) % 2:
            self.opened.pop().close()
        else:
            self.opened += self.tabs.open(self.here)

    def a_worker(self) -> int:
        """Return one of the workers that have most tabs."""
        return random.choice(self.here.worker_pids())


def _total_of(site: Site) -> int | str:
    try:
        return site.total()
    except OSError as error:
        return repr(error)


def _shows(tab: Tab, total: int) -> bool:
    return tab.is_live and (tab.total, tab.notice) == (total, "")


def _describe(tab: Tab) -> str:
    return f"{tab.total} {tab.notice}".strip() if tab.is_live else "no stream"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is hurt at the beginning, and repaired at the end, of so many seconds.

    `bound` is how soon after that all is right. Some need a Redis that takes our commands.
    """

    hurt: Callable[[Hosts], AbstractContextManager[None]]
    bound: float = HEAL_SECONDS
    seconds: float = 0.0
    needs_redis: bool = False


def _at_once(hurt: Callable[[Hosts], object]) -> Callable[[Hosts], AbstractContextManager[None]]:
    @contextmanager
    def hurt_at_once(hosts: Hosts) -> Iterator[None]:
        hurt(hosts)
        yield

    return hurt_at_once


def _ends_worker(number: signal.Signals) -> Fault:
    return Fault(_at_once(lambda hosts: os.kill(hosts.a_worker(), number)), ENDED_SECONDS)


def _loses(hurt: Callable[[Valkey], None]) -> Fault:
    return Fault(_at_once(lambda hosts: hurt(hosts.valkey)), needs_redis=True)


def _lose_slot(valkey: Valkey) -> None:
    with contextlib.suppress(IndexError):  # the other fault has emptied Redis
        faults.delete_slot(valkey)


@contextmanager
def _paused(hosts: Hosts) -> Iterator[None]:
    pid = hosts.a_worker()
    os.kill(pid, signal.SIGSTOP)
    yield
    with contextlib.suppress(ProcessLookupError):  # the other fault was its end
        os.kill(pid, signal.SIGCONT)


@contextmanager
def _frozen(hosts: Hosts) -> Iterator[None]:
    hosts.valkey.freeze()
    yield
    hosts.valkey.thaw()


@contextmanager
def _absent(hosts: Hosts) -> Iterator[None]:
    hosts.valkey.stop()
    yield
    hosts.valkey.start()


@contextmanager
def _dead(hosts: Hosts) -> Iterator[None]:
    hosts.there.kill_host()
    yield
    hosts.there.start()


FAULTS = {
    "SIGKILL of a worker": _ends_worker(signal.SIGKILL),
    "SIGTERM of a worker": _ends_worker(signal.SIGTERM),
    "SIGQUIT of a worker": _ends_worker(signal.SIGQUIT),
    "SIGHUP": Fault(
        _at_once(lambda hosts: os.kill(hosts.here.master_pid, signal.SIGHUP)),
        ENDED_SECONDS + HANDOVER_SECONDS,
    ),
    "dead host": Fault(_dead, DEAD_SECONDS, LASTING_SECONDS),
    "SIGSTOP of a worker": Fault(_paused, seconds=LASTING_SECONDS),
    "SIGSTOP beyond the lease": Fault(_paused, seconds=BEYOND_SECONDS),
    "FLUSHALL": _loses(faults.empty_redis),
    "restart empty": _loses(faults.restart_redis_empty),
    "list of the living lost": _loses(faults.delete_the_living),
    "slot lost": _loses(_lose_slot),
    "subscriptions cut": _loses(faults.cut_subscription),
    "connections cut": _loses(faults.cut_all_connections),
    "subscriptions silent": Fault(_at_once(lambda hosts: hosts.proxy.silence_subscription())),
    "Redis frozen": Fault(_frozen, seconds=LASTING_SECONDS),
    "Redis absent": Fault(_absent, seconds=LASTING_SECONDS, needs_redis=True),
    "Redis full": Fault(
        lambda hosts: faults.redis_out_of_memory(hosts.valkey),
        seconds=LASTING_SECONDS,
        needs_redis=True,
    ),
    "Redis read-only": Fault(
        lambda hosts: faults.redis_read_only(hosts.valkey),
        seconds=LASTING_SECONDS,
        needs_redis=True,
    ),
}
# While these last, what needs Redis cannot begin.
TAKES_REDIS = {"Redis frozen", "Redis absent", "Redis full", "Redis read-only"}


@contextmanager
def start() -> Iterator[Hosts]:
    """Start all of it."""
    with Valkey() as valkey:
        valkey.start()
        prefix = {"BLOG_REDIS_PREFIX": PREFIX}
        with (
            Proxy(valkey.url) as proxy,
            Site(workers=3, environ={"BLOG_REDIS_URL": proxy.url, **prefix}) as here,
            Site(workers=2, environ={"BLOG_REDIS_URL": valkey.url, **prefix}) as there,
            Tabs() as tabs,
        ):
            hosts = Hosts(valkey, proxy, here, there, tabs)
            assert len(list_slots(valkey)) == here.workers + there.workers
            yield hosts


@dataclass(frozen=True, slots=True)
class Pair:
    """Two faults, the second so many seconds after the first."""

    first: str
    second: str
    pause: float

    def __str__(self) -> str:
        return f"{self.first}, and {self.second} {self.pause:.1f} s later"


def draw_pauses(names: Iterable[tuple[str, str]]) -> list[Pair]:
    """Return pairs of these faults, each with a random pause."""
    return [Pair(first, second, random.uniform(0, WITHIN_SECONDS)) for first, second in names]


def try_pair(hosts: Hosts, pair: Pair) -> float:
    """Let two faults happen, and return how long after the last repair all were right again.

    The second begins after the end of the first where it could not begin before. Raises
    `AssertionError` beyond the bound.
    """
    one, two = FAULTS[pair.first], FAULTS[pair.second]
    ends = time.monotonic() + one.seconds
    with contextlib.ExitStack() as stack:
        stack.enter_context(one.hurt(hosts))
        if pair.first in TAKES_REDIS and two.needs_redis:
            hosts.tabs.pump_for(one.seconds)
            stack.close()
        hosts.tabs.pump_for(pair.pause)
        hosts.turn()
        with two.hurt(hosts):
            hosts.tabs.pump_for(two.seconds)
        hosts.tabs.pump_for(ends - time.monotonic())
    try:
        return hosts.settle(max(one.bound, two.bound))
    except AssertionError as error:
        raise AssertionError(f"{pair}: {error}") from None


def main(argument: str = "60") -> None:
    """Try pairs for so many seconds, or one ten times."""
    seed = random.SystemRandom().getrandbits(32)
    random.seed(seed)
    print(f"seed {seed}")
    if " + " in argument:
        first, second = argument.split(" + ")
        deadline, names = float("inf"), [(first, second)] * 10
    else:
        deadline, names = time.monotonic() + float(argument), list(product(FAULTS, FAULTS))
        random.shuffle(names)
    wrong = 0
    with start() as hosts:
        for pair in draw_pauses(names):
            if time.monotonic() > deadline:
                break
            try:
                print(f"{try_pair(hosts, pair):5.1f} s  {pair}", flush=True)
            except AssertionError as error:
                wrong += 1
                print(f"WRONG    {error}", flush=True)
                print(f"         right after {hosts.settle(60):.1f} s more", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    stop_on_signals()
    main(*sys.argv[1:])
