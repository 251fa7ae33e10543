"""A new version of the code goes live by a reload, whole: not mixed with the one before."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.site import Site, copy_project


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.full
def test_a_reload_takes_up_what_the_master_had_imported(tmp_path: Path):
    """The settings: another default, and one more that the application cannot do without."""
    root = copy_project(tmp_path)
    (root / "posts").mkdir()
    with Site(root=root) as site:
        assert ">Viblog<" in site.fetch()
        before = set(site.worker_pids())
        change(
            root / "blog" / "config.py",
            'title: str = setting("Viblog",',
            'colour: str = setting("teal", TEXT, "A colour.")\n'
            '    title: str = setting("Night sky",',
        )
        with (root / "app.py").open("a", encoding="utf-8") as app:
            app.write('assert app.extensions["viblog"].settings.colour == "teal"\n')
        connection = root / "flask_presence" / "server" / "connection.py"
        change(connection, "HEAD_BYTES = 32 * 1024", "HEAD_BYTES = 999")
        os.kill(site.master_pid, signal.SIGHUP)
        site.wait(lambda: len(set(site.worker_pids()) - before) == 2, "new workers run", 20.0)
        site.wait(lambda: not set(site.worker_pids()) & before, "the old workers are gone", 20.0)
        assert all(">Night sky<" in site.fetch() for _ in range(4))
        with site.connect() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 999)
            assert sock.recv(100).startswith(b"HTTP/1.1 431 ")
        assert site.total() == 0  # by the Valkey that the master had started
