"""The proxy hurts messages as it says, so that what the nodes survive has really happened."""

from __future__ import annotations

import pytest
import redis

from tests.tracking.faults import cut_all_connections
from tests.tracking.nodes import wait_until
from tests.tracking.proxy import find_end

CHANNEL = "channel"


@pytest.fixture
def proxy(start_proxy):
    return start_proxy()


@pytest.fixture
def client(proxy):
    """Return a client behind the proxy."""
    with redis.Redis.from_url(proxy.url, decode_responses=True, protocol=2) as client:
        yield client


@pytest.fixture
def subscription(client):
    """Return a subscription that has been confirmed."""
    with client.pubsub() as subscription:
        subscription.subscribe(CHANNEL)
        assert subscription.get_message(timeout=2.0)["type"] == "subscribe"
        yield subscription


def receive(subscription, number: int) -> list[str]:
    """Return the next messages, and make sure that they are the last."""
    messages = [subscription.get_message(timeout=2.0) for _ in range(number)]
    assert subscription.get_message(timeout=0.05) is None
    return [message["data"] for message in messages]


def publish(valkey, *messages: str) -> None:
    for message in messages:
        valkey.client.publish(CHANNEL, message)


def test_nothing_is_hurt_unless_asked_for(proxy, client, subscription, valkey):
    publish(valkey, "a", "b")
    assert receive(subscription, 2) == ["a", "b"]
    assert client.echo("*3\r\n$7\r\nmessage\r\n" * 10_000) == "*3\r\n$7\r\nmessage\r\n" * 10_000
    assert (proxy.subscriptions, proxy.faults) == (1, 0)


def test_the_next_messages_are_dropped(proxy, subscription, valkey):
    proxy.drop_messages(2)
    publish(valkey, "a", "b", "c")
    assert receive(subscription, 1) == ["c"]
    assert proxy.faults == 2


def test_a_message_is_dropped_by_what_it_contains(proxy, subscription, valkey):
    proxy.drop_messages(1, containing=b"b")
    publish(valkey, "a", "b", "b", "c")
    assert receive(subscription, 3) == ["a", "b", "c"]
    assert proxy.faults == 1


def test_messages_are_doubled(proxy, subscription, valkey):
    proxy.double_messages()
    publish(valkey, "a", "b")
    assert receive(subscription, 4) == ["a", "a", "b", "b"]
    proxy.pass_everything()
    publish(valkey, "c")
    assert receive(subscription, 1) == ["c"]
    assert proxy.faults == 2


def test_messages_are_delivered_after_those_that_followed_them(proxy, subscription, valkey):
    proxy.reorder_messages()
    publish(valkey, "a", "b", "c", "d", "e")
    assert receive(subscription, 4) == ["b", "a", "d", "c"]
    proxy.pass_everything()
    assert receive(subscription, 1) == ["e"]
    publish(valkey, "f")
    assert receive(subscription, 1) == ["f"]
    assert proxy.faults == 2


def test_a_silent_subscription_hears_nothing_more_and_commands_go_on(
    proxy, client, subscription, valkey
):
    proxy.silence_subscription()
    publish(valkey, "a")
    assert receive(subscription, 0) == []
    assert client.ping()
    with client.pubsub() as another:
        another.subscribe(CHANNEL)
        assert another.get_message(timeout=2.0)["type"] == "subscribe"
        publish(valkey, "b")
        assert receive(another, 1) == ["b"]
    proxy.pass_everything()
    assert receive(subscription, 0) == []
    assert proxy.subscriptions == 2


def test_what_one_side_closes_is_closed_on_the_other(client, valkey):
    connection = client.connection_pool.get_connection()
    cut_all_connections(valkey)
    with pytest.raises(redis.ConnectionError):
        connection.read_response()
    assert client.ping()
    connected = valkey.client.info("clients")["connected_clients"]
    client.connection_pool.disconnect()
    wait_until(
        lambda: valkey.client.info("clients")["connected_clients"] == connected - 1,
        within_seconds=2.0,
        what=lambda: "one client less",
    )


def test_where_no_server_is_nobody_is_let_in(client, valkey):
    valkey.stop()
    with pytest.raises(redis.ConnectionError):
        client.ping()


@pytest.mark.parametrize(
    ("received", "end"),
    [
        (b"+OK\r\n+OK\r\n", 5),
        (b"$-1\r\n:1\r\n", 5),
        (b"*-1\r\n:1\r\n", 5),
        (b"$3\r\na\r\n\r\n:1\r\n", 9),
        (b"*2\r\n$1\r\na\r\n*1\r\n:7\r\n+OK\r\n", 19),
        (b"*2\r\n$1\r\na\r\n", None),
        (b"$3\r\nabc\r", None),
        (b"+O", None),
        (b"", None),
    ],
)
def test_a_frame_ends_where_the_protocol_says(received, end):
    assert find_end(received) == end
