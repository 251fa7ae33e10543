"""A number goes to the many readers of a page, by io_uring, and where the kernel refuses that."""

from __future__ import annotations

import contextlib
import re
from itertools import groupby
from pathlib import Path

import pytest

from tests.io_uring import thread_without_io_uring
from tests.site import Site
from tests.streams.rings import make_ring
from tests.streams.tab import Tab

READERS = 100  # of two batches, both of which a ring pays for
LEAVE = 50
NUMBER = re.compile(r">(\d+) readers? online<")


def has_ring(pid: int) -> bool:
    names = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            names.append(path.readlink().name)
    return any("io_uring" in name for name in names)


@pytest.mark.parametrize("is_allowed", [True, False], ids=["io_uring", "refused"])
def test_all_readers_of_a_page_are_told_of_each_who_comes_and_goes(is_allowed: bool) -> None:
    site = Site(workers=1)
    with contextlib.ExitStack() as stack:
        if is_allowed:
            make_ring(1).close()
            site.start()
        else:
            thread = stack.enter_context(thread_without_io_uring())
            thread.submit(site.start).result()
        stack.callback(site.stop)
        (pid,) = site.worker_pids()
        assert has_ring(pid) == is_allowed
        tabs = [stack.enter_context(Tab(site.port)) for _ in range(READERS)]
        for tab in tabs:
            tab.read_until_last(f">{READERS} readers online<")
        leaving, staying = tabs[:LEAVE], tabs[LEAVE:]
        for tab in leaving:
            tab.sock.close()
        for tab in staying:
            tab.read_until_last(f">{READERS - LEAVE} readers online<")
            # A frame of the index is sent once more where a minute ends: its last hour is another.
            shown = [int(number) for number, _ in groupby(NUMBER.findall(tab.body))]
            risen = shown.index(READERS)
            assert shown[: risen + 1] == sorted(set(shown[: risen + 1]))
            assert shown[risen:] == sorted(set(shown[risen:]), reverse=True)
        assert has_ring(pid) == is_allowed
        assert "ERROR" not in site.read_whole_log()
