"""A start says once that the blog answers, or in one line why nothing can listen."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from blog.ops.starting import Announcement, find_address_problem
from tests.ports import reserve_port
from tests.site import ROOT, Site


def test_one_of_many_makes_the_announcement():
    announcement = Announcement()
    assert [announcement.take() for _ in range(3)] == [True, False, False]


def test_an_address_that_is_free_is_no_problem(monkeypatch):
    port = reserve_port()
    assert find_address_problem([("127.0.0.1", port), ("::1", port), "/run/a.sock"]) == ""
    monkeypatch.setenv("LISTEN_FDS", "1")  # systemd's socket
    assert find_address_problem([("192.0.2.1", port)]) == ""


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_an_address_of_another_machine_is_named(host):
    problem = find_address_problem([(host, reserve_port())])
    assert problem.startswith(f"BLOG_HOST: found {host}, on which nothing here can listen (")


def test_the_first_worker_says_where_the_blog_is_and_a_second_blog_why_it_cannot_start():
    with Site(workers=2) as site:
        said = [line for line in site.read_whole_log().splitlines() if "The blog is at" in line]
        assert len(said) == 1
        assert said[0].endswith(f"The blog is at http://localhost:{site.port}/ and has 4 posts")
        ended = subprocess.run(
            [sys.executable, "-m", "gunicorn", "app:app"],
            cwd=ROOT,
            env=os.environ | {"PORT": str(site.port), "BLOG_INSTANCE_DIR": "/proc/none"},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[1:] == [
        "The blog cannot start:",
        f"PORT: found {site.port}, which another program uses on 127.0.0.1, perhaps this blog"
        " already; stop it, or choose another port",
    ]


def test_a_port_that_another_program_uses_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert find_address_problem([("127.0.0.1", port)]).startswith(f"PORT: found {port}, which")
