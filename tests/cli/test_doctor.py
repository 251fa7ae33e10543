"""`flask doctor` finds what is wrong, says how to mend it, and fails only where it must."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from blog.cli.settings_check import examine_settings
from blog.config import Settings
from flask_presence.cli.doctor import Finding, examine_redis
from flask_presence.cli.doctor import examine_stream as examine_any_stream
from flask_presence.place import Place
from tests.ops.nginx import Nginx
from tests.redis_servers import Server
from tests.server.open_stream import OpenStream
from tests.site import ROOT, Site
from tests.tracking.test_tls import make_certificate
from tests.valkey import Valkey

MOST_STREAMS = 6


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(workers=2, environ={"BLOG_MAX_STREAMS_PER_ADDRESS": str(MOST_STREAMS)}) as site:
        site.wait_for_total(0)
        yield site


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def tell(findings: Iterable[Finding]) -> dict[str, str]:
    """Return level and first words of each finding, by what was looked at."""
    return {one.what: f"{one.level} {one.found}" for one in findings}


def levels(findings: Iterable[Finding]) -> dict[str, str]:
    return {one.what: one.level for one in findings}


def settings(**environ: str) -> Settings:
    return Settings.from_environ(environ)


def place(**environ: str) -> Place:
    return settings(**environ).place


def examine_stream(url: str, wait_seconds: float = 5.0) -> Iterator[Finding]:
    return examine_any_stream(url, place(), named="BLOG_SITE_URL", wait_seconds=wait_seconds)


def ask_doctor(environ: dict[str, str]) -> tuple[int, list[str], str]:
    """Run `flask doctor`; return its exit code, its lines, and what it said of its progress."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BLOG_", "WEB_"))}
    ended = subprocess.run(
        [sys.executable, "-m", "flask", "doctor"],
        cwd=ROOT,
        env={**clean, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stdout.splitlines(), ended.stderr


def test_all_of_it_on_a_blog_that_is_well(site):
    site.wait_for_total(0)
    environ = {"BLOG_INSTANCE_DIR": str(site.log_path.parent), "BLOG_SITE_URL": site.url}
    code, lines, progress = ask_doctor(environ)
    assert code == 0
    assert {line.split()[0] for line in lines} <= {"ok", "warn"}
    looked_at = [line[6:].partition(":")[0] for line in lines]
    for what in ("open files", "Redis", "Redis's latency", "first event", "next event"):
        assert what in looked_at
    assert f"Opening a stream at {site.url}" in progress
    assert site.total() <= 2  # its own, which have just gone


def test_what_does_not_work_makes_it_fail():
    code, lines, progress = ask_doctor({"BLOG_REDIS_URL": "redis://:hunter2@127.0.0.1:1/0"})
    assert code == 1
    assert "Opening a stream at the public address" in progress  # which is not given
    (line,) = [line for line in lines if line.startswith("fail")]
    assert line.startswith("fail  Redis: that of BLOG_REDIS_URL does not answer (ConnectionError")
    assert line.endswith("Start it, or mend BLOG_REDIS_URL")
    assert "hunter2" not in "".join(lines)


@pytest.mark.full
class TestTheStreamBehindNginx:
    def test_comes_through_a_proxy_that_obeys(self, site):
        with Nginx(site) as nginx:
            found = tell(examine_stream(nginx.url))
        assert found["first event"].startswith("ok after ")
        assert found["next event"].startswith("ok ")

    def test_that_is_buffered_is_held_back(self, site):
        with Nginx(site, "proxy_ignore_headers X-Accel-Buffering;") as nginx:
            (*_, last) = examine_stream(nginx.url, wait_seconds=1)
        assert str(last).startswith(f"fail  stream: {nginx.url}/live: no ")
        assert "proxy_buffering off" in last.fix

    def test_that_is_compressed_is_told_from_one_that_is_buffered(self, site):
        with Nginx(site, "gzip on; gzip_types *; gzip_proxied any; gzip_min_length 0;") as nginx:
            (*_, last) = examine_stream(nginx.url, wait_seconds=1)
        assert last.found == "it is compressed (gzip)"
        assert "nginx: gzip_types" in last.fix

    def test_comes_through_tls(self, site, certificate, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with Nginx(site, certificate=certificate) as nginx:
            found = tell(examine_stream(nginx.url))
        assert found["next event"].startswith("ok ")

    def test_with_a_certificate_of_nobodys_fails(self, site, certificate):
        with Nginx(site, certificate=certificate) as nginx:
            found = tell(examine_stream(nginx.url))
        assert "a certificate that is not valid (self-signed certificate)" in found["TLS"]

    def test_that_something_else_answers_is_told(self, site):
        with Nginx(site, "return 418;") as nginx:
            found = tell(examine_stream(nginx.url))
        assert found["stream"].startswith(f"fail {nginx.url}/live answers 418 with ")


class TestTheStream:
    def test_is_not_there_where_nobody_listens(self):
        found = tell(examine_stream("http://127.0.0.1:1"))
        assert found["stream"].startswith("fail http://127.0.0.1:1 cannot be reached (Connection")

    def test_is_given_up_where_nobody_answers(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            began = time.monotonic()
            (*_, last) = examine_stream(url, wait_seconds=0.2)
        assert last.found == f"{url}/live: no answer within 0.2 s"
        assert time.monotonic() - began < 2

    def test_that_is_refused_is_no_failure(self, site):
        with contextlib.ExitStack() as stack, site.only_worker(site.worker_pids()[0]):
            for _ in range(MOST_STREAMS):
                stream = stack.enter_context(OpenStream(site))
                stream.read_until("online")
            found = tell(examine_stream(site.url))
        assert found["stream"] == "warn it was refused: no room, or the worker stops"


class TestRedis:
    def test_of_each_kind_is_well(self, server: Server):
        found = levels(examine_redis(place(BLOG_REDIS_URL=server.url)))
        assert found == dict.fromkeys(("Redis's latency", "Redis", "Redis's memory"), "ok")

    def test_that_may_evict_is_told(self, valkey: Valkey):
        valkey.client.config_set("maxmemory", "100mb")
        valkey.client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            found = tell(examine_redis(place(BLOG_REDIS_URL=valkey.url)))
        finally:
            valkey.client.config_set("maxmemory-policy", "noeviction")
            valkey.client.config_set("maxmemory", "0")
        assert found["Redis's memory"] == "warn maxmemory-policy is allkeys-lru"

    def test_that_only_follows_another_fails(self, valkey: Valkey):
        valkey.client.replicaof("127.0.0.1", "1")
        try:
            found = tell(examine_redis(place(BLOG_REDIS_URL=valkey.url)))
        finally:
            valkey.client.replicaof("NO", "ONE")
        assert found["Redis"].startswith("fail ")
        assert found["Redis"].endswith("a replica")

    def test_whose_user_may_do_only_what_the_blog_needs_is_asked_less(self, valkey: Valkey):
        rights = ["on", ">p", "resetkeys", "~{viblog}:*", "-@all", "+time", "+select"]
        valkey.client.execute_command("ACL", "SETUSER", "blog", *rights)
        url = valkey.url.replace("unix://", "unix://blog:p@")
        try:
            found = tell(examine_redis(Settings(redis_url=url).place))
        finally:
            valkey.client.execute_command("ACL", "DELUSER", "blog")
        assert found["Redis"].startswith("warn that of BLOG_REDIS_URL does not tell this user")
        assert found["Redis's latency"].startswith("ok ")

    def test_that_is_frozen_is_given_up_soon(self, valkey: Valkey):
        valkey.freeze()
        began = time.monotonic()
        found = levels(examine_redis(place(BLOG_REDIS_URL=valkey.url)))
        assert found == {"Redis": "fail"}
        assert time.monotonic() - began < 3

    def test_that_refuses_is_not_taken_for_one_that_does_not_answer(self, valkey: Valkey):
        valkey.client.execute_command("ACL", "SETUSER", "blog", "on", ">p", "+time", "-time")
        told: list[Finding] = []
        try:
            for password in ("p", "hunter2"):
                url = valkey.url.replace("unix://", f"unix://blog:{password}@")
                told += examine_redis(Settings(redis_url=url).place)
        finally:
            valkey.client.execute_command("ACL", "DELUSER", "blog")
        for one, kind in zip(told, ("NoPermissionError", "AuthenticationError"), strict=True):
            assert f"Redis: that of BLOG_REDIS_URL refuses ({kind}: " in str(one)
            assert str(one).endswith("see to its memory, or to what its user may do")
            assert "hunter2" not in str(one)

    def test_that_nobody_has_started_is_no_failure(self, tmp_path: Path):
        found = levels(examine_redis(place(BLOG_INSTANCE_DIR=str(tmp_path))))
        assert found == {"Redis": "warn"}


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, {}),
        ({"BLOG_SITE_URL": "https://a.example"}, {"host": "warn", "proxy": "warn"}),
        ({"BLOG_SITE_URL": "https://a.example", "BLOG_PROXY_HOPS": "1"}, {"host": "warn"}),
        (
            {"BLOG_SITE_URL": "http://a.example", "BLOG_TRUSTED_HOSTS": "b.example"},
            {"host": "fail"},
        ),
        ({"BLOG_SITE_URL": "http://a.example", "BLOG_TRUSTED_HOSTS": ".example"}, {}),
        ({"BLOG_PING_SECONDS": "60"}, {"pings": "warn"}),
        ({"BLOG_METRICS": "0.0.0.0/0"}, {"metrics": "warn"}),
        ({"BLOG_METRICS": "10.0.0.0/8,::1"}, {}),
    ],
)
def test_settings_that_do_not_go_together_are_told(environ, found):
    assert levels(examine_settings(settings(**environ))) == found
