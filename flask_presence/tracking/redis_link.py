"""The connection to the master: one server, Sentinel's choice, or a node of a cluster.

All keys of a prefix share a hash tag, so for us even a cluster is one server: the node that has our
hash slot. So there is always one ordinary client that fails fast; after every failure we look up
where the master is now. redis-py's own clients for Sentinel and Cluster would do more: retry for
longer than a call of ours may take, and keep connections to every node.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import AskError, MovedError, NoScriptError
from redis.retry import Retry

from ..redis_address import Host, RedisAddress
from .slots import Subscription

# The exceptions of a call when the server is gone, slow, or refuses.
FAILURES = (redis.RedisError, OSError)

# How long a call may wait for a slow or frozen server. Presence retries by itself; redis-py's own
# retries would hold a greenlet for up to a minute.
CALL_TIMEOUT_SECONDS = 1.0
CONNECT_TIMEOUT_SECONDS = 0.5
# A Sentinel or a node has this long to say where the master is. If it does not answer, the call
# fails, and the next call asks another one first.
LOOKUP_SECONDS = 0.5
# Writer, reader's fetches, subscription, and one to spare for a command line or a probe.
MAX_CONNECTIONS = 4

# While the nodes of a cluster disagree about who has a slot, they redirect us in circles. They
# agree within seconds.
MAX_REDIRECTIONS = 3

Options = dict[str, Any]
Ask = Callable[[redis.Redis, str], Host]
# Returns where the master of a key is; None for the path of a unix socket.
Find = Callable[[str], Host | None]


class Link:
    """One client, of the master for the keys of one prefix; connects at the first call.

    Any number of greenlets may call. Every failure raises one of `FAILURES`.
    """

    def __init__(self, options: Options, find: Find, *, is_cluster: bool = False) -> None:
        self.is_cluster = is_cluster
        self.publish_command = "SPUBLISH" if is_cluster else "PUBLISH"
        self._options = options
        self._find = find
        self._address: Host | None = None
        self._client: redis.Redis | None = None
        self._is_doubted = False

    def call(self, key: str, *command: Any) -> Any:
        """Have the master of `key` execute a command on the key's hash slot; return its answer."""
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
        """Return a client of the master; look the master up if its place is in doubt."""
        if self._client is None:
            return self._move(self._find(key))
        if self._is_doubted:
            # If no node says where the master is now, the last known master is better than none.
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

    def _move(self, address: Host | None) -> redis.Redis:
        self._is_doubted = False
        if self._client is None or address != self._address:
            if self._client is not None:
                close_idle(self._client)
            self._client, self._address = open_client(self._options, address), address
        return self._client

    def _ask(self, address: Host, command: Iterable[Any]) -> Any:
        """Have a command executed by the node that is about to take over our hash slot."""
        with open_client(self._options, address) as client:
            pipeline = client.pipeline(transaction=False)
            pipeline.execute_command("ASKING")
            pipeline.execute_command(*command)
            return pipeline.execute()[1]


class _PubSub:
    """A subscription that follows the master.

    A master that was replaced while it slept keeps its subscribers, and tells them nothing. A
    cluster node that gave our hash slot away ends the subscription, but not the connection.
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


class Search:
    """Look for the master at several places in turn, starting with a different one each time.

    A different one, because a Sentinel that is cut off from the others goes on naming the old
    master.
    """

    def __init__(self, options: Options, places: Iterable[Host], ask: Ask) -> None:
        self._options = options
        self._places = deque(places)
        self._ask = ask

    def find(self, key: str) -> Host:
        """Return where the master of a key is. Raises one of `FAILURES` if no place says."""
        deadline = time.monotonic() + LOOKUP_SECONDS
        for tries_left in reversed(range(len(self._places))):
            place = self._places[0]
            self._places.rotate(-1)
            try:
                with open_client(self._options, place, LOOKUP_SECONDS) as client:
                    return self._ask(client, key)
            except FAILURES:
                if not tries_left or time.monotonic() > deadline:
                    raise
        raise AssertionError("found no places to look at, expected one at least")


def ask_sentinel(service: str) -> Ask:
    """Return a function that asks a Sentinel for the master of a service."""

    def ask(sentinel: redis.Redis, key: str) -> Host:
        found = sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service)  # type: ignore[no-untyped-call]
        if found is None:
            raise redis.ConnectionError(f"Sentinel does not know the service {service}")
        host, port = found
        return host.decode(), int(port)

    return ask


def ask_node(node: redis.Redis, key: str) -> Host:
    """Ask a node of a cluster for the master of a key, by whether it sends us elsewhere."""
    try:
        node.execute_command("EXISTS", key)  # type: ignore[no-untyped-call]
    except MovedError as told:
        return address_in(told, node)
    except AskError:
        pass  # it gives the slot away, but has it still
    options = node.connection_pool.connection_kwargs
    return options["host"], options["port"]


def address_in(told: AskError, asked: redis.Redis) -> Host:
    """Return where a redirection sends us."""
    # No host: the node does not know by which name it is reached, and means that one.
    return told.host or asked.connection_pool.connection_kwargs["host"], told.port


def open_client(
    options: Options,
    address: Host | None,
    timeout_seconds: float = CALL_TIMEOUT_SECONDS,
) -> redis.Redis:
    """Return a client with short limits and without retries; nothing is connected yet."""
    if address is not None:
        options = options | {"host": address[0], "port": address[1]}
    limits = {
        "max_connections": MAX_CONNECTIONS,
        "timeout": timeout_seconds,
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        # The check before a command would cost a round trip and proves nothing about the next one.
        "health_check_interval": 0,
    }
    pool = redis.BlockingConnectionPool(**options | limits)  # type: ignore[no-untyped-call]
    return redis.Redis.from_pool(pool)


def close_idle(client: redis.Redis) -> None:
    """Close the idle connections; the others end with their last use."""
    client.connection_pool.disconnect(inuse_connections=False)


def connect(url: str) -> Link:
    """Return the link that a URL describes; nothing is connected yet.

    The forms: `redis://`, `rediss://` (TLS) and `unix://`;
    `redis+sentinel://[user:password@]host[:port][,…]/service[/db]`, where the hosts are Sentinels;
    `redis+cluster://[user:password@]host[:port][,…]`, where the hosts are some of the nodes; both
    also with `rediss`. Raises `ValueError`, without the URL, for one that cannot be read.
    """
    try:
        address = RedisAddress.parse(url)
    except ValueError:
        raise ValueError("found a Redis URL that cannot be read") from None
    options = _options_of(address)
    own = {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    if address.is_sentinel:
        # A Sentinel has one database.
        search = Search(options | own | {"db": 0}, address.hosts, ask_sentinel(address.name))
        return Link(options, search.find)
    if address.is_cluster:
        return Link(options, Search(options, address.hosts, ask_node).find, is_cluster=True)
    host = next(iter(address.hosts), None)
    return Link(options, lambda key: host)


def _options_of(address: RedisAddress) -> Options:
    options: Options = {
        "db": address.database,
        "username": address.username,
        "password": address.password,
        **address.options,
    }
    if not address.hosts:
        return options | {
            "path": address.name,
            "connection_class": redis.UnixDomainSocketConnection,
        }
    if address.is_tls:
        options["connection_class"] = redis.SSLConnection
    if "ssl_check_hostname" in options:
        options["ssl_check_hostname"] = options["ssl_check_hostname"].lower() == "true"
    return options


# What a server says that is there.
_REFUSALS = (
    redis.exceptions.ResponseError,
    redis.exceptions.AuthenticationError,
    redis.exceptions.AuthorizationError,
    redis.exceptions.BusyLoadingError,
)


def is_refusal(error: BaseException) -> bool:
    """Tell whether Redis is reachable but refuses the command."""
    return isinstance(error, _REFUSALS)


def describe_outage(error: BaseException) -> str:
    """Say what Redis does, such as "does not answer (TimeoutError: …)".

    A client's error may repeat the command, and so readers' keys: only its type and first words are
    given.
    """
    does = "refuses" if is_refusal(error) else "does not answer"
    words = str(error).splitlines()[0][:80] if str(error) else ""
    return f"{does} ({type(error).__name__}: {words})"
