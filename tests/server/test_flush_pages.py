"""Pages wait for no write of what was counted: seconds with one and without, in turn."""

from __future__ import annotations

import http.client
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.server.open_stream import OpenStream
from tests.site import ROOT, Site, copy_project

pytestmark = [pytest.mark.full, pytest.mark.alone]

POST = "blog/how-the-counter-works"
SECONDS = 40.0
# Compared is the first tenth of each second: of a whole one a write is too small a part.
WINDOW_SECONDS = 0.1
# What Python lets a thread work before another has its turn.
SWITCH_SECONDS = 0.005


def test_of_a_hundred_pages_the_slowest_is_no_slower_while_counts_are_written(
    tmp_path: Path,
) -> None:
    """They are written at each even second; all else is the same in the odd ones."""
    (tmp_path / "code").mkdir()
    root = copy_project(tmp_path / "code")
    recording = root / "blog" / "history" / "recording.py"
    source = recording.read_text(encoding="utf-8")
    assert "\nFLUSH_SECONDS = 10.0\n" in source
    recording.write_text(source.replace("FLUSH_SECONDS = 10.0", "FLUSH_SECONDS = 2.0"), "utf-8")
    environ = {
        "BLOG_DATABASE_URL": f"sqlite:///{tmp_path}/store.db",
        "BLOG_HISTORY": "1",
        "BLOG_POSTS_DIR": str(ROOT / "posts"),
    }
    taken: tuple[list[float], list[float]] = ([], [])
    with Site(workers=1, environ=environ, root=root) as site, ExitStack() as streams:
        for number in range(20):
            page = POST if number % 2 else "index"
            streams.enter_context(OpenStream(site, page)).read_until("id: ")
        connection = http.client.HTTPConnection("127.0.0.1", site.port)
        end = time.time() + SECONDS
        while (now := time.time()) < end:
            begun = time.perf_counter()
            connection.request("GET", f"/{POST}")
            connection.getresponse().read()
            if now % 1 < WINDOW_SECONDS:
                taken[int(now) % 2].append(time.perf_counter() - begun)
            time.sleep(0.001)
        connection.close()
        assert (tmp_path / "store.db").exists()
    written, quiet = (sorted(times)[int(0.99 * len(times))] for times in taken)
    assert written < 2 * quiet + SWITCH_SECONDS, f"{1000 * written:.2f} and {1000 * quiet:.2f} ms"
