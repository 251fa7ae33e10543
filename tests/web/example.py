"""The example applications of the docs, served: Flask with `flask_presence`, and no blog."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from flask_presence.cli.starting import write_starter
from tests.ports import reserve_port
from tests.site import ROOT

PYWSGI = """
from gevent import monkey
monkey.patch_all()
import sys
from gevent.pywsgi import WSGIServer
from {app} import app
WSGIServer(("127.0.0.1", int(sys.argv[1])), app, log=None).serve_forever()
"""
SERVERS = {
    "gunicorn": ("-m", "gunicorn", "-k", "gevent", "-w", "2", "-b", "127.0.0.1:{port}"),
    "configured": ("-m", "gunicorn", "-b", "127.0.0.1:{port}"),
    "gunicorn that blocks": ("-m", "gunicorn", "-b", "127.0.0.1:{port}"),
    "pywsgi": ("-c", PYWSGI, "{port}"),
    "flask run": ("-m", "flask", "--app", "{app}", "run", "--port", "{port}"),
}


@contextlib.contextmanager
def serve(
    server: str, tmp_path: Path, app: str = "flask_presence_app", **environ: str
) -> Iterator[int]:
    """Serve an example of the docs, which is installed nowhere; yield the port."""
    shutil.copy(ROOT / "docs" / f"{app}.py", tmp_path)
    port = reserve_port()
    arguments = [part.format(port=port, app=app) for part in SERVERS[server]]
    if "gunicorn" in arguments:
        arguments.append(f"{app}:app")
    if server == "configured":  # as `flask presence init` does
        list(write_starter(tmp_path / "templates", tmp_path))
    log = tmp_path / "log"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PRESENCE_")}
    settings = {"PYTHONPATH": str(ROOT), "FLASK_SECRET_KEY": "k" * 32}
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=clean | settings | environ,
            stdout=out,
            stderr=out,
        )
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                fetch(port, "/")
            except urllib.error.HTTPError:  # it has no such page, and is there
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            else:
                break
        yield port
    finally:
        process.terminate()
        process.wait(15)


def fetch(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return str(answer.read().decode())
