"""What a Flask author would pick: flask-sse, Redis, gunicorn's gevent worker.

One Redis subscription per reader, as in its blueprint. The count is a key in Redis. It is published
when it changed, at most ten times a second, and every HEARTBEAT_SECONDS: a stream that waits for
Redis learns that its reader has left only when a write fails, which is the second one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import gevent
import gevent.event
from flask import Flask
from flask_sse import Message, ServerSentEventsBlueprint
from redis import Redis

from bench.frame import make_html

PACE_SECONDS = 0.1
HEARTBEAT_SECONDS = 5.0
KEY = "readers"


class CountedEvents(ServerSentEventsBlueprint):  # type: ignore[misc] # without its types: Any
    """The blueprint, with readers that count while they are subscribed."""

    def __init__(self) -> None:
        super().__init__("events", __name__)
        self._has_changed = gevent.event.Event()
        self._change = 0  # since the count in Redis was brought up to date
        self._newest = ""
        self._counter = Redis.from_url(os.environ["REDIS_URL"])

    def messages(self, channel: str = "sse") -> Iterator[Message]:
        """Yield the messages as the original does, but count the reader once subscribed."""
        pubsub = self.redis.pubsub()
        pubsub.subscribe(channel)
        self._count(+1)
        try:
            if self._newest:
                yield Message(self._newest)
            for message in pubsub.listen():
                if message["type"] == "message":
                    yield Message(**json.loads(message["data"]))
        finally:
            self._count(-1)
            pubsub.close()

    def _count(self, change: int) -> None:
        self._change += change
        self._has_changed.set()

    def publish_forever(self, app: Flask) -> None:
        """Publish the count when it has changed, at most ten times a second, and now and then."""
        with app.app_context():
            while True:
                self._has_changed.wait(HEARTBEAT_SECONDS)
                self._has_changed.clear()
                change, self._change = self._change, 0
                self._newest = make_html(int(self._counter.incrby(KEY, change)))
                self.publish(self._newest)
                gevent.sleep(PACE_SECONDS)


def create_app() -> Flask:
    """Make the application; the Redis at REDIS_URL holds its count."""
    app = Flask(__name__)
    app.config["REDIS_URL"] = os.environ["REDIS_URL"]
    events = CountedEvents()
    app.add_url_rule("/live", view_func=events.stream)
    gevent.spawn(events.publish_forever, app)
    return app
