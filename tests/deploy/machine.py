"""A bare Debian machine, newly made and booted, as a newcomer starts with.

A container of systemd-nspawn with Debian's smallest set of packages, systemd as its first process
and this machine's network. It has what every machine with Debian has, and the test's own
certificate authority; nothing that `docs/deploy.md` installs.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

SUITE = "trixie"
# Priority "important" or above, so on every Debian; and the authority that signs certificates here.
PACKAGES = ("systemd", "systemd-sysv", "dbus", "ca-certificates", "procps", "iproute2", "pebble")
PORTS = (80, 443, 8000)
BOOT_SECONDS = 60.0
RUN_SECONDS = 180.0
OWN_AUTHORITIES = Path("/usr/local/share/ca-certificates")
ENVIRON = {
    "HOME": "/root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


class MachineError(AssertionError):
    """A command failed in the machine, or the machine did not boot."""


class Machine:
    """One machine; `root` is its `/`, seen from outside."""

    def __init__(self, domain: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="vb-machine-", dir="/var/tmp")
        self.root = Path(self._folder.name) / "root"
        self._domain = domain
        self._process: subprocess.Popen[bytes] | None = None
        self._first_pid = 0

    def start(self) -> Self:
        """Make it and boot it."""
        if os.geteuid() != 0:
            raise MachineError("Found no root. A machine is made and booted by root only.")
        for port in PORTS:
            _need_free(port)
        try:
            self._make()
            self._boot()
        except BaseException:
            self.close()
            raise
        return self

    def run(self, command: str, *, seconds: float = RUN_SECONDS) -> str:
        """Run a command of bash as root, and return what it prints.

        Raises `MachineError`, with all that was said, when any part of it fails.
        """
        done = subprocess.run(
            [*self._enter(), "bash", "-euo", "pipefail", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            start_new_session=True,  # a `kill 0` in there is not for the tests
            check=False,
        )
        if done.returncode != 0:
            raise MachineError(f"exit {done.returncode} of:\n{command}\n\n{done.stdout[-6000:]}")
        return done.stdout

    def wait(self, is_so: Callable[[], bool], what: str, seconds: float = 10.0) -> float:
        """Wait until a condition holds; return the seconds it took."""
        began = time.monotonic()
        while not is_so():
            took = time.monotonic() - began
            if took > seconds:
                log = self.run("journalctl --no-pager --lines 25")
                raise MachineError(f"waited {seconds:g} s in vain until {what}\n{log}")
            time.sleep(0.02)
        return time.monotonic() - began

    def write(self, path: str, text: str) -> None:
        """Write one of its files."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def read(self, path: str) -> str:
        """Read one of its files."""
        return (self.root / path.lstrip("/")).read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """Turn it off and remove it. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _make(self) -> None:
        made = subprocess.run(
            [
                "mmdebstrap",
                "--quiet",
                "--variant=minbase",
                f"--include={','.join(PACKAGES)}",
                SUITE,
                str(self.root),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise MachineError(f"mmdebstrap made no machine:\n{made.stderr[-4000:]}")
        self.write("/etc/hosts", f"127.0.0.1 localhost {self._domain}\n")
        # What is trusted here, an authority of a company's proxy for one, is trusted there.
        for certificate in OWN_AUTHORITIES.glob("*.crt"):
            shutil.copy(certificate, self.root / str(OWN_AUTHORITIES)[1:])
        subprocess.run(
            ["chroot", str(self.root), "update-ca-certificates"], capture_output=True, check=True
        )
        # pip has its own list of authorities, where it is not told.
        self.write("/etc/pip.conf", "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n")

    def _boot(self) -> None:
        log_path = Path(self._folder.name) / "boot.log"
        with log_path.open("wb") as log_file:
            self._process = subprocess.Popen(
                [
                    # Turned off when this process ends, however it ends.
                    *("setpriv", "--pdeathsig", "TERM"),
                    "systemd-nspawn",
                    "--quiet",
                    "--register=no",
                    "--keep-unit",
                    "--console=pipe",
                    "--resolv-conf=copy-host",
                    f"--directory={self.root}",
                    # Not every name of a temporary folder is one of a host.
                    f"--machine={self.root.parent.name.replace('_', 'x')}",
                    "--boot",
                ],
                # Debian 13's systemd boots on the newer kind of control groups only.
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + BOOT_SECONDS
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = log_path.read_text(errors="replace")[-4000:]
                raise MachineError(f"the machine did not boot:\n{said}")
            time.sleep(0.05)

    def _is_up(self) -> bool:
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        if not children:
            return False
        self._first_pid = int(children[-1])
        try:
            # Not "degraded": no unit of a bare machine may fail.
            return self.run("systemctl is-system-running || true").strip() == "running"
        except MachineError:  # it has not come that far
            return False

    def _enter(self) -> list[str]:
        environ = [f"{name}={value}" for name, value in ENVIRON.items()]
        return ["nsenter", f"--target={self._first_pid}", "--all", "env", "-i", *environ]


def _need_free(port: int) -> None:
    """Raise if a port that the machine needs is in use: it shares this machine's network."""
    with socket.socket() as sock:
        if sock.connect_ex(("127.0.0.1", port)) == 0:
            raise MachineError(
                f"Port {port} is taken on this machine, whose network the machine under test"
                " shares. Stop what listens there, and try again."
            )
