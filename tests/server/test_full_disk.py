"""A disk without room: the blog starts, reloads and serves, and says what it cannot do."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.site import ROOT

pytestmark = [pytest.mark.full, pytest.mark.system]

# In a namespace of its own, where anybody may mount a small disk.
ON_A_SMALL_DISK = """
import contextlib, json, os, signal, subprocess, sys, tempfile, urllib.error, urllib.request
from pathlib import Path
from tests.site import Site

def ask(path):
    try:
        with urllib.request.urlopen(site.url + path, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code

def ask_all():
    return [ask(path) for path in ("/blog", "/search?q=reader", "/metrics", "/readyz")]

def fill():
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))

def reload():
    before = set(site.worker_pids())
    os.kill(site.master_pid, signal.SIGHUP)
    site.wait(lambda: len(site.worker_pids()) == 2 and not before & set(site.worker_pids()),
              "there are new workers", 15)

def count(text):
    return site.read_whole_log().count(text)

with tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as folder:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], check=True)
    disk = Path(folder)
    environ = {"BLOG_INSTANCE_DIR": folder, "BLOG_METRICS": "127.0.0.1"}
    told = {}
    fill()
    with Site(workers=2, environ=environ) as site:
        told["started"] = ask_all()
        told["lines"] = count("metrics: this process counts nothing")
        told["tracebacks"] = count("Traceback")
    (disk / "filler").unlink()
    with Site(workers=2, environ=environ) as site:
        site.wait(lambda: ask("/search?q=reader") == 200, "it searches")
        told["with room"] = ask_all()
        reload()
        fill()
        told["filled"] = ask_all()
        reload()
        told["reloaded"] = ask_all()
        (disk / "filler").unlink()
        reload()
        told["with room again"] = ask_all()
        told["all tracebacks"] = count("Traceback")
    subprocess.run(["umount", folder], check=True)
print(json.dumps(told))
"""


def test_a_blog_on_a_full_disk_starts_and_reloads_without_metrics_and_a_search_says_it_cannot():
    """One line for each worker; before, none of them lived."""
    ended = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c", ON_A_SMALL_DISK],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
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
