"""The way to the master, wherever it is: one server, Sentinel's choice, or a node of a cluster.

All keys of a prefix share a hash tag: to us a cluster, too, is one server, the one that has our
slot. So it is always one ordinary client, and after every failure a look where the master is now.
redis-py's own clients for Sentinel and Cluster would do more: retry for longer than a call of ours
may take, and keep connections to every node.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import redis
from redis.connection import parse_url
from redis.exceptions import AskError, MovedError, NoScriptError

from .masters import (
    FAILURES,
    Address,
    Options,
    Search,
    address_in,
    ask_node,
    ask_sentinel,
    close_idle,
    open_client,
)

# A cluster whose nodes still disagree who has a slot sends us around. They agree within seconds.
MAX_REDIRECTIONS = 3

FORM = re.compile(r"(?P<scheme>rediss?)\+(?P<kind>sentinel|cluster)://(?P<rest>.*)", re.DOTALL)

# Says where the master of a key is; None: where the URL says.
Find = Callable[[str], Address | None]


class Subscription(Protocol):
    """A subscription to the channel of one prefix."""

    def receive(self, timeout_seconds: float) -> tuple[str, bytes] | None:
        """Return the next (kind, payload), None after the timeout; kind `subscribe` or `message`.

        Another `subscribe` says that it was begun anew, because the master is another server now.
        Raises `redis.RedisError` or `OSError` when the connection is gone.
        """

    def close(self) -> None:
        """Close the connection."""


class Link:
    """One client, of the master for the keys of one prefix; connects at the first call.

    Any number of greenlets may call. What goes wrong raises one of `FAILURES`.
    """

    def __init__(self, options: Options, find: Find, *, is_cluster: bool = False) -> None:
        self.is_cluster = is_cluster
        self.publish_command = "SPUBLISH" if is_cluster else "PUBLISH"
        self._options = options
        self._find = find
        self._address: Address | None = None
        self._client: redis.Redis | None = None
        self._is_doubted = False

    def call(self, key: str, *command: Any) -> Any:
        """Have the master of `key` do a command, one of the key's slot; return its answer."""
        for _ in range(MAX_REDIRECTIONS):
            client = self.client_of(key)
            try:
                return client.execute_command(*command)  # type: ignore[no-untyped-call]
            except NoScriptError:
                raise  # the server is well
            except AskError as told:
                if not self.is_cluster:
                    raise
                if not isinstance(told, MovedError):
                    return self._ask(address_in(told, client), command)
                self._move(address_in(told, client))
            except FAILURES:
                self.doubt(client)
                raise
        raise redis.RedisError("the cluster's nodes do not agree who has our slot")

    def subscribe(self, channel: str) -> Subscription:
        """Subscribe at the master; the confirmation is the first thing received."""
        return _PubSub(self, channel)

    def client_of(self, key: str) -> redis.Redis:
        """Return a client of the master, which is looked for if it is not known for sure."""
        if self._client is None:
            return self._move(self._find(key))
        if self._is_doubted:
            # Where nobody says who is master now, the one that was is better than none.
            with contextlib.suppress(*FAILURES):
                return self._move(self._find(key))
        return self._client

    def doubt(self, client: redis.Redis) -> None:
        """Look for the master again before the next call, and connect anew.

        Connect anew even to one that has a fixed name: the name may stand for another server now,
        while the old one answers, and says that it is read-only.
        """
        self._is_doubted = self._is_doubted or client is self._client
        close_idle(client)

    def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            close_idle(self._client)

    def _move(self, address: Address | None) -> redis.Redis:
        self._is_doubted = False
        if self._client is None or address != self._address:
            if self._client is not None:
                close_idle(self._client)
            self._client, self._address = open_client(self._options, address), address
        return self._client

    def _ask(self, address: Address, command: Iterable[Any]) -> Any:
        """Have a command done by the node that is about to take our slot over."""
        with open_client(self._options, address) as client:
            pipeline = client.pipeline(transaction=False)
            pipeline.execute_command("ASKING")
            pipeline.execute_command(*command)
            return pipeline.execute()[1]


class _PubSub:
    """A subscription that follows the master.

    A master that was replaced while it slept keeps its subscribers, and tells them nothing. A
    cluster's node that gave our slot away ends the subscription, but not the connection.
    """

    _client: redis.Redis
    _pubsub: redis.client.PubSub
    _is_over: bool

    def __init__(self, link: Link, channel: str) -> None:
        self._link = link
        self._channel = channel
        self._begin()

    def receive(self, timeout_seconds: float) -> tuple[str, bytes] | None:
        if self._is_over or self._link.client_of(self._channel) is not self._client:
            self.close()
            self._begin()
        try:
            message = self._pubsub.get_message(timeout=timeout_seconds)
        except FAILURES:
            self._link.doubt(self._client)
            raise
        if message is None:
            return None
        kind, payload = message["type"], message["data"]
        if self._link.is_cluster:
            kind = kind.removeprefix("s")  # of ssubscribe, smessage, sunsubscribe
        if kind == "unsubscribe":
            self._is_over = True
            self._link.doubt(self._client)
            return None
        return kind, payload if isinstance(payload, bytes) else b""

    def close(self) -> None:
        self._pubsub.close()

    def _begin(self) -> None:
        self._is_over = False
        self._client = self._link.client_of(self._channel)
        self._pubsub = self._client.pubsub()  # type: ignore[no-untyped-call]
        try:
            if self._link.is_cluster:
                self._pubsub.ssubscribe(self._channel)
            else:
                self._pubsub.subscribe(self._channel)
        except BaseException:
            self._pubsub.close()
            self._link.doubt(self._client)
            raise


def connect(url: str) -> Link:
    """Return the link that a URL describes; nothing is connected yet.

    The forms: `redis://`, `rediss://` (TLS) and `unix://` as redis-py takes them;
    `redis+sentinel://[user:password@]host[:port][,…]/service[/db]`, where the hosts are Sentinels;
    `redis+cluster://[user:password@]host[:port][,…]`, where the hosts are some of the nodes; both
    also with `rediss`. Raises `ValueError`, without the URL, for one that cannot be read.
    """
    try:
        form = FORM.fullmatch(url)
        if form is None:
            return Link(parse_url(url), lambda key: None)  # type: ignore[no-untyped-call]
        return _connect_to_many(**form.groupdict())
    except ValueError:
        # The error's own words may quote a part of the password.
        raise ValueError("found a Redis URL that cannot be read") from None


def _connect_to_many(scheme: str, kind: str, rest: str) -> Link:
    parts = re.fullmatch(r"(?:([^/?]*)@)?([^/?@]*)(?:/([^?]*))?(?:\?(.*))?", rest)
    if parts is None:
        raise ValueError
    credentials, hosts, path, query = (part or "" for part in parts.groups())
    options = parse_url(f"{scheme}://{credentials}@host/?{query}")  # type: ignore[no-untyped-call]
    own = {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    if kind == "cluster":
        nodes = [_read_address(host, 6379) for host in hosts.split(",")]
        return Link(options, Search(options, nodes, ask_node).find, is_cluster=True)
    sentinels = [_read_address(host, 26379) for host in hosts.split(",")]
    service, _, db = path.partition("/")
    search = Search(options | own, sentinels, ask_sentinel(unquote(service)))
    return Link(options | {"db": int(db or 0)}, search.find)


def _read_address(text: str, default_port: int) -> Address:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError
    return parts.hostname, parts.port or default_port
