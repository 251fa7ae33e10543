"""The desk of a blog with two workers: a link opens it once, and closing it reaches all of them."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from werkzeug.security import generate_password_hash

from blog.config import Settings
from blog.desk.keys import find_key
from blog.desk.pass_registry import PassRegistry
from blog.desk.passes import LINK_SALT, LINK_SECONDS, Pass, sign
from blog.store.database import Database
from tests.server.open_stream import OpenStream
from tests.site import ROOT, Site

PASSWORD = "correct horse battery"
ENVIRON = {
    "BLOG_DESK_PASSWORD_HASH": generate_password_hash(PASSWORD, "scrypt:16384:8:1"),
    "BLOG_PROXY_HOPS": "1",
    "BLOG_LOG_LEVEL": "debug",
    "GUNICORN_CMD_ARGS": "--access-logfile -",
}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(workers=2, environ=ENVIRON) as site:
        yield site


KEY = "k" * 32
AWAY_SECONDS = 3.0
ADDRESSES = map("198.51.100.{}".format, itertools.count(1))


@contextlib.contextmanager
def open_registry(site: Site) -> Iterator[PassRegistry]:
    """Open the registry of passes, as a command does: another process."""
    database = Database("", site.log_path.parent)
    try:
        yield PassRegistry(database)
    finally:
        database.close()


def key_of(site: Site) -> str:
    return find_key(Settings(instance_dir=site.log_path.parent))


def make_link(site: Site) -> str:
    with open_registry(site) as registry:
        made = Pass.make(registry.open_epoch(), time.time(), LINK_SECONDS)
    return f"/desk/link/{sign(key_of(site), LINK_SALT, made)}"


def ask(
    site: Site,
    method: str,
    path: str,
    cookie: str = "",
    *,
    address: str = "",
    **form: str,
) -> http.client.HTTPResponse:
    """Return an answer, on a connection of its own: any worker may take it."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    headers = {"Connection": "close", "Content-Type": "application/x-www-form-urlencoded"}
    headers["X-Forwarded-For"] = address or next(ADDRESSES)  # whose tries they are
    headers |= {"Cookie": cookie} if cookie else {}
    connection.request(method, path, urlencode(form) if method == "POST" else None, headers)
    return connection.getresponse()


def sign_in(site: Site) -> str:
    answer = ask(site, "POST", make_link(site))
    assert answer.status == 303
    return answer.headers["Set-Cookie"].partition(";")[0]


def read_until(stream: http.client.HTTPResponse, part: bytes) -> bytes:
    text = b""
    while part not in text and (more := stream.read1()):
        text += more
    return text


def test_a_link_is_used_up_for_all_workers_by_the_first(site):
    link = make_link(site)
    first, second = site.worker_pids()
    with site.only_worker(first):
        assert [ask(site, "GET", link).status for _ in range(2)] == [200, 200]
        cookie = ask(site, "POST", link).headers["Set-Cookie"].partition(";")[0]
    with site.only_worker(second):
        assert ask(site, "POST", link).status == 403
        assert ask(site, "GET", link).status == 403
        assert ask(site, "GET", "/desk/readers", cookie).status == 200
    assert ask(site, "GET", "/desk/readers").status == 303


def test_closing_ends_cookies_links_and_streams_in_every_worker(site):
    cookie, link = sign_in(site), make_link(site)
    streams = []
    for pid in site.worker_pids():
        with site.only_worker(pid):
            streams.append(ask(site, "GET", "/desk/live", cookie))
            assert b"data: " in read_until(streams[-1], b"\n\n")
    assert site.total() == 0  # who looks from the desk reads nothing
    with open_registry(site) as registry:
        registry.close_desk()
    closed = time.monotonic()
    for stream in streams:
        assert read_until(stream, b"event: park").endswith(b"event: park\ndata: \n\n")
    assert time.monotonic() - closed < 2
    assert ask(site, "GET", "/desk/readers", cookie).status == 303
    assert ask(site, "POST", link).status == 403
    assert b"event: park" in ask(site, "GET", "/desk/live", cookie).read()


def test_a_store_that_is_away_for_some_seconds_signs_nobody_out(site):
    """The look at each second fails meanwhile. Nobody gets in, and the stream goes on."""
    cookie = sign_in(site)
    stream = ask(site, "GET", "/desk/live", cookie)
    read_until(stream, b"\n\n")
    store = site.log_path.parent / "store.db"
    store.rename(f"{store}.away")
    store.mkdir()
    gone = time.monotonic()
    try:
        while time.monotonic() - gone < AWAY_SECONDS:
            assert ask(site, "GET", "/desk/readers", cookie).status == 503
            assert b"event: busy" in ask(site, "GET", "/desk/live", cookie).read()
            time.sleep(0.2)
    finally:
        store.rmdir()
        store.with_name("store.db.away").rename(store)
    with OpenStream(site):
        assert b"park" not in read_until(stream, b"\n\n")
    assert ask(site, "GET", "/desk/readers", cookie).status == 200
    stream.close()
    site.wait_for_total(0)


def test_tries_are_counted_over_all_workers(site):
    said = []
    for pid in site.worker_pids():
        with site.only_worker(pid):
            said += [
                ask(site, "POST", "/desk/sign-in", address="192.0.2.2", password="no").status
                for _ in range(3)
            ]
    assert said == [403] * 5 + [429]
    right = ask(site, "POST", "/desk/sign-in", address="192.0.2.3", password=PASSWORD)
    assert right.status == 303


def test_no_secret_is_logged_or_in_redis(site):
    link, cookie = make_link(site), sign_in(site)
    secrets = [key_of(site), link.rpartition("/")[2], cookie.partition("=")[2], PASSWORD]
    ask(site, "GET", link, cookie)
    ask(site, "POST", link, cookie)
    ask(site, "POST", "/desk/sign-in", password=PASSWORD)
    read_until(ask(site, "GET", "/desk/live", cookie), b"\n\n")
    site.wait(lambda: "/desk/sign-in" in site.read_whole_log(), "all is logged")
    log = site.read_whole_log()
    assert "/desk/link/(not logged)" in log
    with site.embedded_redis() as client:
        held = str([(key, client.hgetall(key)) for key in client.keys("*:w:*")])
    for secret in secrets:
        assert secret not in log
        assert secret not in held
    assert ENVIRON["BLOG_DESK_PASSWORD_HASH"] not in log


@pytest.mark.full
def test_several_hosts_with_one_key_and_one_store_are_one_desk(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/store.db", tmp_path)
    shared = {"BLOG_SECRET_KEY": KEY, "BLOG_DATABASE_URL": database.url}
    with Site(workers=1, environ=shared) as one, Site(workers=1, environ=shared) as other:
        made = Pass.make(PassRegistry(database).open_epoch(), time.time(), LINK_SECONDS)
        link = f"/desk/link/{sign(KEY, LINK_SALT, made)}"
        answer = ask(one, "POST", link)
        assert answer.status == 303
        assert ask(other, "POST", link).status == 403
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        assert ask(other, "GET", "/desk/readers", cookie).status == 200
        assert ask(other, "POST", "/desk/sign-out", cookie).status == 303
        assert ask(one, "GET", "/desk/readers", cookie).status == 303
    database.close()


@pytest.mark.full
def test_the_command_prints_a_link_that_the_running_blog_takes(site):
    environ = {**os.environ, "BLOG_INSTANCE_DIR": str(site.log_path.parent)}

    def run(*command: str) -> str:
        asked = [sys.executable, "-m", "flask", "desk", *command]
        ended = subprocess.run(
            asked, cwd=ROOT, env={**environ, "PORT": str(site.port)}, check=True,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return ended.stdout.strip()

    link = run("link")
    assert link.startswith(f"http://localhost:{site.port}/desk/link/")
    assert ask(site, "POST", link.partition(str(site.port))[2]).status == 303
    other = run("link")
    run("close")
    assert ask(site, "POST", other.partition(str(site.port))[2]).status == 403
