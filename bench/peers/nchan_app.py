"""The application behind nchan: told of every join and leave, it publishes how many there are.

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

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer nginx, which keeps the connection for the next join or leave."""
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self._has_changed.set()
                writer.write(EMPTY_ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def publish_forever(self) -> None:
        """Publish the number when it has changed; nginx counts a moment after it tells."""
        published = 0
        while True:
            await self._has_changed.wait()
            self._has_changed.clear()
            looks_alike = 0
            while looks_alike < 2:
                count = await self._count()
                looks_alike = looks_alike + 1 if count == published else 0
                if not looks_alike:
                    await self._ask("POST", make_html(count).encode())
                    published = count
                await asyncio.sleep(PACE_SECONDS)

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


async def serve(app_path: str, nginx_path: str) -> None:
    """Serve until the process is ended."""
    publisher = Publisher(nginx_path)
    server = await asyncio.start_unix_server(publisher.answer, app_path, backlog=4096)
    async with server:
        await publisher.publish_forever()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
