"""A real PostgreSQL for the tests, with a password. It would not survive a crash."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Self

import psycopg

from tests.ports import reserve_port
from tests.setup.tools import find_postgres

START_SECONDS = 20.0
PASSWORD = "a secret/of the tests"  # with what has to be written otherwise in an address
QUOTED = "a%20secret%2Fof%20the%20tests"
FAST = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB")


class PostgreSql:
    """One server on a port of the loopback."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp")
        self._place = Path(self._folder.name)
        self.port = reserve_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Start it, and return when it answers. The first time make its files."""
        cluster = self._place / "cluster"
        if not cluster.exists():
            password = self._place / "password"
            password.write_text(PASSWORD)
            if user := _other_user():
                for path in (self._place, password):
                    os.chown(path, user.pw_uid, user.pw_gid)
            options = ["--username=viblog", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8"]
            initdb = Path(find_postgres()).resolve().with_name("initdb")
            self._run([str(initdb), f"--pgdata={cluster}", f"--pwfile={password}", *options])
        settings = (*FAST, f"port={self.port}", "listen_addresses=127.0.0.1")
        sockets = f"unix_socket_directories={self._place}"
        command = [find_postgres(), "-D", str(cluster)]
        for setting in (*settings, sockets):
            command += ["-c", setting]
        with (self._place / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_other_user(), *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._connect().close()
            except psycopg.OperationalError:
                said = (self._place / "log").read_text()
                assert self._process.poll() is None, said
                assert time.monotonic() < deadline, said
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End it and every connection at once."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGINT)
            process.wait(START_SECONDS)

    def make_database(self) -> str:
        """Return the address of a new, empty database."""
        name = f"blog_{next(self._numbers)}"
        with self._connect() as connection:
            connection.autocommit = True
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://viblog:{QUOTED}@127.0.0.1:{self.port}/{name}"

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="viblog",
            password=PASSWORD,
            dbname="postgres",
            autocommit=True,
        )

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            [*_as_other_user(), *command], capture_output=True, text=True, check=False, cwd="/"
        )
        assert done.returncode == 0, done.stdout + done.stderr


def _other_user() -> pwd.struct_passwd | None:
    """Return who runs it: it refuses to be root's."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _as_other_user() -> list[str]:
    ends_with_us = ["--pdeathsig", "INT"]  # tests that are killed leave no server behind
    if user := _other_user():
        ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        return ["setpriv", *ids, *ends_with_us]
    return ["setpriv", *ends_with_us] if shutil.which("setpriv") else []
