"""A process that may open no file goes on without its store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os, resource, sys
from pathlib import Path
import gevent
from blog.store.database import Database, StoreUnavailable

database = Database("", Path(sys.argv[1]))
gevent.get_hub().threadpool.apply(int)
database._writer._work.run(int)  # its thread runs, and nothing is loaded
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.dup(0))
except OSError:
    pass
try:
    database.write(lambda connection: None)
except StoreUnavailable as error:
    said = str(error)
for fd in held:
    os.close(fd)
print(said)
print(database.write(lambda connection: "written"))
sys.stdout.flush()
os._exit(0)
"""


def test_where_no_file_can_be_opened_the_store_is_unavailable_until_one_can(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    said, then = ended.stdout.splitlines()
    assert "Too many open files" in said
    assert then == "written"
