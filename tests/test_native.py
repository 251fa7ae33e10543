"""Native threads: as many as were requested, however much work there is."""

from __future__ import annotations

import subprocess
import sys

ONE_BY_ONE = """
from gevent import monkey; monkey.patch_all()
import os, sys
from blog.native import NativeWork
work = NativeWork(at_once=2, max_waiting=5)
for _ in range(20):
    work.run(lambda: None)
print(len(os.listdir("/proc/self/task")))
"""


def test_work_one_by_one_leaves_no_threads_behind():
    command = [sys.executable, "-c", ONE_BY_ONE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert int(done.stdout) <= 5  # the main one, gevent's own, and two
