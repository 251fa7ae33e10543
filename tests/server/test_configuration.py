"""What `configure` gives a `gunicorn.conf.py`, and what it says where it cannot."""

from __future__ import annotations

import gc
import logging
import re
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from flask_presence import Presence
from flask_presence.server import configuration
from flask_presence.server.configuration import configure, find_presence
from flask_presence.server.hooks import Hooks, HookSettings
from flask_presence.web.address_table import AddressTable

SETTINGS = HookSettings(
    workers=1,
    redis_url="",
    redis_prefix="",
    lease_seconds=15.0,
    instance_dir=Path(),
    stall_seconds=10.0,
    proxies=0,
    max_connections_per_address=0,
)


def test_every_value_is_a_setting_of_gunicorn(monkeypatch):
    from gunicorn.config import Config

    monkeypatch.setenv("PRESENCE_REDIS_URL", "redis://localhost")
    made = Config()
    for name, value in configure(workers=3, proxies=1).items():
        made.set(name, value)
    assert (made.workers, made.worker_class.__name__) == (3, "Worker")


def test_the_presence_of_an_application_is_found_and_another_said():
    app = Flask("notes")
    app.secret_key = "k" * 32
    Presence(app)
    assert find_presence(app) is app.extensions["presence"]
    for other in (Flask("plain"), SimpleNamespace(app=app)):
        with pytest.raises(RuntimeError, match=r"found none in what gunicorn serves.*find_life="):
            find_presence(other)


def test_before_a_fork_all_is_frozen_but_what_a_reload_left_and_nothing_needs():
    hooks = Hooks(SETTINGS, find_presence)
    server: Any = SimpleNamespace(address_table=AddressTable(2), handover=None)
    left: Any = type("Module", (), {})()
    left.itself = left
    gone = weakref.ref(left)
    try:
        hooks.pre_fork(server, SimpleNamespace())
        assert gc.get_freeze_count() > 10_000
        del left
        hooks.pre_fork(server, SimpleNamespace())
        assert gone() is None
    finally:
        gc.unfreeze()


def test_a_worker_too_many_is_told_to_count_alone(caplog):
    hooks = Hooks(SETTINGS, find_presence)
    log = logging.getLogger("test_configuration")
    server: Any = SimpleNamespace(address_table=AddressTable(1), handover=None, log=log)
    workers = [SimpleNamespace(address_column=0) for _ in range(2)]
    try:
        for worker in workers:
            hooks.pre_fork(server, worker)
    finally:
        gc.unfreeze()
    assert [worker.address_column for worker in workers] == [0, None]
    assert ["more workers than were expected" in line for line in caplog.messages] == [True]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"PRESENCE_MAX_STREAMS": "many"}, "PRESENCE_MAX_STREAMS: found 'many', expected a whole"),
        ({}, "PRESENCE_REDIS_URL is not set, and no Valkey can be started; set it, or install"),
    ],
)
def test_what_cannot_be_used_ends_it_with_one_line(monkeypatch, environ, said):
    monkeypatch.delenv("PRESENCE_REDIS_URL", raising=False)
    monkeypatch.setattr(configuration, "find_spec", lambda name: None)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=re.escape(said)) as ended:
        configure()
    assert isinstance(ended.value.code, str)
    assert "\n" not in ended.value.code


def test_a_valkey_that_cannot_be_started_ends_it_with_one_line(monkeypatch, tmp_path):
    monkeypatch.delenv("PRESENCE_REDIS_URL", raising=False)
    monkeypatch.setenv("PRESENCE_INSTANCE_DIR", str(tmp_path / ("x" * 120)))
    server: Any = SimpleNamespace()
    with pytest.raises(SystemExit, match="PRESENCE_INSTANCE_DIR: found a folder whose socket"):
        configure()["on_starting"](server)
