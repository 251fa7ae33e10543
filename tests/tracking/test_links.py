"""What a store's calls do when the server does not, on every kind of server.

Whatever goes wrong is an error that the presence expects, it comes within two seconds or so, and it
says nothing secret. Afterwards the next calls work again.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flask_presence.tracking.redis_link import FAILURES, MAX_CONNECTIONS, connect
from flask_presence.tracking.slot import Write
from flask_presence.tracking.store import Store
from flask_presence.tracking.values import Presence, Version
from tests.ports import reserve_port
from tests.redis_servers import Server, ask

MAX_CALL_SECONDS = 2.2
FIRST = Version("e1", 0)
SECOND = Version("e1", 1)
ROOT = Path(__file__).parents[2]
BOB = Presence("w1-2", "blog", "bob", {})
PUT = Write(None, FIRST, joins=(Presence("w1-1", "blog", "ann", {}),))
PASSWORD = "se/cr@t"
QUOTED = "se%2Fcr%40t"


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    """Return a store of the prefix {test}, with one slot in it, that has made every connection."""
    store = Store(connect(server.url), "{test}")
    write(store)
    yield store
    store.close()


def write(store: Store) -> bool:
    return store.write("w1", PUT, lease_seconds=60.0)


def assert_fails_in_time(call: Callable[[], object]) -> str:
    """Assert that a call fails as expected, and soon; return what it said."""
    began = time.monotonic()
    with pytest.raises(FAILURES) as caught:
        call()
    assert time.monotonic() - began < MAX_CALL_SECONDS
    return str(caught.value)


def assert_works_again(store: Store) -> None:
    """Assert that soon a call succeeds, as it would be tried by the presence."""
    deadline = time.monotonic() + 5.0
    while True:
        try:
            assert write(store)
            break
        except FAILURES:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert store.digest()["w1"].version == FIRST


def count_connections(server: Server) -> int:
    """Return how many connections all processes have, but for their own among each other."""
    return sum(
        1
        for client in server.clients
        for found in client.client_list()
        if "M" not in found["flags"] and "S" not in found["flags"]
    )


def test_a_frozen_server_costs_a_call_two_seconds_at_most(server, store):
    """On a connection that is open already, and on a new one."""
    server.freeze()
    assert_fails_in_time(store.digest)
    assert_fails_in_time(lambda: write(store))
    server.thaw()
    assert_works_again(store)


def test_a_subscription_to_a_frozen_server_ends_or_is_silent_in_time(server, store):
    """A silent one is for the reader to notice: its own message does not come back."""
    server.freeze()
    began = time.monotonic()
    try:
        subscription = store.subscribe()
        assert subscription.receive(0.1) is None
        subscription.close()
    except FAILURES:
        pass
    assert time.monotonic() - began < MAX_CALL_SECONDS


def test_cut_connections_are_made_anew(server, store):
    subscription = store.subscribe()
    assert subscription.receive(1.0) == ("subscribe", b"")
    for kind in ("normal", "pubsub"):
        server.client.client_kill_filter(_type=kind, skipme=True)
    assert_fails_in_time(lambda: subscription.receive(1.0))
    subscription.close()
    assert_works_again(store)
    subscription = store.subscribe()
    assert subscription.receive(1.0) == ("subscribe", b"")
    subscription.close()


def test_a_server_that_has_forgotten_the_scripts_is_told_them_again(server, store):
    server.client.script_flush()
    assert write(store)
    server.client.script_flush()
    assert store.digest()["w1"].version == FIRST


@pytest.mark.parametrize(
    "step",
    [
        Write(FIRST, Version("e1", 1), joins=(BOB,)),
        Write(FIRST, Version("e1", 1), leaves=("w1-1",)),
        Write(FIRST, FIRST),
        Write(None, Version("e2", 0)),
    ],
    ids=["join", "leave", "heartbeat", "put"],
)
def test_a_server_out_of_memory_refuses_every_write_whole(server, store, step):
    """Were some to succeed, the presence would be stale and whole in turn."""
    server.client.config_set("maxmemory", 1)
    said = assert_fails_in_time(lambda: store.write("w1", step, lease_seconds=60.0))
    server.client.config_set("maxmemory", 0)
    assert "memory" in said
    assert store.fetch("w1") == (FIRST, PUT.joins)


def test_a_store_has_few_connections_and_closes_all(server):
    before = count_connections(server)
    store = Store(connect(server.url), "{test}")
    subscriptions = [store.subscribe() for _ in range(MAX_CONNECTIONS - 1)]
    for subscription in subscriptions:
        assert subscription.receive(1.0) == ("subscribe", b"")
    write(store)
    store.digest()
    assert count_connections(server) - before == MAX_CONNECTIONS
    for subscription in subscriptions:
        subscription.close()
    store.close()
    deadline = time.monotonic() + 1.0
    while count_connections(server) > before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def guarded_server(server: Server) -> Iterator[Server]:
    """Return a server of each kind, all of whose processes ask for a password."""
    for client in server.clients:
        ask(client, "ACL", "SETUSER", "default", "resetpass", f">{PASSWORD}")
    yield server
    for client in server.clients:
        ask(client, "ACL", "SETUSER", "default", "nopass")


def with_password(url: str, password: str) -> str:
    """Return a URL with a password, for the Sentinels too."""
    url = url.replace("://", f"://default:{password}@")
    is_watched = "+sentinel" in url
    return f"{url}?sentinel_password={password}" if is_watched else url


def test_a_password_opens_a_guarded_server(guarded_server):
    store = Store(connect(with_password(guarded_server.url, QUOTED)), "{test}")
    assert write(store)
    subscription = store.subscribe()
    assert subscription.receive(1.0) == ("subscribe", b"")
    subscription.close()
    store.close()


def test_a_wrong_password_is_refused_and_not_repeated(guarded_server):
    store = Store(connect(with_password(guarded_server.url, "wr0ng")), "{test}")
    for call in (store.digest, store.subscribe, lambda: write(store)):
        assert "wr0ng" not in assert_fails_in_time(call)
    store.close()


def test_a_user_with_the_rights_in_the_docs_may_do_all(server):
    text = (ROOT / "docs" / "redis.md").read_text(encoding="utf-8")
    rights = text.split("ACL SETUSER blog ")[1].split("```")[0].replace("{viblog}", "{test}")
    servers = [c for c in server.clients if ask(c, "ROLE")[0] != "sentinel"]
    for client in servers:
        ask(client, "ACL", "SETUSER", "blog", *rights.split())
    store = Store(connect(server.url.replace("://", "://blog:password@")), "{test}")
    subscription = store.subscribe()
    assert subscription.receive(1.0) == ("subscribe", b"")
    for step in (PUT, Write(FIRST, SECOND, joins=(BOB,), leaves=("w1-1",)), Write(SECOND, SECOND)):
        assert store.write("w1", step, lease_seconds=60.0)
        received = subscription.receive(1.0)
        assert received is not None
        assert received[0] == "message"
    assert store.fetch("w1") == (SECOND, (BOB,))
    assert store.digest()["w1"].version == SECOND
    store.leave("w1", lease_seconds=1.0)
    store.leave("w1", lease_seconds=2.0, version=SECOND)
    subscription.close()
    store.close()
    for client in servers:
        ask(client, "ACL", "DELUSER", "blog")


@pytest.mark.parametrize(
    "form", ["redis://{0}", "redis+sentinel://{0},{1}/blog", "redis+cluster://{0},{1}"]
)
def test_where_nobody_listens_a_call_fails_at_once(form):
    first, second = (f"u:se%2Fcr%40t@127.0.0.1:{reserve_port()}" for _ in range(2))
    store = Store(connect(form.format(first, second.partition("@")[2])), "{test}")
    for call in (store.digest, store.subscribe, lambda: write(store)):
        said = assert_fails_in_time(call)
        assert "se%2F" not in said
        assert PASSWORD not in said
    store.close()


def test_a_service_that_sentinel_does_not_watch_is_named(running_servers):
    url = running_servers("sentinel").url.replace("/viblog", "/other")
    store = Store(connect(url), "{test}")
    assert assert_fails_in_time(store.digest) == "Sentinel does not know the service other"


@pytest.mark.parametrize("form", ["redis+sentinel://{0},{1}/viblog", "redis+cluster://{0},{1}"])
def test_one_place_of_several_is_enough(running_servers, form):
    """The others may be gone, or silent: then at most one call fails."""
    server = running_servers("sentinel" if "sentinel" in form else "cluster")
    port = server.clients[-1].connection_pool.connection_kwargs["port"]
    nobodys_port = reserve_port()
    url = form.format(f"127.0.0.1:{nobodys_port}", f"127.0.0.1:{port}")
    store = Store(connect(url), "{test}")
    assert write(store)
    store.close()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = form.format(f"127.0.0.1:{silent.getsockname()[1]}", f"127.0.0.1:{port}")
        store = Store(connect(url), "{test}")
        assert_fails_in_time(store.digest)
        assert write(store)
        store.close()


def test_keys_that_a_cluster_would_spread_are_refused():
    link = connect("redis+cluster://127.0.0.1:7000")
    for prefix in ("viblog", "vi{}blog", "}viblog{"):
        with pytest.raises(ValueError, match=r"expected a \{tag\} in it"):
            Store(link, prefix)
    Store(link, "my-{viblog}-2")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host:6379",
        "http://host",
        "redis://u:se/cr@t@host",
        "redis+sentinel://u:se/cr@t@host:26379/viblog",
        "redis+sentinel://host:port/viblog",
        "redis+sentinel://host:26379/viblog/first",
        "redis+cluster://host:7000,,other:7000",
        "redis+cluster://host:7000,:7001",
        "redis+other://host",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_being_repeated(url):
    with pytest.raises(ValueError, match=r"^found a Redis URL that cannot be read$") as caught:
        connect(url)
    assert caught.value.__suppress_context__
