"""The processes of a measurement: one real Valkey, workers, and mere subscribers. Linux."""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from bench.accounting import process_cpu_ns
from bench.contestants import redis_command
from bench.server import ROOT, Server

from .readers import PREFIX

DRAIN_SECONDS = 30.0


class Redis:
    """One Valkey, and the CPU time that it has used."""

    def __init__(self, server: Server) -> None:
        path = server.folder / "redis.sock"
        self.path = str(path)
        self.url = f"unix://{path}"
        self.client = redis.Redis(unix_socket_path=self.path)
        (self._pid,) = server.pids

    def cpu_ns(self) -> int:
        return process_cpu_ns(self._pid)

    def stat(self, section: str, name: str) -> int:
        """Return one number that it keeps of itself."""
        return int(self.client.info(section)[name])

    def writes(self) -> int:
        """Return how many scripts it has run."""
        return int(self.client.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0))


@contextmanager
def run_redis() -> Iterator[Redis]:
    """Run an empty Valkey."""
    with Server(lambda place: [redis_command(place)], 1_000) as server:
        yield Redis(server)


class WorkerProcess:
    """One `bench.scale.worker`."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.scale.worker", url],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def tell(self, verb: str, *arguments: object) -> None:
        """Give an order; `answer` must be asked for."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([verb, *arguments]).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        """Return the answer to the last order."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"worker {self.process.pid} of the benchmark has ended")
        return json.loads(line)

    def ask(self, verb: str, *arguments: object) -> Any:
        self.tell(verb, *arguments)
        return self.answer()

    def cpu_ns(self) -> int:
        return process_cpu_ns(self.process.pid)

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *raised: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Subscribers:
    """Connections that hear every message of the channel, read by one thread, and drop it."""

    def __init__(self, path: str, count: int) -> None:
        self.received_bytes = 0
        self._selector = selectors.DefaultSelector()
        self._sockets = [socket.socket(socket.AF_UNIX) for _ in range(count)]
        for sock in self._sockets:
            sock.connect(path)
            sock.sendall(f"SUBSCRIBE {PREFIX}:d\r\n".encode())
            while not sock.recv(1024).endswith(b":1\r\n"):
                pass
            self._selector.register(sock, selectors.EVENT_READ)
        self._is_closing = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait_for(self, received_bytes: int) -> None:
        """Wait until so much was received by all of them together."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while self.received_bytes < received_bytes:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.received_bytes} of {received_bytes} bytes were received")
            time.sleep(0.01)

    def _read(self) -> None:
        buffer = bytearray(1 << 20)
        while not self._is_closing:
            for key, _ in self._selector.select(0.1):
                self.received_bytes += key.fileobj.recv_into(buffer)  # type: ignore[union-attr]

    def __enter__(self) -> Subscribers:
        return self

    def __exit__(self, *raised: object) -> None:
        self._is_closing = True
        self._thread.join()
        for sock in self._sockets:
            sock.close()
        self._selector.close()
