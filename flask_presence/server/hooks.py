"""gunicorn's hooks: they share memory with the workers, and start and stop what a worker runs."""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import gevent

from ..streams.stream import PATH
from ..web.address_table import AddressTable
from ..web.gate import address_blocks
from .connection import Connection
from .handover import Handover
from .internals import choose_worker

__all__ = ["HookSettings", "Hooks", "Life"]

# A dead worker's tabs count this much longer: they are back after RETRY_MS.
DEAD_WORKER_LEASE_SECONDS = 3.0
# Room for extra workers: a reload's, until the old ones have ended, and those that TTIN adds.
SPARE_COLUMNS = 8
# How long a stopping worker waits for requests under way. Together with the check every second and
# with `Life.close` it must be less than `graceful_timeout`, when the master kills the worker: then
# its goodbye would be missing, and its tabs would leave before they are back.
WORKER_GRACE_SECONDS = 3
# The variable that tells a worker its name, so the master knows each worker's slot.
WORKER_NAME = "PRESENCE_WORKER_NAME"


class Life(Protocol):
    """The object that a worker starts and closes: the application's presence, or its holder."""

    @property
    def presence(self) -> Any:
        """The presence: `web.service.PresenceService`."""

    def start(self) -> None:
        """Begin. Called once, in the worker."""

    def close(self) -> None:
        """Stop everything; a few seconds at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    """What the hooks need to know. `proxies` is how many proxies are in front, all trusted.

    Without `redis_url` an embedded Valkey is started, in `instance_dir`; `variables` is the prefix
    of the settings' names in its messages. `stream_path` is the path of streams, including the path
    that the application is mounted at.
    """

    workers: int
    redis_url: str
    redis_prefix: str
    lease_seconds: float
    instance_dir: Path
    stall_seconds: float
    proxies: int
    max_connections_per_address: int
    variables: str = "PRESENCE_"
    stream_path: str = PATH


class Hooks:
    """The hooks of a gunicorn configuration; each is named as gunicorn names it.

    `find_life(application)` returns what a worker starts and closes. State is kept in attributes of
    gunicorn's server, because a reload reads the configuration again and makes new hooks.
    """

    def __init__(self, settings: HookSettings, find_life: Callable[[Any], Life]) -> None:
        self._settings = settings
        self._find_life = find_life

    def on_starting(self, server: Any) -> None:
        """Make what the workers share, in the master; raises `EmbeddedValkeyError`."""
        _, problem = choose_worker()
        if problem:
            server.log.warning("%s", problem)
        server.address_table = AddressTable(2 * self._settings.workers + SPARE_COLUMNS)
        server.handover = Handover()
        server.embedded_valkey = None
        if self._settings.redis_url:
            return
        from .embedded import EmbeddedValkey

        valkey = EmbeddedValkey(self._settings.instance_dir, self._settings.variables)
        valkey.start()
        server.embedded_valkey = valkey

    def on_reload(self, server: Any) -> None:
        """Tell the workers that are about to be stopped which ones follow."""
        if not hasattr(server, "handover"):  # a version without it has started this master
            server.handover = Handover()
        server.handover.begin(server.worker_age, self._settings.workers)

    def pre_fork(self, server: Any, worker: Any) -> None:
        """Name the worker, and give it what the workers share."""
        # The worker's garbage collector skips frozen objects: visiting an object writes to it and
        # so copies its page of memory, 3 MB for each worker. Collect first the garbage that a
        # reload left.
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        worker.presence_name = secrets.token_hex(6)
        worker.handover = server.handover
        worker.address_table = server.address_table
        worker.address_column = server.address_table.give(worker.presence_name)
        if worker.address_column is None:
            server.log.warning(
                "there are more workers than were expected: what an address may have, it may have"
                " once more in this one; set WEB_CONCURRENCY to as many, and restart"
            )

    def post_fork(self, server: Any, worker: Any) -> None:
        """Tell the worker its name."""
        os.environ[WORKER_NAME] = worker.presence_name

    def post_worker_init(self, worker: Any) -> None:
        """Start counting, and drain as soon as the worker is told to stop.

        gunicorn itself would wait its grace time for the streams, which never end, and then kill
        them. The SIGHUP of a closed terminal reaches the workers, too, and would kill them at once.
        """
        settings = self._settings
        life = self._find_life(worker.wsgi)
        presence = life.presence
        worker.trusts_proxy = settings.proxies == 1
        worker.stream_path = settings.stream_path
        Connection.stall_seconds = settings.stall_seconds
        worker.count_streams = lambda: presence.hub.socket_count
        if not settings.proxies:  # else they are the proxy's
            worker.find_block = lambda address: address_blocks(address)[0]
            worker.max_connections_per_address = settings.max_connections_per_address
        if worker.address_column is not None:
            presence.gate.share(worker.address_table, worker.address_column)
        life.start()
        worker.handover.note_serving(worker.age)
        worker.cfg.set("graceful_timeout", WORKER_GRACE_SECONDS)  # in this process only
        _drain_at_signals(worker, presence)

    def worker_exit(self, server: Any, worker: Any) -> None:
        """Close what the worker has; in the worker, on every way out but SIGKILL."""
        application = getattr(worker, "wsgi", None)
        if application is None:  # the worker never came to load it
            return
        closing = gevent.spawn(self._find_life(application).close)
        while not closing.ready():
            # Told to stop quickly, gunicorn ends the worker 0.1 s later by an exception in this
            # greenlet: it may have come this far by then, and would leave without a goodbye.
            with contextlib.suppress(SystemExit):
                closing.join()

    def child_exit(self, server: Any, worker: Any) -> None:
        """Shorten a dead worker's lease, and clear its counts; in the master, however it died.

        The process is not waited for; gunicorn reaps every child.
        """
        server.address_table.take_back(worker.presence_name)
        ends = time.monotonic() + DEAD_WORKER_LEASE_SECONDS
        valkey = server.embedded_valkey
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "flask_presence.server.goodbye",
                worker.presence_name,
                str(ends),
            ],
            stdin=subprocess.DEVNULL,
            env=os.environ  # others may read the words of a command; a URL may hold a password
            | {
                "PRESENCE_REDIS_URL": valkey.url if valkey else self._settings.redis_url,
                "PRESENCE_REDIS_PREFIX": self._settings.redis_prefix,
                "PRESENCE_LEASE_SECONDS": str(self._settings.lease_seconds),
            },
        )

    def on_exit(self, server: Any) -> None:
        """Stop the embedded Valkey, after the workers."""
        if server.embedded_valkey is not None:
            server.embedded_valkey.close()


def _drain_at_signals(worker: Any, presence: Any) -> None:
    is_told = False

    def drain_and_exit(number: int, frame: FrameType | None) -> None:
        nonlocal is_told
        if not is_told:
            is_told = True
            gevent.spawn(hand_over, number, frame)
        else:  # again, and for good: the master waits no longer
            end(number, frame)

    def hand_over(number: int, frame: FrameType | None) -> None:
        presence.is_followed = worker.handover.wait(worker.age)
        end(number, frame)

    def end(number: int, frame: FrameType | None) -> None:
        gevent.spawn(presence.drain)
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, drain_and_exit)
    signal.signal(signal.SIGHUP, drain_and_exit)
