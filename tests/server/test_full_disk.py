"""A disk without room: the blog starts, reloads and serves, and says what it cannot do."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.server.small_disk import fill, make_room, run_with_disk, small_disk
from tests.site import Site

pytestmark = [pytest.mark.full, pytest.mark.system]


def ask(site: Site, path: str) -> int:
    try:
        with urllib.request.urlopen(site.url + path, timeout=5) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def ask_all(site: Site) -> list[int]:
    return [ask(site, path) for path in ("/blog", "/search?q=reader", "/metrics", "/readyz")]


def reload(site: Site) -> None:
    before = set(site.worker_pids())
    os.kill(site.master_pid, signal.SIGHUP)
    site.wait(
        lambda: len(site.worker_pids()) == 2 and not before & set(site.worker_pids()),
        "there are new workers",
        15,
    )


def count(site: Site, text: str) -> int:
    return site.read_whole_log().count(text)


def serve_on_a_small_disk() -> dict[str, Any]:
    told: dict[str, Any] = {}
    with small_disk(megabytes=2) as disk:
        environ = {"BLOG_INSTANCE_DIR": str(disk), "BLOG_METRICS": "127.0.0.1"}
        fill(disk)
        with Site(workers=2, environ=environ) as site:
            told["started"] = ask_all(site)
            told["lines"] = count(site, "metrics: this process counts nothing")
            told["tracebacks"] = count(site, "Traceback")
        make_room(disk)
        with Site(workers=2, environ=environ) as site:
            site.wait(lambda: ask(site, "/search?q=reader") == 200, "it searches")
            told["with room"] = ask_all(site)
            reload(site)
            fill(disk)
            told["filled"] = ask_all(site)
            reload(site)
            told["reloaded"] = ask_all(site)
            make_room(disk)
            reload(site)
            told["with room again"] = ask_all(site)
            told["all tracebacks"] = count(site, "Traceback")
    return told


def test_a_blog_on_a_full_disk_starts_and_reloads_without_metrics_and_a_search_says_it_cannot():
    """One line for each worker; before, none of them lived."""
    told = run_with_disk("tests.server.test_full_disk:serve_on_a_small_disk")
    # A worker that has the index open goes on.
    assert told["filled"].pop(1) in (200, 503)
    assert told == {
        "started": [200, 200, 404, 200],
        "lines": 2,
        "tracebacks": 0,
        "with room": [200, 200, 200, 200],
        "filled": [200, 200, 200],
        "reloaded": [200, 200, 404, 200],
        "with room again": [200, 200, 200, 200],
        "all tracebacks": 0,
    }
