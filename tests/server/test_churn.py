"""Streams that come and go faster than a page is drawn leave nothing behind."""

from __future__ import annotations

import random
import re
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.server.tabs import Tabs
from tests.site import Site

STREAMS = 20_000
LIFE_SECONDS = 0.010
CLIENTS = 16
MAX_STREAMS = 100
REQUEST = b"GET /live?page=index HTTP/1.1\r\nHost: localhost\r\n\r\n"
RESET = struct.pack("ii", 1, 0)


def connect_and_drop(site: Site) -> tuple[bool, bool]:
    """Open a stream and end it a random moment later, half of them with a reset.

    Return whether it lived as short as it should, and whether it was refused.
    """
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as sock:
        sock.sendall(REQUEST)
        time.sleep(random.uniform(0.0, LIFE_SECONDS - 0.002))
        sock.setblocking(False)
        try:
            answer = sock.recv(65536)
        except BlockingIOError:
            answer = b""
        if random.random() < 0.5:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    return time.monotonic() - began < LIFE_SECONDS, b"event: busy" in answer


def churn(site: Site, count: int) -> tuple[int, int]:
    """Connect and drop until `count` streams were as short as they should be.

    Return how many there were in all, and how many of them were refused.
    """
    opened = refused = 0
    while count:
        was_short, was_refused = connect_and_drop(site)
        opened += 1
        refused += was_refused
        count -= was_short
    return opened, refused


def read_gauges(site: Site) -> dict[int, int]:
    """Return how many streams each worker's hub has: the last number that each has logged.

    With BLOG_LOG_LEVEL=debug the endpoint logs the hub's own count after every stream that it
    opens and ends: there is no truer gauge, and none that needs less to be read from outside.
    """
    lines = re.findall(r"\[(\d+)\] \[DEBUG\] streams: one .* open=(\d+)\n", site.read_whole_log())
    return {int(pid): int(count) for pid, count in lines}


@pytest.mark.full
def test_of_20_000_streams_that_connect_and_drop_within_10_ms_nothing_is_left():
    """In every view, in Redis, in each hub, under each cap and among the open connections."""
    settings = {
        "BLOG_LOG_LEVEL": "debug",
        "BLOG_MAX_STREAMS": str(MAX_STREAMS),
        "BLOG_MAX_STREAMS_PER_ADDRESS": str(2 * MAX_STREAMS),  # of both workers
        "BLOG_MAX_OPENS_PER_ADDRESS": "0",
    }
    with Site(workers=2, environ=settings) as site, Tabs() as tabs:
        workers = site.worker_pids()
        views = [tab for pid in workers for tab in tabs.open(site, worker=pid)]
        tabs.wait_for_total(2, 5, tabs=views)

        with ThreadPoolExecutor(CLIENTS) as clients:
            running = [clients.submit(churn, site, STREAMS // CLIENTS) for _ in range(CLIENTS)]
            tabs.wait(lambda: all(it.done() for it in running), "all have come and gone", 120)
        counts = [it.result() for it in running]
        opened, refused = (sum(each) for each in zip(*counts, strict=True))
        assert refused == 0

        tabs.wait(lambda: read_gauges(site) == dict.fromkeys(workers, 1), "the hubs are empty", 10)
        tabs.wait_for_total(2, 5, tabs=views)
        with site.embedded_redis() as redis:
            slots = [redis.hkeys(key) for key in redis.keys("{viblog}:w:*")]
        tabs_in_slots = [sum(not str(ref).startswith(".") for ref in refs) for refs in slots]
        assert tabs_in_slots == [1, 1]
        tabs.wait(lambda: site.open_connections() == [1, 1], "every connection is closed")
        # What a gate still counted would take one of these places.
        for pid in workers:
            tabs.open(site, MAX_STREAMS - 1, worker=pid)
            with site.only_worker(pid):
                assert tabs.knock(site).events == ["busy"]
        # They did come so far; but for some that were reset before they were accepted.
        assert site.read_whole_log().count("streams: one opened") > 0.9 * opened
