"""`flask presence list` and `flask presence top` show a running blog, and are not seen by it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.server.tabs import Tabs
from tests.site import ROOT, Site, ignore_interrupts


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(workers=2) as site:
        yield site


@pytest.fixture(scope="module")
def tabs(site) -> Iterator[Tabs]:
    """Four tabs, on both workers."""
    tabs = Tabs()
    first, second = site.worker_pids()
    tabs.open(site, 1, page="blog/running-it", worker=first, returns=False)
    tabs.open(site, 1, worker=second, returns=False)
    tabs.open(site, 2, page="blog/running-it", returns=False)
    site.wait_for_total(4)
    yield tabs
    tabs.close()


def environ_of(site: Site) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BLOG_", "WEB_"))}
    return {**clean, "BLOG_INSTANCE_DIR": str(site.log_path.parent)}


def test_without_termios_every_command_starts(tmp_path):
    """As on Windows, where Python has none."""
    program = (
        "import sys; sys.modules['termios'] = None; from flask.cli import main;"
        "sys.argv[1:] = ['--app', 'app', 'posts', 'list']; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "BLOG_POSTS_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False), ended.stderr


def ask(environ: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """Run `flask presence …`; return its exit code, what it printed, and what it complained of."""
    ended = subprocess.run(
        [sys.executable, "-m", "flask", "presence", *arguments],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stdout, ended.stderr


def test_list_has_every_tab(site, tabs):
    code, said, counted = ask(environ_of(site), "list")
    assert code == 0
    head, *rows = said.splitlines()
    assert head.split() == ["PAGE", "READER", "SINCE", "WORKER"]
    assert [row.split()[0] for row in rows] == ["blog/running-it"] * 3 + ["index"]
    assert len({row.split()[1] for row in rows}) == 4
    assert not [tab for tab in tabs.all if tab.cookie in said]
    assert counted == "4 tabs, 2 workers\n"


def test_list_as_json_has_all_that_redis_has(site, tabs):
    _, said, _ = ask(environ_of(site), "list", "--json")
    listed = json.loads(said)
    assert len(listed) == 4
    assert listed[0].keys() == {"topic", "key", "ref", "worker", "meta"}
    assert listed[0]["meta"]["page"] == "blog/running-it"
    assert len({one["worker"] for one in listed}) == 2


ODD = "\x1b]0;pwned\x07\n\r\x7f\x9b2J\u2028\u202e\ud800" + "x" * 1_000_000
ODD_TIMES = [10**30, -(10**30), 10**400, "soon", None, True, {}, 1.5]


@pytest.mark.parametrize("command", [["list"], ["list", "--json"], ["top"]])
def test_what_others_wrote_in_redis_does_nothing_to_the_terminal(site, tabs, command):
    """Neither as a page, a key, a ref, nor as the name of a worker."""
    odd = json.dumps(ODD)
    fields = {".": "e.1"} | {
        f"{number}\x1b[2J": f'["readers",{odd},{{"page":{odd},"joined_at":{json.dumps(at)}}},null]'
        for number, at in enumerate(ODD_TIMES)
    }
    name = "evil\x1b[2J\x9b2J\n"
    with site.embedded_redis() as redis:
        try:
            redis.hset(f"{{viblog}}:w:{name}", mapping=fields)
            redis.zadd("{viblog}:live", {name: (time.time() + 60) * 1000})
            code, said, complained = ask(environ_of(site), *command)
        finally:
            redis.delete(f"{{viblog}}:w:{name}")
            redis.zrem("{viblog}:live", name)
    assert code == 0
    assert [sign for sign in said + complained if not sign.isprintable() and sign != "\n"] == []
    if "--json" in command:
        assert ODD in [one["meta"]["page"] for one in json.loads(said)]
    else:
        assert "pwned" in said
        assert max(map(len, said.splitlines())) < 1000


def test_top_prints_once_where_nobody_looks(site, tabs):
    code, said, _ = ask(environ_of(site), "top")
    assert code == 0
    total, workers, _, *rows = said.splitlines()
    assert total.startswith("4 tabs, 4 readers on 2 pages, ")
    assert re.fullmatch(r"2 workers: \w+ [1-3], \w+ [1-3]", workers)
    assert [row.split() for row in rows] == [
        ["TABS", "READERS", "PAGE"],
        ["3", "3", "blog/running-it"],
        ["1", "1", "index"],
    ]


class Terminal:
    """A terminal of 60 columns and 24 lines, in which `flask presence top` runs."""

    def __init__(self, site: Site) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        environ = {k: v for k, v in environ_of(site).items() if k not in ("LINES", "COLUMNS")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flask", "presence", "top", "--seconds", "0.1"],
            cwd=ROOT,
            env={**environ, "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=ignore_interrupts,
        )
        self._theirs = theirs
        self.before = termios.tcgetattr(theirs)
        self.text = ""

    def read_until(self, part: str, seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while part not in self.text:
            left = max(0, deadline - time.monotonic())
            is_readable = bool(select.select([self._ours], [], [], left)[0]) and left > 0
            assert is_readable, f"no {part!r} in …{self.text[-500:]!r}"
            self.text += os.read(self._ours, 65536).decode()

    def press(self, key: str) -> None:
        os.write(self._ours, key.encode())

    def settings(self) -> list[object]:
        return termios.tcgetattr(self._theirs)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)


@pytest.fixture
def terminal(site) -> Iterator[Terminal]:
    terminal = Terminal(site)
    yield terminal
    terminal.close()


def test_top_follows_what_is_read_until_q_and_leaves_the_terminal_as_it_was(site, tabs, terminal):
    terminal.read_until("4 tabs, 4 readers")
    (tab,) = tabs.open(site, 1, page="about", returns=False)
    terminal.read_until("5 tabs, 5 readers")
    terminal.read_until("    1        1  about")
    assert site.total() == 5  # it is not counted itself
    terminal.text = ""  # it has said so before
    tab.close()
    terminal.read_until("4 tabs, 4 readers", 10)
    terminal.press("q")
    terminal.read_until("\x1b[?1049l")
    assert terminal.process.wait(5) == 0
    assert terminal.settings() == terminal.before


def test_ctrl_c_ends_top_as_q_does(site, tabs, terminal):
    """However it was started: a script in the background has it ignored."""
    terminal.read_until("4 tabs")
    terminal.process.send_signal(signal.SIGINT)
    terminal.read_until("\x1b[?1049l")
    assert terminal.process.wait(5) == 0
    assert "Traceback" not in terminal.text
    assert terminal.settings() == terminal.before


@pytest.mark.parametrize("command", ["list", "top"])
def test_without_a_redis_it_says_where_it_looked(tmp_path: Path, command):
    environ = {**os.environ, "BLOG_INSTANCE_DIR": str(tmp_path)}
    code, _, complaint = ask(environ, command)
    assert code == 1
    assert f"no embedded Valkey is in {tmp_path}. Start the blog" in complaint


@pytest.mark.parametrize("command", ["list", "top"])
def test_a_redis_that_does_not_answer_is_said_without_its_password(command):
    environ = {**os.environ, "BLOG_REDIS_URL": "redis://:hunter2@127.0.0.1:1/0"}
    code, _, complaint = ask(environ, command)
    assert code == 1
    assert "the Redis that BLOG_REDIS_URL names does not answer (ConnectionError" in complaint
    assert "hunter2" not in complaint
