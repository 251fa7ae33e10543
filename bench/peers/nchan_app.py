"""The application behind nchan: it hears of every join and leave, and publishes the count.

asyncio and the standard library only.
Usage: python -m bench.peers.nchan_app APP_SOCKET NGINX_SOCKET
"""

from __future__ import annotations

import asyncio
import json
import sys

from bench.frame import make_html

PACE_SECONDS = 0.1
EMPTY_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Publisher:
    """The readers as nginx counts them, published when they change, at most ten times a second."""

    def __init__(self, nginx_path: str) -> None:
        self._nginx_path = nginx_path
        self._has_changed = asyncio.Event()

    def notice(self) -> None:
        """Note that a reader came or went."""
        self._has_changed.set()

    async def publish_forever(self) -> None:
        """Publish the number after each notice; and again if nginx had not counted it by then."""
        while True:
            await self._has_changed.wait()
            is_due = True
            while is_due:
                self._has_changed.clear()
                count = await self._count()
                await self._ask("POST", make_html(count).encode())
                await asyncio.sleep(PACE_SECONDS)
                is_due = self._has_changed.is_set() or await self._count() != count

    async def _count(self) -> int:
        answer = await self._ask("GET")
        return int(json.loads(answer)["subscribers"]) if answer.startswith(b"{") else 0

    async def _ask(self, method: str, body: bytes = b"") -> bytes:
        """Ask nginx's publisher; return the body, which tells of the channel if it has one."""
        reader, writer = await asyncio.open_unix_connection(self._nginx_path)
        writer.write(
            f"{method} /publish HTTP/1.1\r\nHost: localhost\r\nAccept: text/json\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        answer = await reader.read()
        writer.close()
        return answer.partition(b"\r\n\r\n")[2].strip()


class Notice(asyncio.Protocol):
    """A connection of nginx, which keeps it for the next join or leave."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer a request; nginx sends it in one piece, and the next after the answer."""
        assert self._transport is not None
        self._publisher.notice()
        self._transport.write(EMPTY_ANSWER)


async def serve(app_path: str, nginx_path: str) -> None:
    """Serve until the process is ended."""
    publisher = Publisher(nginx_path)
    loop = asyncio.get_running_loop()
    await loop.create_unix_server(lambda: Notice(publisher), app_path, backlog=256)
    await publisher.publish_forever()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
