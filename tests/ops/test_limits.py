"""How many streams the limit of open files allows, and what `flask doctor` says of it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from flask_presence.file_limits import most_streams
from tests.site import Site

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("files", "streams"),
    [(256, 205), (1024, 820), (4096, 3277), (20_000, 19_000), (1_048_576, 50_000), (1, 1)],
)
def test_some_files_are_spared_for_pages(files, streams):
    assert most_streams(files) == streams


def ask_doctor(*, soft: int, hard: int, **settings: str) -> tuple[int, str]:
    """Run `flask doctor` under a limit of open files; return its exit code and its words."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BLOG_", "WEB_"))}
    ended = subprocess.run(
        [sys.executable, "-m", "flask", "doctor"],
        cwd=ROOT,
        env={**clean, **settings},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
    )
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stdout


def test_the_doctor_says_what_the_files_allow():
    code, said = ask_doctor(soft=512, hard=1024, WEB_CONCURRENCY="3")
    assert code == 0
    assert "a worker may have 1024, 512 until the blog raises it" in said
    assert "at most 820 in one worker (as many as the open files allow), 2460 in all 3" in said


def test_the_doctor_has_a_cap_changed_that_the_files_do_not_allow():
    code, said = ask_doctor(soft=1024, hard=1024, BLOG_MAX_STREAMS="900")
    assert code == 1
    assert "fail  streams: BLOG_MAX_STREAMS is 900; expected at most the 820 that 1024 open" in said


def test_the_doctor_names_a_cap_that_was_set():
    code, said = ask_doctor(soft=1024, hard=1024, BLOG_MAX_STREAMS="100")
    assert code == 0
    assert "at most 100 in one worker (BLOG_MAX_STREAMS), 200 in all 2" in said


def test_a_worker_raises_its_soft_limit_of_open_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = min(512, hard - 1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (low, hard))
    try:
        site = Site(workers=1).start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        (pid,) = site.worker_pids()
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    finally:
        site.stop()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max open files")]
    assert line.split()[3:5] == [str(hard), str(hard)]
