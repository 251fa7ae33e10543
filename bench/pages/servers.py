"""The servers: the blog with its cache and without, two that answer nothing, and nginx's files."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Callable, Mapping

from bench.contestants import PEERS, find_nginx
from bench.server import ROOT, Command, Place

Prepare = Callable[[Place], list[Command]]


def blog(**settings: str) -> Prepare:
    """Return how the blog is started, as it is, with the project's own posts."""

    def prepare(place: Place) -> list[Command]:
        environ = {
            "PORT": str(place.port),
            "WEB_CONCURRENCY": "1",
            "BLOG_INSTANCE_DIR": str(place.folder),
            "BLOG_POSTS_DIR": str(ROOT / "posts"),
            "BLOG_PAGES_DIR": str(ROOT / "pages"),
            "BLOG_LOG_LEVEL": "warning",
            **settings,
        }
        argv = [sys.executable, "-m", "gunicorn", "--chdir", str(ROOT)]
        argv += ["--config", str(ROOT / "gunicorn.conf.py"), "app:app"]
        return [Command(argv, place.port, environ)]

    return prepare


def empty(name: str) -> Prepare:
    """Return how one of the empty applications is started, under the same gunicorn."""

    def prepare(place: Place) -> list[Command]:
        argv = [sys.executable, "-m", "gunicorn", "--worker-class", "gevent", "--workers", "1"]
        argv += ["--keep-alive", "5", "--no-control-socket", "--bind", f"127.0.0.1:{place.port}"]
        return [Command([*argv, f"bench.peers.empty_app:{name}"], place.port)]

    return prepare


def files(pages: Mapping[str, bytes]) -> Prepare:
    """Return how nginx is started, with these pages as files, and compressed beside them."""

    def prepare(place: Place) -> list[Command]:
        folder = place.folder / "files"
        folder.mkdir()
        for name, page in pages.items():
            (folder / name).write_bytes(page)
            (folder / f"{name}.gz").write_bytes(gzip.compress(page, 9))
        config_path = place.folder / "nginx.conf"
        user = f"user {os.environ.get('USER', 'root')};" if os.geteuid() == 0 else ""
        template = (PEERS / "files.conf").read_text(encoding="utf-8")
        config_path.write_text(
            template.format(folder=place.folder, port=place.port, user=user), encoding="utf-8"
        )
        argv = [find_nginx(), "-p", str(place.folder), "-c", str(config_path)]
        return [Command(argv, place.port)]

    return prepare


def lacks_nginx() -> str:
    """Return a line that says that nginx is missing, or nothing."""
    return "" if find_nginx() else "nginx is not installed (Debian: nginx)"
