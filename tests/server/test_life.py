"""Starting, stopping and mending: what a deployer sees."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from tests.ports import reserve_port
from tests.server.open_stream import OpenStream
from tests.site import Site

ROOT = Path(__file__).resolve().parents[2]


def find_valkey(site: Site) -> int:
    """Return the process of a site's embedded Valkey."""
    folder = site.log_path.parent
    found = subprocess.run(
        ["pgrep", "-f", f"valkey-server.*{folder}|{folder}.*valkey"],
        capture_output=True,
        text=True,
        check=False,
    )
    return int(found.stdout.split()[0])


def test_a_worker_that_is_told_to_stop_sends_its_tabs_away_and_is_gone_in_time():
    with Site(workers=1) as site, OpenStream(site) as stream:
        stream.read_until("1 reader online")
        began = time.monotonic()
        site.stop()
        assert time.monotonic() - began < 5
        text = stream.read_to_end()
        assert "event: drain" in text
        assert text.count("retry: ") == 2


def test_the_embedded_valkey_is_started_again_and_the_numbers_heal():
    with Site(workers=2) as site, OpenStream(site) as stream:
        stream.read_until("1 reader online")
        os.kill(find_valkey(site), signal.SIGKILL)
        site.wait(lambda: "starting it again" in site.read_log(), "it is started again")
        with OpenStream(site) as second:
            second.read_until("2 readers online", seconds=8)
            stream.read_until("2 readers online", seconds=8)


def test_nothing_is_left_running_after_the_stop():
    with Site(workers=2) as site:
        valkey = find_valkey(site)
        site.stop()
        assert not Path(f"/proc/{valkey}").exists()


def test_unusable_settings_stop_the_start_with_a_line_for_each():
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith("BLOG_")},
        "PORT": str(reserve_port()),
        "BLOG_REDIS_URL": "http://:secret@localhost",
        "BLOG_COUNT": "people",
    }
    ended = subprocess.run(
        [".venv/bin/gunicorn", "app:app"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert "BLOG_COUNT: found 'people', expected tabs or readers" in said
    assert "BLOG_REDIS_URL: found the scheme 'http'" in said
    assert "secret" not in said
    assert "Traceback" not in said
