"""What an asyncio author would pick: Starlette, sse-starlette, uvicorn, Redis pub/sub.

One Redis subscription per process. Its listener keeps the newest number and wakes the streams: an
event for each, not a queue, so that a slow reader skips numbers and nothing piles up.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from redis.asyncio import Redis
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from bench.frame import make_html

PACE_SECONDS = 0.1
KEY = "readers"


class Live:
    """This process's open streams, and the number that they are to show."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._html = ""
        self._wakes: set[asyncio.Event] = set()
        self._has_changed = asyncio.Event()
        self._change = 0  # since the count in Redis was brought up to date

    async def stream(self) -> AsyncIterator[dict[str, str]]:
        """Yield one reader's numbers, and count the reader meanwhile."""
        wake = asyncio.Event()
        self._wakes.add(wake)
        self._count(+1)
        try:
            while True:
                if self._html:
                    yield {"data": self._html}
                await wake.wait()
                wake.clear()
        finally:
            self._wakes.discard(wake)
            self._count(-1)  # awaits nothing: this task is being cancelled

    def _count(self, change: int) -> None:
        self._change += change
        self._has_changed.set()

    async def publish_forever(self) -> None:
        """Publish the count when it has changed, at most ten times a second."""
        while True:
            await self._has_changed.wait()
            self._has_changed.clear()
            change, self._change = self._change, 0
            await self._redis.publish(KEY, await self._redis.incrby(KEY, change))
            await asyncio.sleep(PACE_SECONDS)

    async def listen_forever(self) -> None:
        """Pass on the numbers that any process publishes."""
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(KEY)
            async for message in pubsub.listen():
                if message["type"] == "message":
                    self._html = make_html(int(message["data"]))
                    for wake in self._wakes:
                        wake.set()


def create_app() -> Starlette:
    """Make the application; the Redis at REDIS_URL holds its count."""

    @contextlib.asynccontextmanager
    async def run(app: Starlette) -> AsyncIterator[None]:
        app.state.live = live = Live(Redis.from_url(os.environ["REDIS_URL"]))
        tasks = [
            asyncio.create_task(live.publish_forever()),
            asyncio.create_task(live.listen_forever()),
        ]
        yield
        for task in tasks:
            task.cancel()

    async def stream(request: Request) -> EventSourceResponse:
        return EventSourceResponse(request.app.state.live.stream())

    return Starlette(routes=[Route("/live", stream)], lifespan=run)
