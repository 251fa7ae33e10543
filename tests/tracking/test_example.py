"""The example in the documentation does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "presence_example.py"


def test_the_example_prints_who_comes_and_goes(valkey_url):
    run = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLE), valkey_url],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={"PYTHONPATH": str(EXAMPLE.parents[1])},
    )
    assert (run.returncode, run.stderr) == (0, "")
    metas = "[{'mood': 'curious', 'ref': 'REF-1'}, {'mood': 'busy', 'ref': 'REF-2'}]"
    lobby = f"{{'ann': {{'metas': {metas}}}}}"
    assert re.sub(r"'\w{12}-", "'REF-", run.stdout).splitlines() == [
        f"{{'joins': {lobby}, 'leaves': {{}}}}",
        "2 connections, 1 person",
        f"{{'joins': {{}}, 'leaves': {lobby}}}",
    ]


def test_the_example_is_short_and_without_flask():
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 30
    imports = [line.split()[1].partition(".")[0] for line in lines if "import " in line]
    assert set(imports) <= {"gevent", "sys", "flask_presence"}
