"""Two faults within three seconds, on two gunicorns and one Valkey: when everybody is right again.

`python -m tests.server.pairs SECONDS` tries pairs in random order for so long, and prints for each
how long it took. Ends with 1 where one takes longer than docs/presence.md says.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator

from bench.server import stop_on_signals
from tests.server.tabs import Tab, Tabs
from tests.site import Site
from tests.tracking import faults
from tests.valkey import Valkey

# From the last repair until every tab and every worker show what is true.
HEAL_SECONDS = 6.0
# Where a worker ended as well: its tabs come back after up to 2.6 s, and what does not come back
# counts for 6.6 s from the drain, which begins within a second.
ENDED_SECONDS = 9.0
# At a reload the old workers serve until the new ones do, at most so long.
HANDOVER_SECONDS = 6.0
# A fault that lasts does so for so long; the second one begins meanwhile, or after it.
LASTING_SECONDS = 2.0
WITHIN_SECONDS = 3.0
# Right for so long is right: what a fault did may show a moment later.
STAYS_SECONDS = 2.0


class Hosts:
    """Two gunicorns of five workers, with tabs of all kinds, which come back as a browser's do."""

    def __init__(self, valkey: Valkey, here: Site, there: Site, tabs: Tabs) -> None:
        self.valkey, self.here, self.there, self.tabs = valkey, here, there, tabs
        cookie = "SeveralTabsOfOneReader"
        self.opened = [
            *tabs.open(here, 6),
            *tabs.open(here, 3, cookie=cookie),
            *tabs.open(here, 3, is_private=True),
            *tabs.open(there, 4),
        ]
        self.settle(20)

    def settle(self, seconds: float) -> float:
        """Wait until every tab and every worker show all tabs, and go on to; return when they did.

        In seconds from now on: 0 where nothing ever went wrong.
        """
        began = right_since = time.monotonic()
        while time.monotonic() - right_since < STAYS_SECONDS:
            self.tabs.pump()
            if not self.is_right():
                right_since = time.monotonic()
                took = right_since - began
                assert took < seconds, f"not right after {took:.1f} s\n{self.tabs.describe()}"
        return right_since - began

    def is_right(self) -> bool:
        """Tell whether all that is shown is true: by each tab, and by pages of all workers."""
        true = len(self.opened)
        return all(_shows(tab, true) for tab in self.opened) and all(
            site.total() == true for site in (self.here, self.there) for _ in range(site.workers)
        )

    def a_worker(self) -> int:
        """Return one of the workers that have most tabs."""
        return random.choice(self.here.worker_pids())

    def wait_for_workers(self) -> None:
        """Wait until the first gunicorn has all its workers, and no others."""
        self.tabs.wait(
            lambda: len(self.here.worker_pids()) == self.here.workers, "all workers run", 20
        )


def _shows(tab: Tab, total: int) -> bool:
    return tab.is_live and (tab.total, tab.notice) == (total, "")


def _signal_worker(number: signal.Signals) -> Callable[[Hosts], None]:
    return lambda hosts: os.kill(hosts.a_worker(), number)


@contextlib.contextmanager
def _frozen(hosts: Hosts) -> Iterator[None]:
    hosts.valkey.freeze()
    yield
    hosts.valkey.thaw()


@contextlib.contextmanager
def _paused(hosts: Hosts) -> Iterator[None]:
    pid = hosts.a_worker()
    os.kill(pid, signal.SIGSTOP)
    yield
    with contextlib.suppress(ProcessLookupError):  # the other fault was its end
        os.kill(pid, signal.SIGCONT)


def _reload(hosts: Hosts) -> None:
    os.kill(hosts.here.master_pid, signal.SIGHUP)


def _lose_slot(hosts: Hosts) -> None:
    with contextlib.suppress(IndexError):  # the other fault has emptied Redis
        faults.delete_slot(hosts.valkey)


# What ends at once, by name; and what lasts.
SUDDEN: dict[str, Callable[[Hosts], None]] = {
    "SIGKILL of a worker": _signal_worker(signal.SIGKILL),
    "SIGTERM of a worker": _signal_worker(signal.SIGTERM),
    "SIGHUP": _reload,
    "FLUSHALL": lambda hosts: faults.empty_redis(hosts.valkey),
    "restart empty": lambda hosts: faults.restart_redis_empty(hosts.valkey),
    "list of the living lost": lambda hosts: faults.delete_the_living(hosts.valkey),
    "slot lost": _lose_slot,
    "subscriptions cut": lambda hosts: faults.cut_subscription(hosts.valkey),
    "connections cut": lambda hosts: faults.cut_all_connections(hosts.valkey),
}
LASTING: dict[str, Callable[[Hosts], contextlib.AbstractContextManager[None]]] = {
    "Redis frozen": _frozen,
    "Redis full": lambda hosts: faults.redis_out_of_memory(hosts.valkey),
    "SIGSTOP of a worker": _paused,
}
ENDS_WORKERS = {"SIGKILL of a worker", "SIGTERM of a worker", "SIGHUP"}
FAULTS = [*SUDDEN, *LASTING]
# A frozen or full Redis takes no command of ours: these begin when that is over.
_NEEDS_REDIS = set(SUDDEN) - ENDS_WORKERS | {"Redis full"}


@contextlib.contextmanager
def start() -> Iterator[Hosts]:
    """Start all of it."""
    with Valkey() as valkey:
        valkey.start()
        environ = {"BLOG_REDIS_URL": valkey.url}
        with (
            Site(workers=3, environ=environ) as here,
            Site(workers=2, environ=environ) as there,
            Tabs() as tabs,
        ):
            yield Hosts(valkey, here, there, tabs)


def try_pair(hosts: Hosts, first: str, second: str) -> float:
    """Let two faults happen, and return how long after the last one all were right again.

    Raises `AssertionError`, with what the tabs show, beyond the bound.
    """
    pause = random.uniform(0, WITHIN_SECONDS)
    with contextlib.ExitStack() as stack:
        for name in (first, second):
            if name in LASTING:
                lasting = stack.enter_context(contextlib.ExitStack())
                lasting.enter_context(LASTING[name](hosts))
                hosts.tabs.pump_for(LASTING_SECONDS)
                if second in _NEEDS_REDIS:
                    lasting.close()
            else:
                SUDDEN[name](hosts)
            if name == first:
                hosts.tabs.pump_for(pause)
    bound = ENDED_SECONDS if ENDS_WORKERS & {first, second} else HEAL_SECONDS
    bound += HANDOVER_SECONDS if "SIGHUP" in (first, second) else 0
    began = time.monotonic()
    hosts.wait_for_workers()
    hosts.settle(bound + 10)
    took = time.monotonic() - began
    assert took < bound, f"{first}, and {second} {pause:.1f} s later: right after {took:.1f} s"
    return took


def main(argument: str = "60") -> None:
    """Try pairs for so many seconds."""
    deadline = time.monotonic() + float(argument)
    seed = random.SystemRandom().getrandbits(32)
    random.seed(seed)
    print(f"seed {seed}")
    pairs = [(first, second) for first in FAULTS for second in FAULTS]
    random.shuffle(pairs)
    wrong = 0
    with start() as hosts:
        for first, second in pairs:
            if time.monotonic() > deadline:
                break
            try:
                print(f"{try_pair(hosts, first, second):5.1f} s  {first} + {second}", flush=True)
            except AssertionError as error:
                wrong += 1
                print(f"WRONG    {str(error).splitlines()[0]}", flush=True)
                hosts.settle(60)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    stop_on_signals()
    main(*sys.argv[1:])
