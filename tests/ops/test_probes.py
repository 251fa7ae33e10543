"""Who is answered by the probes, and what."""

from __future__ import annotations

import json

import pytest
from flask import Flask

from blog.config import Settings
from blog.factory import create_app
from blog.ops.metric_files import forget_worker, open_folder
from blog.ops.probes import Access
from blog.viblog import Viblog

TOKEN = "0123456789abcdef0123456789abcdef"


def access(networks: str = "", token: str = "") -> Access:
    settings = Settings.from_environ({"BLOG_METRICS": networks, "BLOG_METRICS_TOKEN": token})
    return Access(settings.metrics, settings.metrics_token)


@pytest.mark.parametrize(
    ("networks", "address", "is_allowed"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("10.0.0.0/8, ::1", "10.1.2.3", True),
        ("10.0.0.0/8, ::1", "::1", True),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("fe80::/10", "fe80::1%eth0", True),
        ("10.0.0.0/8", "192.168.0.1", False),
        ("0.0.0.0/0", "", False),
        ("", "127.0.0.1", False),
    ],
)
def test_a_direct_peer_is_allowed_by_its_address(networks, address, is_allowed):
    assert access(networks).allows({"REMOTE_ADDR": address}) is is_allowed


@pytest.mark.parametrize(
    "header", ["HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP"]
)
def test_what_a_proxy_passes_on_has_the_proxys_address_and_needs_the_token(header):
    environ = {"REMOTE_ADDR": "127.0.0.1", header: "127.0.0.1"}
    allowed = access("127.0.0.1", TOKEN)
    assert not allowed.allows(environ)
    assert allowed.allows({**environ, "HTTP_AUTHORIZATION": f"Bearer {TOKEN}"})


@pytest.mark.parametrize("said", ["", "Bearer ", f"bearer{TOKEN}", f"Basic {TOKEN}", "Bearer é"])
def test_only_the_token_itself_is_the_token(said):
    assert not access(token=TOKEN).allows({"HTTP_AUTHORIZATION": said})
    assert not access().allows({"HTTP_AUTHORIZATION": said})


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(Settings.from_environ({"BLOG_TRUSTED_HOSTS": "blog.example"}))


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_answers_head_without_a_body(app, path):
    client = app.test_client()
    got, asked = client.get(path), client.head(path)
    assert (asked.status_code, asked.data) == (200, b"")
    assert asked.headers["Content-Length"] == str(len(got.data))
    assert asked.headers["Cache-Control"] == "no-store"


def test_metrics_are_off_unless_somebody_is_named():
    app = create_app(Settings())
    assert app.test_client().get("/metrics").status_code == 404


def test_without_workers_that_share_it_answers_for_its_own_process(tmp_path):
    app = create_app(Settings.from_environ({"BLOG_METRICS": "127.0.0.1"}))
    client = app.test_client()
    client.get("/blog")
    text = client.get("/metrics").text
    assert 'viblog_page_seconds_count{page="index"} 1.0' in text


def test_readiness_says_how_far_the_numbers_can_be_believed(app):
    told = json.loads(app.test_client().get("/readyz").data)
    assert told == {"ready": True, "posts": 4, "presence": "whole"}


def test_a_worker_is_ready_whatever_became_of_redis_and_not_while_it_drains():
    app = create_app(Settings())
    viblog, client = app.extensions["viblog"], app.test_client()
    health = viblog.presence.tracker.sync.health
    health.note_failure("writer", 0.0)
    answer = client.get("/readyz")
    assert (answer.status_code, json.loads(answer.data)["presence"]) == (200, "stale")
    health.must_forget(60.0)
    answer = client.get("/readyz")
    assert (answer.status_code, json.loads(answer.data)["presence"]) == (200, "local")
    viblog.presence.gate.is_draining = True
    answer = client.get("/readyz")
    assert (answer.status_code, json.loads(answer.data)["reason"]) == (503, "it is draining")
    assert client.get("/healthz").status_code == 200


def test_a_worker_is_not_ready_before_its_posts_are_read():
    viblog = Viblog(Settings())
    assert viblog.readiness() == (
        False,
        {"posts": 0, "presence": "whole", "reason": "its posts are not read yet"},
    )
    viblog.load()
    assert viblog.readiness() == (True, {"posts": 4, "presence": "whole"})


def test_a_worker_is_not_ready_without_its_posts_folder(tmp_path):
    folder = tmp_path / "posts"
    app = create_app(Settings(posts_dir=folder))
    library, client = app.extensions["viblog"].library, app.test_client()

    def ask() -> tuple[int, str]:
        library.load()
        answer = client.get("/readyz")
        assert str(tmp_path) not in client.get("/blog").text  # nobody's business
        return answer.status_code, json.loads(answer.data).get("reason", "")

    missing = (503, "its posts folder cannot be listed")
    assert ask() == missing
    folder.write_text("")
    assert ask() == missing
    folder.unlink()
    folder.mkdir()
    assert ask() == (200, "")
    folder.rmdir()
    assert ask() == missing


def test_a_masters_folder_is_its_own_and_those_of_dead_masters_go(tmp_path):
    for name in ("4194305", "nonsense", "1"):  # beyond the largest pid; no pid; init, which lives
        (tmp_path / "metrics" / name).mkdir(parents=True)
    folder = open_folder(tmp_path)
    assert sorted(path.name for path in (tmp_path / "metrics").iterdir()) == sorted(
        ["1", folder.name]
    )
    for name in ("gauge_livesum_7.db", "gauge_livesum_77.db", "counter_7.db"):
        (folder / name).touch()
    forget_worker(folder, 7)
    assert {path.name for path in folder.iterdir()} == {"gauge_livesum_77.db", "counter_7.db"}
