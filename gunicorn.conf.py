"""How gunicorn serves the blog. Read by `gunicorn app:app`; every value comes from `Settings`."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

# At a reload (SIGHUP) this file is read again in the same master. What it imported at the start
# would stay as it was there, and be inherited by workers that import the rest of a new version.
for name in [name for name in sys.modules if name.partition(".")[0] in {"blog", "flask_presence"}]:
    del sys.modules[name]

from blog.config import Settings, SettingsError
from blog.ops.logs import set_up_logging
from blog.ops.metric_files import close_folder, forget_worker, open_folder, reserve_files
from blog.ops.starting import Announcement, find_address_problem
from blog.store.starting import prepare_store
from flask_presence.file_limits import most_connections, read_file_limits
from flask_presence.server.embedded import EmbeddedValkeyError
from flask_presence.server.hooks import Hooks, HookSettings
from flask_presence.server.internals import choose_worker

ANY_OR_LOOPBACK = ("127.0.0.1", "0.0.0.0", "::", "::1")  # noqa: S104 - what it is called

try:
    settings = Settings.from_process()
except SettingsError as error:
    sys.exit(error.at_exit)

bind = (
    f"[{settings.host}]:{settings.port}"
    if ":" in settings.host
    else (f"{settings.host}:{settings.port}")
)
workers = settings.workers
worker_class, _ = choose_worker()
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


hooks = Hooks(
    HookSettings(
        workers=settings.workers,
        redis_url=settings.redis_url,
        redis_prefix=settings.redis_prefix,
        lease_seconds=settings.lease_seconds,
        instance_dir=settings.instance_dir,
        stall_seconds=settings.stall_seconds,
        proxies=settings.proxy_hops,
        max_connections_per_address=settings.max_streams_per_address,
        variables="BLOG_",
        stream_path=f"{settings.base_path}/live",
    ),
    lambda app: app.extensions["viblog"],
)
on_reload = hooks.on_reload
pre_fork = hooks.pre_fork
worker_exit = hooks.worker_exit


def on_starting(server: Any) -> None:
    """Open the metrics, and start the embedded Valkey if no other server is named."""
    if problem := find_address_problem(server.cfg.address):
        sys.exit(f"The blog cannot start:\n{problem}")
    _prepare_store(server)
    server.announcement = Announcement()
    server.metrics_folder = None
    if settings.is_measured:
        _open_metrics(server)
    try:
        hooks.on_starting(server)
    except EmbeddedValkeyError as error:
        sys.exit(f"The blog cannot start:\n{error}")
    server.desk_tries = server.address_table.make_another()
    if server.embedded_valkey is not None:
        os.environ["BLOG_REDIS_URL"] = server.embedded_valkey.url  # the workers inherit it


def post_fork(server: Any, worker: Any) -> None:
    """Make room for what the worker counts."""
    hooks.post_fork(server, worker)
    worker.announcement = getattr(server, "announcement", None)  # an older version's has none
    worker.desk_tries = getattr(server, "desk_tries", None)
    if server.metrics_folder is not None:
        try:
            reserve_files(server.metrics_folder, os.getpid())
        except OSError as error:
            _count_nothing(server, error)


def post_worker_init(worker: Any) -> None:
    """Start the worker's blog, its tries counted with all others'; one says where it is."""
    if worker.desk_tries is not None and worker.address_column is not None:
        desk = worker.wsgi.extensions["viblog"].desk
        desk.tries.share(worker.desk_tries, worker.address_column)
    hooks.post_worker_init(worker)
    if worker.announcement is not None and worker.announcement.take():
        host = "localhost" if settings.host in ANY_OR_LOOPBACK else settings.host
        count = len(worker.wsgi.extensions["viblog"].library.index.posts)
        posts = f"{count} post{'' if count == 1 else 's'}"
        address = f"http://{host}:{settings.port}{settings.base_path}/"
        worker.log.info("The blog is at %s and has %s", address, posts)


def child_exit(server: Any, worker: Any) -> None:
    """Forget what was true only while the worker lived."""
    hooks.child_exit(server, worker)
    if server.metrics_folder is not None:
        forget_worker(server.metrics_folder, worker.pid)


def on_exit(server: Any) -> None:
    """Remove the workers' metrics."""
    hooks.on_exit(server)
    if server.metrics_folder is not None:
        close_folder(server.metrics_folder)


def _prepare_store(server: Any) -> None:
    prepared = prepare_store(settings.database_url, settings.instance_dir)
    if not prepared.can_start:
        sys.exit(f"The blog cannot start:\nBLOG_DATABASE_URL: {prepared.said}")
    if prepared.said:
        (server.log.info if prepared.is_well else server.log.warning)("store: %s", prepared.said)


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
