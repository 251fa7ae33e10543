"""`/metrics` counts exactly, over all workers, whatever becomes of them."""

from __future__ import annotations

import os
import re
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from blog.ops.metric_files import FILE_BYTES, KINDS
from blog.ops.metrics import Metrics
from tests.server.tabs import Tab, Tabs
from tests.site import Site

TOKEN = "0123456789abcdef0123456789abcdef"
MOST_STREAMS = 7
ROTATIONS_ARE_FAR = {"BLOG_ROTATE_SECONDS": "3600", "BLOG_PING_SECONDS": "3600"}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    environ = {
        "BLOG_METRICS": "127.0.0.1",
        "BLOG_METRICS_TOKEN": TOKEN,
        "BLOG_MAX_STREAMS_PER_ADDRESS": str(MOST_STREAMS),
        "BLOG_TRUSTED_HOSTS": "localhost,127.0.0.1",
        **ROTATIONS_ARE_FAR,
    }
    with Site(workers=2, environ=environ) as site:
        yield site


@pytest.fixture
def tabs(site: Site) -> Iterator[Tabs]:
    """Open tabs; where no test's tabs count any more, the next one may begin to count."""
    with Tabs() as tabs:
        yield tabs
        for tab in tabs.all:
            tab.close()
        wait_until(site, tabs, viblog_tabs=0)


def ask(site: Site, path: str = "/metrics", **headers: str) -> tuple[int, str]:
    """Ask for a path; return the status and the body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(site.url + path, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class Counted:
    """All samples at one moment: `counted("viblog_streams", page="post")`, the sum of those."""

    def __init__(self, site: Site) -> None:
        status, text = ask(site)
        assert status == 200
        self.families = list(text_string_to_metric_families(text))
        self.samples = [sample for family in self.families for sample in family.samples]

    def __call__(self, name: str, **labels: str) -> float:
        found = [s for s in self.samples if s.name == name and labels.items() <= s.labels.items()]
        assert found, f"no {name} {labels}"
        return sum(sample.value for sample in found)


def wait_until(site: Site, tabs: Tabs, **expected: float) -> Counted:
    """Wait until metrics have these values, in as many answers in a row as there are workers."""
    seen: list[Counted] = []

    def is_so() -> bool:
        seen[:] = [Counted(site) for _ in range(site.workers)]
        return all(one(name) == value for one in seen for name, value in expected.items())

    tabs.wait(is_so, f"the metrics are {expected}", 10)
    return seen[-1]


def open_seven(site: Site, tabs: Tabs) -> tuple[list[Tab], list[Tab]]:
    """Open three tabs of the index at one worker, and four of a post at the other."""
    first, second = site.worker_pids()
    return (
        tabs.open(site, 3, worker=first, returns=False),
        tabs.open(site, 4, page="blog/running-it", worker=second, returns=False),
    )


def test_every_stream_is_counted_whatever_becomes_of_its_worker(site, tabs):
    before = Counted(site)

    def more(name: str, **labels: str) -> float:
        return now(name, **labels) - before(name, **labels)

    _, on_a_post = open_seven(site, tabs)
    now = wait_until(site, tabs, viblog_streams=7, viblog_tabs=7, viblog_readers=7)
    assert now("viblog_workers") == 2
    assert now("viblog_streams", page="index") == 3
    assert now("viblog_streams", page="post") == 4
    assert now("viblog_streams", page="page") == 0
    assert more("viblog_streams_opened_total") == 7
    assert more("viblog_joins_total") == 7
    assert more("viblog_streams_ended_total") == 0

    for tab in on_a_post[:3]:
        tab.close()
    now = wait_until(site, tabs, viblog_streams=4, viblog_tabs=4)
    assert more("viblog_streams_ended_total", ending="closed") == 3
    assert more("viblog_streams_ended_total") == 3
    assert more("viblog_leaves_total") == 3

    # The one that has the three: what it has counted stays, what was open there is gone.
    first, second = site.worker_pids()
    site.kill_worker(first)
    site.wait(lambda: len({*site.worker_pids()} - {first, second}) == 1, "there is a new worker")
    now = wait_until(site, tabs, viblog_streams=1, viblog_workers=2, viblog_tabs=1)
    assert now("viblog_streams", page="post") == 1
    assert now("viblog_presence_workers", state="whole") == 2
    assert more("viblog_streams_opened_total") == 7
    assert more("viblog_streams_ended_total") == 3


def test_every_frame_is_counted(site, tabs):
    wait_until(site, tabs, viblog_streams=0, viblog_tabs=0)
    before = Counted(site)
    watching = tabs.open(site, 2, page="about", worker=site.worker_pids()[0], returns=False)
    wait_until(site, tabs, viblog_tabs=2)
    tabs.pump_for(0.3)  # what is left of a change that was paced
    frames = sum(len(tab.totals) for tab in watching)
    now = Counted(site)
    assert now("viblog_frames_total") - before("viblog_frames_total") == frames
    frame_bytes = now("viblog_frame_bytes_total") - before("viblog_frame_bytes_total")
    assert 150 * frames < frame_bytes < 400 * frames
    fan_outs = now("viblog_fan_out_seconds_count") - before("viblog_fan_out_seconds_count")
    assert fan_outs >= 1
    waits = now("viblog_pace_seconds_count") - before("viblog_pace_seconds_count")
    assert waits == fan_outs


def test_what_is_asked_of_redis_is_timed(site, tabs):
    def count_puts() -> float:
        return Counted(site)("viblog_redis_seconds_count", step="put")

    # The first of each worker, which need not have come when the site answers.
    site.wait(lambda: count_puts() >= 2, "each worker has put its slot", 10)
    before = Counted(site)
    tabs.open(site, 1)

    def calls(step: str) -> float:
        name = "viblog_redis_seconds_count"
        return Counted(site)(name, step=step) - before(name, step=step)

    # Its worker counts the tab before Redis has heard of it.
    site.wait(lambda: calls("append") >= 1, "the tab has been told to Redis", 10)
    now = Counted(site)
    assert calls("put") == 0
    assert now("viblog_redis_failures_total") == before("viblog_redis_failures_total")


def test_a_busy_answer_is_counted_with_its_reason(site, tabs):
    before = Counted(site)
    first = site.worker_pids()[0]
    tabs.open(site, MOST_STREAMS, worker=first, returns=False)
    with site.only_worker(first):
        refused = tabs.knock(site)
    assert refused.events == ["busy"]
    now = Counted(site)
    for reason, count in {"full": 1, "draining": 0, "threads": 0}.items():
        name = "viblog_streams_refused_total"
        assert now(name, reason=reason) - before(name, reason=reason) == count


def test_an_outage_of_redis_is_told_by_every_worker_and_needs_no_redis_for_it(site, tabs):
    with site.embedded_redis() as client:
        pid = client.info("server")["process_id"]
    answered = Counted(site)("viblog_redis_answered_timestamp_seconds")
    assert abs(time.time() - answered) < 6  # a heartbeat, and some
    os.kill(pid, signal.SIGSTOP)
    try:
        tabs.open(site, 1)  # something to write, for one worker; the other has its heartbeat
        tabs.wait(lambda: Counted(site)("viblog_presence_workers", state="stale") == 2, "stale", 12)
        now = Counted(site)
        assert now("viblog_presence_workers") == 2
        assert now("viblog_redis_failures_total") >= 2
        assert ask(site, "/readyz") == (200, '{"ready": true, "posts": 4, "presence": "stale"}\n')
    finally:
        os.kill(pid, signal.SIGCONT)
    tabs.wait(lambda: Counted(site)("viblog_presence_workers", state="whole") == 2, "whole", 10)
    assert Counted(site)("viblog_redis_answered_timestamp_seconds") > answered


def test_a_worker_that_starts_does_not_say_that_redis_never_answered():
    exposition = Metrics({}).answer("")[0].decode()
    (answered,) = re.findall(r"^viblog_redis_answered_timestamp_seconds (\S+)$", exposition, re.M)
    assert abs(time.time() - float(answered)) < 6


def test_a_page_is_timed_by_its_kind(site):
    before = Counted(site)
    for path in ("/blog", "/blog/running-it", "/blog/running-it", "/about", "/nowhere"):
        ask(site, path)
    now = Counted(site)

    def more(name: str, **labels: str) -> float:
        return now(name, **labels) - before(name, **labels)

    kinds = {kind: more("viblog_page_seconds_count", page=kind) for kind in ("index", "post")}
    assert kinds == {"index": 1, "post": 2}
    assert more("viblog_page_seconds_count", page="other") == 2
    assert more("viblog_answers_total", status="2xx") == 4
    assert more("viblog_answers_total", status="4xx") == 1


def test_nothing_that_is_a_readers_is_in_it(site, tabs):
    (tab,) = tabs.open(site, 1, cookie="a" * 22)
    with site.embedded_redis() as client:

        def read_keys() -> list[str]:
            slots = [client.hgetall(key) for key in client.keys("{viblog}:w:*")]
            return [
                text.split('"')[3] for slot in slots for ref, text in slot.items() if ref[0] != "."
            ]

        tabs.wait(lambda: bool(read_keys()), "its key is in Redis", 5)
        keys = read_keys()
    _, text = ask(site)
    assert not [word for word in [*keys, tab.cookie, "127.0.0.1", "running-it"] if word in text]


def test_the_room_for_all_files_of_a_worker_is_taken_when_it_starts(site):
    """A hole that is filled on a full disk ends the worker."""
    files = list((site.log_path.parent / "metrics" / str(site.master_pid)).iterdir())
    for pid in site.worker_pids():
        own = {path for path in files if path.stem.endswith(f"_{pid}")}
        assert {path.stem.removesuffix(f"_{pid}") for path in own} == set(KINDS)
        assert {path.stat().st_size for path in own} == {FILE_BYTES}
        assert all(path.stat().st_blocks * 512 >= FILE_BYTES for path in own)


def test_the_labels_are_few(site):
    assert len(Counted(site).samples) < 200


def test_who_may_not_see_them_finds_an_ordinary_page_that_is_not_there(site):
    status, body = ask(site, X_Forwarded_For="127.0.0.1")
    assert status == 404
    assert "viblog_" not in body
    assert ask(site, X_Forwarded_For="10.0.0.1", Authorization=f"Bearer {TOKEN}")[0] == 200
    assert ask(site, X_Forwarded_For="10.0.0.1", Authorization=f"Bearer {TOKEN}x")[0] == 404


def test_probes_are_answered_for_every_host(site):
    assert ask(site, "/blog", Host="elsewhere")[0] == 400
    assert ask(site, "/healthz", Host="elsewhere") == (200, "ok\n")
    assert ask(site, "/readyz", Host="elsewhere")[0] == 200
