"""The site on the machine, as an outside client reaches it."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from email.message import Message

from tests.deploy.machine import Machine

DOMAIN = "blog.example"
URL = f"https://{DOMAIN}"
ACCESS_LOG = "/var/lib/viblog/access.log"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request."""

    status: int
    headers: Message
    body: bytes


class SlowClient(threading.Thread):
    """A client that begins a request and never ends it; `seconds` is how long it was let."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        super().__init__(name="slow-client", daemon=True)
        self._sock = sock
        self.seconds = 0.0

    def run(self) -> None:
        """Begin a request, and wait until the connection is closed."""
        began = time.monotonic()
        with self._sock as sock:
            sock.settimeout(60)
            sock.sendall(f"GET / HTTP/1.1\r\nHost: {DOMAIN}\r\n".encode())
            while sock.recv(1024):  # an answer that says why, or none
                pass
        self.seconds = time.monotonic() - began


class DeployedSite:
    """The blog behind one of the two proxies."""

    def __init__(self, machine: Machine, proxy: str) -> None:
        self.machine = machine
        self.proxy = proxy

    def connect(self, source: str = "127.0.0.1", *, alpn: str = "http/1.1") -> ssl.SSLSocket:
        """Open a connection with TLS, from one of the loopback's addresses."""
        context = ssl.create_default_context(
            cafile=str(self.machine.root / "etc/ssl/certs/ca-certificates.crt")
        )
        context.set_alpn_protocols([alpn])
        sock = socket.create_connection(("127.0.0.1", 443), timeout=20, source_address=(source, 0))
        return context.wrap_socket(sock, server_hostname=DOMAIN)

    def has_certificate(self) -> bool:
        """Tell whether its certificate is one that the machine trusts."""
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def get(
        self, path: str, headers: dict[str, str] | None = None, source: str = "127.0.0.1"
    ) -> Answer:
        """Get one page, over HTTP/1.1."""
        connection = http.client.HTTPConnection(DOMAIN)
        connection.sock = self.connect(source)
        try:
            connection.request("GET", path, headers={"Host": DOMAIN, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def read_stream_head(self, path: str = "/live?page=index", more: str = "") -> str:
        """Open a stream, and return its head and the first event."""
        with self.connect() as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {DOMAIN}\r\n{more}\r\n".encode())
            said = b""
            while said.count(b"\n\n") + said.count(b"\n\r\n") < 2:
                received = sock.recv(65536)
                if not received:
                    break
                said += received
            return said.decode()

    def address_seen(self, mark: str) -> str:
        """Return the client address that the blog saw for the marked request."""
        found = re.findall(rf"^(\S+) \S+\?{mark}$", self.machine.read(ACCESS_LOG), re.MULTILINE)
        assert found, f"no request with {mark} in the log"
        return str(found[-1])

    def main_pid(self) -> int:
        """Return the process id, on the machine, of gunicorn's master."""
        return int(self.machine.run("systemctl show --property MainPID --value viblog"))

    def worker_pids(self) -> list[int]:
        """Return the process ids, on the machine, of gunicorn's workers; none is an answer, too."""
        pgrep = f"pgrep --parent {self.main_pid()} --full 'gunicorn app:app'"
        found = self.machine.run(f"{pgrep} || true")
        return [int(pid) for pid in found.split()]
