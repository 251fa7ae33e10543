"""How gunicorn serves the blog. Read by `gunicorn app:app`; every value comes from `Settings`."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import Any

import gevent

# At a reload (SIGHUP) this file is read again in the same master. What it imported at the start
# would stay as it was there, and be inherited by workers that import the rest of a new version.
for name in [name for name in sys.modules if name.partition(".")[0] in {"blog", "flask_presence"}]:
    del sys.modules[name]

from blog.config import Settings, SettingsError
from blog.ops.logs import set_up_logging
from blog.ops.metric_files import close_folder, forget_worker, open_folder, reserve_files
from flask_presence.file_limits import most_connections, read_file_limits
from flask_presence.server.connection import Connection
from flask_presence.server.embedded import EmbeddedValkey, EmbeddedValkeyError
from flask_presence.server.handover import Handover
from flask_presence.web.address_table import AddressTable
from flask_presence.web.gate import address_blocks

# A dead worker's tabs count this much longer: they are back after RETRY_MS.
DEAD_WORKER_LEASE_SECONDS = 3.0
# For workers beside the usual: those of a reload, until the old ones have ended; TTIN adds more.
SPARE_COLUMNS = 8
# What a worker that stops waits for requests under way. Together with looking up every second and
# with `Viblog.close` it must be less than `graceful_timeout`, when the master kills it: then nobody
# would have said goodbye, and its tabs would leave before they are back.
WORKER_GRACE_SECONDS = 3

ANY_OR_LOOPBACK = ("127.0.0.1", "0.0.0.0", "::", "::1")  # noqa: S104 - what it is called

try:
    settings = Settings.from_process()
except SettingsError as error:
    sys.exit("\n".join(["The blog cannot start:", *error.problems]))

bind = (
    f"[{settings.host}]:{settings.port}"
    if ":" in settings.host
    else (f"{settings.host}:{settings.port}")
)
workers = settings.workers
worker_class = "flask_presence.server.worker.Worker"
limit_request_fields = (
    50  # browsers send twenty; all of them together: flask_presence.server.connection
)
# With the streams: flask_presence.server.acceptor. At the limit a worker stops accepting.
worker_connections = most_connections(read_file_limits()[1], settings.max_streams)
# No header of a request says where the blog is: BLOG_SITE_URL does. gunicorn would believe each
# client SCRIPT_NAME and PATH_INFO that a proxy on this machine passes on.
forwarder_headers = ""
# Less than WORKER_GRACE_SECONDS: a worker that stops waits for idle connections, too. A proxy ends
# them sooner (deploy/), else it may send a request on one that is just being closed.
keepalive = 1 if settings.dev else 2
timeout = 30
graceful_timeout = 10
max_requests = 0
preload_app = False
reload = settings.dev
control_socket_disable = True
globals().update(set_up_logging(settings.log_level, settings.log_format))


def on_starting(server: Any) -> None:
    """Make what the workers share, in the master; the embedded Valkey if no other is named."""
    server.address_table = AddressTable(2 * settings.workers + SPARE_COLUMNS)
    server.handover = Handover()
    server.embedded_valkey = None
    server.metrics_folder = None
    if settings.is_measured:
        _open_metrics(server)
    if settings.redis_url:
        return
    valkey = EmbeddedValkey(settings.instance_dir)
    try:
        valkey.start()
    except EmbeddedValkeyError as error:
        sys.exit(f"The blog cannot start:\n{error}")
    server.embedded_valkey = valkey
    os.environ["BLOG_REDIS_URL"] = valkey.url  # the workers inherit it


def on_reload(server: Any) -> None:
    """Tell the workers that are about to be stopped which ones follow."""
    if not hasattr(server, "handover"):  # a version without it has started this master
        server.handover = Handover()
    server.handover.begin(server.worker_age, settings.workers)


def when_ready(server: Any) -> None:
    """Say where the blog is."""
    host = "localhost" if settings.host in ANY_OR_LOOPBACK else settings.host
    server.log.info("The blog is at http://%s:%d/", host, settings.port)


def pre_fork(server: Any, worker: Any) -> None:
    """Name the worker, so that the master knows whose slot is whose."""
    worker.viblog_name = secrets.token_hex(6)
    worker.handover = server.handover
    worker.address_table = server.address_table
    worker.address_column = server.address_table.give(worker.viblog_name)


def post_fork(server: Any, worker: Any) -> None:
    """Tell the worker its name, and make room for what it counts."""
    os.environ["BLOG_WORKER_NAME"] = worker.viblog_name
    if server.metrics_folder is not None:
        try:
            reserve_files(server.metrics_folder, os.getpid())
        except OSError as error:
            _count_nothing(server, error)


def post_worker_init(worker: Any) -> None:
    """Start counting, and drain as soon as the worker is told to stop.

    gunicorn itself would wait its grace time for the streams, which never end, and kill them. The
    SIGHUP of a terminal that is closed reaches the workers, too, and would kill them at once.
    """
    viblog = _viblog(worker)
    worker.trusts_proxy = settings.proxy_hops == 1
    Connection.stall_seconds = settings.stall_seconds
    worker.count_streams = lambda: viblog.presence.hub.socket_count
    if not settings.proxy_hops:  # else they are the proxy's
        worker.find_block = lambda address: address_blocks(address)[0]
        worker.max_connections_per_address = settings.max_streams_per_address
    if worker.address_column is not None:
        viblog.presence.gate.share(worker.address_table, worker.address_column)
    viblog.start()
    worker.handover.note_serving(worker.age)
    worker.cfg.set("graceful_timeout", WORKER_GRACE_SECONDS)  # in this process only

    is_told = False

    def drain_and_exit(number: int, frame: FrameType | None) -> None:
        nonlocal is_told
        if not is_told:
            is_told = True
            gevent.spawn(hand_over, number, frame)
        else:  # again, and for good: the master waits no longer
            end(number, frame)

    def hand_over(number: int, frame: FrameType | None) -> None:
        viblog.presence.is_followed = worker.handover.wait(worker.age)
        end(number, frame)

    def end(number: int, frame: FrameType | None) -> None:
        gevent.spawn(viblog.presence.drain)
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, drain_and_exit)
    signal.signal(signal.SIGHUP, drain_and_exit)


def worker_exit(server: Any, worker: Any) -> None:
    """Close what the worker has; in the worker, on every way out but SIGKILL."""
    viblog = _viblog(worker)
    if viblog is None:
        return
    closing = gevent.spawn(viblog.close)
    while not closing.ready():
        # Told to stop quickly, gunicorn ends the worker 0.1 s later by an exception in this
        # greenlet: it may have come this far by then, and would leave without a goodbye.
        with contextlib.suppress(SystemExit):
            closing.join()


def child_exit(server: Any, worker: Any) -> None:
    """Shorten a dead worker's lease, and forget whom it had; in the master, however it died.

    The process is not waited for; gunicorn reaps every child.
    """
    server.address_table.take_back(worker.viblog_name)
    ends = time.monotonic() + DEAD_WORKER_LEASE_SECONDS
    subprocess.Popen(
        [sys.executable, "-m", "flask_presence.server.goodbye", worker.viblog_name, str(ends)],
        stdin=subprocess.DEVNULL,
        env=os.environ  # others may read the words of a command, and a URL may hold a password
        | {
            "PRESENCE_REDIS_URL": os.environ["BLOG_REDIS_URL"],
            "PRESENCE_REDIS_PREFIX": settings.redis_prefix,
            "PRESENCE_LEASE_SECONDS": str(settings.lease_seconds),
        },
    )
    if server.metrics_folder is not None:
        forget_worker(server.metrics_folder, worker.pid)


def on_exit(server: Any) -> None:
    """Stop the embedded Valkey, after the workers, and remove their metrics."""
    if server.embedded_valkey is not None:
        server.embedded_valkey.close()
    if server.metrics_folder is not None:
        close_folder(server.metrics_folder)


def _open_metrics(server: Any) -> None:
    try:
        server.metrics_folder = open_folder(settings.instance_dir)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            sys.exit(
                f"The blog cannot start:\nBLOG_INSTANCE_DIR: {error}; BLOG_METRICS needs a folder"
                " that can be written"
            )
        _count_nothing(server, error)
    else:
        # Where prometheus-client looks when a worker imports it; the workers inherit it.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(server.metrics_folder)


def _count_nothing(server: Any, error: OSError) -> None:
    """Go on without metrics, in this process and in those that it forks."""
    server.log.warning(
        "metrics: this process counts nothing, for want of room in BLOG_INSTANCE_DIR (%s); make"
        " room, and restart the blog",
        error.strerror,
    )
    for name in ("BLOG_METRICS", "BLOG_METRICS_TOKEN", "PROMETHEUS_MULTIPROC_DIR"):
        os.environ.pop(name, None)


def _viblog(worker: Any) -> Any:
    wsgi = getattr(worker, "wsgi", None)  # None: the worker never came to load the application
    return wsgi.extensions["viblog"] if wsgi is not None else None
