"""Starting, stopping and mending: what a deployer sees."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

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
        folder = site.log_path.parent / "valkey"  # no other user may ask it, nor read its log
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_embedded_valkey_that_lost_its_socket_is_replaced():
    """A cleaner of folders took it: who is connected stays so, and nobody else can come."""
    with Site(workers=1) as site, OpenStream(site) as stream:
        stream.read_until("1 reader online")
        before = find_valkey(site)
        (site.log_path.parent / "valkey" / "valkey.sock").unlink()
        site.wait(lambda: "starting it again" in site.read_log(), "it is replaced")
        site.wait(lambda: not Path(f"/proc/{before}").exists(), "the other one has ended")
        site.kill_worker(site.worker_pids()[0])
        with OpenStream(site) as second:
            second.read_until("1 reader online", seconds=8)
            assert "not live" not in second.text


@pytest.mark.full
def test_two_gunicorns_of_one_folder_share_one_valkey_whoever_of_them_stops():
    """Whichever of them has started it; they never start one each."""
    with tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as folder:
        environ = {"BLOG_INSTANCE_DIR": folder}
        with Site(workers=1, environ=environ) as first:
            with Site(workers=1, environ=environ) as second:
                for _ in range(3):
                    replace_valkey(first, folder)
                    assert_count_together(first, second)
                    assert len(list_valkeys(folder)) == 1
            with OpenStream(first) as stream:
                # The Valkey may have gone with the other one, and nothing says so: a lease.
                stream.read_until("1 reader online", seconds=20)
                first.wait(lambda: "not live" not in first.fetch(), "it is live again", 8)


def replace_valkey(site: Site, folder: str) -> None:
    (valkey,) = list_valkeys(folder)
    os.kill(valkey, signal.SIGKILL)
    site.wait(lambda: list_valkeys(folder) not in ([], [valkey]), "another one runs")


def assert_count_together(first: Site, second: Site) -> None:
    with OpenStream(first) as one, OpenStream(second) as other:
        one.read_until("2 readers online", seconds=8)
        other.read_until("2 readers online", seconds=8)


def list_valkeys(folder: str) -> list[int]:
    found = subprocess.run(
        ["pgrep", "-f", f"valkey-server.*{folder}|{folder}.*valkey.sock"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(pid) for pid in found.stdout.split()]


def test_nothing_is_left_running_after_the_stop():
    with Site(workers=2) as site:
        valkey = find_valkey(site)
        site.stop()
        assert not Path(f"/proc/{valkey}").exists()


def test_an_instance_folder_that_cannot_be_made_stops_the_start_with_a_line(tmp_path):
    (tmp_path / "file").write_text("")
    environ = {k: v for k, v in os.environ.items() if not k.startswith("BLOG_")}
    ended = subprocess.run(
        [".venv/bin/gunicorn", "app:app"],
        cwd=ROOT,
        env={**environ, "PORT": str(reserve_port()), "BLOG_INSTANCE_DIR": f"{tmp_path}/file/below"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode != 0
    assert "\nBLOG_INSTANCE_DIR: [Errno 20] Not a directory: " in ended.stderr
    assert "needs a folder that the blog's user can write; choose one," in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_gunicorn_reads_itself_is_checked_before_it_starts():
    """It stops with a traceback where WEB_CONCURRENCY is no number."""
    ended = subprocess.run(
        ["make", "run"],
        cwd=ROOT,
        env={**os.environ, "WEB_CONCURRENCY": "zwei"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert "WEB_CONCURRENCY: found 'zwei', expected a whole number from 1\n" in ended.stderr
    assert "Traceback" not in ended.stderr


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


@pytest.mark.parametrize("change", ["presence: false", "draft: true", None])
def test_the_tabs_of_a_post_that_counts_nobody_any_more_are_parked_at_once(change, tmp_path):
    """Its readers leave the total of everybody, and are told why."""
    path = tmp_path / "one.md"
    head = "---\ntitle: One\ndate: 2026-01-01\n"
    path.write_text(f"{head}---\nText.")
    environ = {"BLOG_POSTS_DIR": str(tmp_path)}
    with Site(workers=2, environ=environ) as site, contextlib.ExitStack() as stack:
        tabs = [stack.enter_context(OpenStream(site, "blog/one")) for _ in range(4)]
        stack.enter_context(OpenStream(site))
        site.wait_for_total(5)
        if change is None:
            path.unlink()
        else:
            half = tmp_path / "half"
            half.write_text(f"{head}{change}\n---\nText.")
            half.rename(path)
        for tab in tabs:
            text = tab.read_to_end()
            assert text.endswith("event: park\ndata: \n\n")
            told = "was updated" if change == "presence: false" else "no longer published"
            assert told in text.split("\n\n", 1)[1]  # after the first frame
        site.wait_for_total(1)
