"""A setting that cannot be used is a line of every command, and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.site import ROOT


@pytest.mark.parametrize("command", ["posts list", "presence list", "doctor", "run", "--help"])
def test_every_command_says_which_setting_is_wrong(command: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", *command.split()],
        cwd=ROOT,
        env={**os.environ, "BLOG_COUNT": "people", "WEB_CONCURRENCY": "zwei"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "The blog cannot start:",
        "WEB_CONCURRENCY: found 'zwei', expected a whole number from 1",
        "BLOG_COUNT: found 'people', expected tabs or readers",
    ]
