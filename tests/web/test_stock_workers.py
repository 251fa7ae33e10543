"""Two hosts of an application under gunicorn's own worker: no hook of ours looks after a death."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.streams.tab import Tab
from tests.web.example import fetch, serve

pytestmark = [pytest.mark.full, pytest.mark.alone]

LEASE_SECONDS = 15.0
# A worker finds out at its next heartbeat, and a frame may be a tenth of a second late.
SLACK_SECONDS = 1.5


class Host:
    """One gunicorn with two workers, and tabs of one page."""

    def __init__(self, port: int, stack: ExitStack) -> None:
        self._port = port
        self._stack = stack
        self.master = next(pid for pid in children_of(os.getpid()) if is_server(pid, port))
        found = re.search(r"page=([^\"]+)", fetch(port, "/a"))
        assert found is not None
        self._page = found[1]

    def workers(self) -> list[int]:
        """Return the pids of its workers, the oldest first."""
        return children_of(self.master)

    def open(self, worker: int, last_event_id: str = "") -> Tab:
        """Open a tab at a worker: the other ones are frozen meanwhile."""
        headers = f"Last-Event-ID: {last_event_id}\r\n" if last_event_id else ""
        with frozen([pid for pid in self.workers() if pid != worker]):
            tab = self._stack.enter_context(Tab(self._port, self._page, headers=headers))
            tab.read_until("reading now")
        return tab

    def kill(self) -> None:
        """End its master and its workers at once."""
        for pid in (self.master, *self.workers()):
            os.kill(pid, signal.SIGKILL)


def children_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_server(pid: int, port: int) -> bool:
    with suppress(OSError):
        return f":{port}\0" in Path(f"/proc/{pid}/cmdline").read_text()
    return False


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    """Freeze processes; one that ends meanwhile is none any more."""
    try:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@pytest.fixture
def open_host(tmp_path: Path, valkey_url: str) -> Iterator[Callable[[str], Host]]:
    with ExitStack() as stack:

        def open_host(name: str) -> Host:
            folder = tmp_path / name
            folder.mkdir()
            port = stack.enter_context(serve("gunicorn", folder, PRESENCE_REDIS_URL=valkey_url))
            host = Host(port, stack)
            deadline = time.monotonic() + 10
            while len(host.workers()) < 2:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            return host

        yield open_host


def wait_for(count: int, tabs: list[Tab], seconds: float = 5) -> None:
    """Wait until each tab's newest event has a number."""
    deadline = time.monotonic() + seconds
    for tab in tabs:
        tab.read_until_last(f">{count} reading now<", deadline - time.monotonic())


def test_over_two_hosts_all_agree_and_a_dead_host_is_gone_with_its_lease(open_host):
    first, second = (open_host(name) for name in ("first", "second"))
    tabs = [first.open(pid) for pid in first.workers()]
    others = [second.open(pid) for pid in second.workers()]
    wait_for(4, [*tabs, *others])
    others.pop().close()
    wait_for(3, [*tabs, *others])
    second.kill()
    wait_for(2, tabs, LEASE_SECONDS + SLACK_SECONDS)


def test_a_worker_that_is_killed_leaves_no_number_too_high_for_longer_than_its_lease(open_host):
    host = open_host("only")
    killed, other = host.workers()
    tabs = [host.open(killed) for _ in range(3)]
    staying = host.open(other)
    wait_for(4, [*tabs, staying])
    comes_back = tabs[0].event_id
    os.kill(killed, signal.SIGKILL)
    tabs[0].read_to_end()
    # Back at the other worker it is the same tab: it counts once, and the two that are gone until
    # the lease ends.
    back = host.open(other, comes_back)
    wait_for(4, [back, staying])
    wait_for(2, [back, staying], LEASE_SECONDS + SLACK_SECONDS)
    (new,) = (pid for pid in host.workers() if pid != other)
    wait_for(3, [staying, back, host.open(new)])
    shown = {int(one) for one in re.findall(r">(\d+) reading now<", back.body)}
    assert shown == {2, 3, 4}
