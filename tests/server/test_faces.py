"""A face stays with its tab, whatever becomes of the worker that gave it."""

from __future__ import annotations

import os
import signal

import pytest

from tests.server.tabs import Tab, Tabs
from tests.site import Site

# A new worker waits two seconds at most until it knows who is here; whose cores are taken may not.
pytestmark = [pytest.mark.full, pytest.mark.alone]

POST = "blog/how-the-counter-works"


def wait_for_faces(tabs: Tabs, faces: list[int], of: list[Tab]) -> None:
    """Wait until each tab is live and shows these faces, in this order."""
    tabs.wait(
        lambda: all(tab.is_live and tab.faces == faces for tab in of),
        f"all show {faces}",
        20,
    )


def test_faces_are_the_same_everywhere_after_a_kill_a_move_and_a_reload() -> None:
    with Site(workers=2) as site, Tabs() as tabs:
        first, second = site.worker_pids()
        opened = []
        for worker in (first, second, first, second):
            opened += tabs.open(site, page=POST, worker=worker)
        tabs.wait(lambda: len(opened[0].faces) == 4, "four faces are shown")
        faces = opened[0].faces
        assert len(set(faces)) == 4
        wait_for_faces(tabs, faces, opened)

        site.kill_worker(first)
        for tab in opened:
            tab.faces = []
        tabs.open(site, page=POST)  # so that every tab is told again
        tabs.wait(lambda: all(len(tab.faces) == 5 for tab in opened), "all are back", 20)
        assert [tab.faces[:4] for tab in opened] == [faces] * 4
        faces = opened[0].faces

        tabs.move(site, opened[0], second)
        wait_for_faces(tabs, faces, opened)
        for tab in opened:
            tab.faces = []
        os.kill(site.master_pid, signal.SIGHUP)
        wait_for_faces(tabs, faces, opened)
