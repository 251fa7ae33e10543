"""Machines as network namespaces, each with one cable to one switch, and ways to cut them off.

The namespaces have no names: the kernel removes each, its cable with it, when the last process that
is in it ends. So a test that is killed leaves nothing behind, and any number run side by side.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from typing import Self

from tests.setup.tools import find_ip

CLONE_NEWNET = 0x40000000  # sched.h
OWN_NAMESPACE = "/proc/thread-self/ns/net"
NOBODYS_MAC = "02:00:00:00:00:01"

_libc = ctypes.CDLL(None, use_errno=True)  # os.setns and os.unshare came with Python 3.12


class NetworkError(AssertionError):
    """A network could not be made, or changed."""


class Machine:
    """A network of its own: a loopback that nobody else sees and, on a switch, one address."""

    def __init__(self, address: str = "") -> None:
        self.address = address
        with _return_to_own_namespace():
            _check(_libc.unshare(CLONE_NEWNET))
            self.namespace = os.open(OWN_NAMESPACE, os.O_RDONLY)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Have this thread be on the machine: processes that it starts, sockets that it opens.

        They stay there.
        """
        with _return_to_own_namespace():
            _check(_libc.setns(self.namespace, CLONE_NEWNET))
            yield

    def ip(self, *commands: str) -> None:
        """Run commands of ip(8) on the machine."""
        with self.inside():
            ran = subprocess.run(
                [find_ip(), "-batch", "-"],
                input="\n".join(commands),
                capture_output=True,
                text=True,
                check=False,
            )
        if ran.returncode:
            raise NetworkError(f"ip: {ran.stderr.strip()}; asked for:\n" + "\n".join(commands))

    def close(self) -> None:
        """Let go of the machine: it ends with its last process."""
        os.close(self.namespace)


class Network:
    """A switch, and the machines at it. Nothing of it is seen from outside."""

    def __init__(self) -> None:
        self._switch = Machine()
        self._switch.ip("link add switch type bridge", "link set switch up")
        self._ports: dict[Machine, str] = {}

    def add_machine(self) -> Machine:
        """Return a new machine at the switch."""
        number = len(self._ports) + 1
        machine, port = Machine(f"10.0.0.{number}"), f"port{number}"
        self._ports[machine] = port
        namespace = f"/proc/{os.getpid()}/fd/{machine.namespace}"
        self._switch.ip(
            f"link add {port} type veth peer name cable netns {namespace}",
            f"link set {port} master switch up",
        )
        machine.ip(
            "link set lo up",
            f"address add {machine.address}/24 dev cable",
            "link set cable up",
        )
        return machine

    def cut_off(self, machine: Machine) -> None:
        """Silently lose every packet from and to a machine."""
        self._switch.ip(f"link set {self._ports[machine]} nomaster")

    def heal(self, machine: Machine) -> None:
        """Have a machine be at the switch again."""
        self._switch.ip(f"link set {self._ports[machine]} master switch")

    def part(self, one: Machine, other: Machine) -> None:
        """Lose every packet between two machines: each sends to a wrong place."""
        for sender, receiver in ((one, other), (other, one)):
            where = f"{receiver.address} dev cable lladdr {NOBODYS_MAC}"
            sender.ip(f"neighbour replace {where} nud permanent")

    def join(self, one: Machine, other: Machine) -> None:
        """Have two parted machines find each other again."""
        for sender, receiver in ((one, other), (other, one)):
            sender.ip(f"neighbour del {receiver.address} dev cable")

    def close(self) -> None:
        """Let go of every machine."""
        for machine in (self._switch, *self._ports):
            machine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


@contextlib.contextmanager
def _return_to_own_namespace() -> Iterator[None]:
    own = os.open(OWN_NAMESPACE, os.O_RDONLY)
    try:
        yield
    finally:
        _check(_libc.setns(own, CLONE_NEWNET))
        os.close(own)


def _check(returned: int) -> None:
    if returned:
        raise NetworkError(
            f"no network namespace: {os.strerror(ctypes.get_errno())}. It takes root's rights, in "
            "a user namespace at least; as another user: unshare --map-root-user --net "
            ".venv/bin/python -m pytest tests/deploy"
        )
