"""The wire form: what is written is read back, and what is none of ours is refused."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_presence.tracking.redis_link import connect
from flask_presence.tracking.slot import Write
from flask_presence.tracking.store import Store
from flask_presence.tracking.values import Presence, Tombstone, Version
from flask_presence.tracking.wire import (
    INLINE_PUT_MAX,
    Published,
    begin_message,
    decode_message,
    decode_presence,
    encode_joins,
    encode_message,
    load_json,
)

FIRST = Version("e1", 0)
SECOND = Version("e1", 1)
ODD = "\x00\r\n\"'\\{}<\u2028\u00e9标签\U0001f600\ufeff\ud800"

texts = st.text(st.characters(), max_size=8)
values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
presences = st.builds(
    Presence,
    ref=texts,
    topic=texts,
    key=texts,
    meta=st.dictionaries(texts, values | st.lists(values, max_size=2), max_size=3),
    prev_ref=st.none() | texts,
)


def many(number: int) -> tuple[Presence, ...]:
    return tuple(Presence(f"w1-{n}", "blog", f"k{n}", {}) for n in range(number))


def encode(worker: str, write: Write) -> str:
    return encode_message(worker, write, encode_joins(write))


@given(st.lists(presences, max_size=3), st.lists(texts, max_size=3), st.sampled_from([None, FIRST]))
def test_a_message_is_read_back(joins, leaves, prev):
    write = Write(prev, SECOND, tuple(joins), tuple(leaves))
    message = decode_message(encode("w1", write).encode())
    assert message == Published("w1", prev, SECOND, tuple(joins), tuple(leaves))


@given(texts, st.lists(presences, max_size=3), st.lists(texts, max_size=2))
def test_a_message_is_the_json_of_its_fields(worker, joins, leaves):
    """Its parts are encoded one by one; every version of the program reads and writes this."""
    message = encode(worker, Write(FIRST, SECOND, tuple(joins), tuple(leaves)))
    listed = [[p.ref, p.topic, p.key, p.meta, p.prev_ref] for p in joins]
    whole = [worker, "e1.0", "e1.1", listed, leaves]
    assert message == json.dumps(whole, separators=(",", ":"))
    assert message.startswith(begin_message(worker))


def test_a_tombstone_is_read_back_as_one(valkey_url):
    stone = Tombstone("w1-1", "blog", "ann", {}, "w0-1")
    write = Write(None, FIRST, (stone,))
    message = decode_message(encode("w1", write).encode())
    assert message == Published("w1", None, FIRST, (stone,), ())
    store = Store(connect(valkey_url), "{stone}")
    store.write("w1", write, lease_seconds=5.0)
    assert store.fetch("w1") == (FIRST, (stone,))
    store.close()


def test_odd_characters_come_back_from_the_server(valkey_url):
    """Even half a surrogate pair, which JSON can hold and UTF-8 cannot."""
    odd = Presence("w1-1", ODD, ODD, {"page": ODD, ODD: [ODD, None, 1.5, True]})
    store = Store(connect(valkey_url), "{odd}")
    store.write("w1", Write(None, FIRST, joins=(odd,)), lease_seconds=5.0)
    assert store.fetch("w1") == (FIRST, (odd,))
    store.close()


def test_a_put_up_to_the_limit_carries_the_slot():
    write = Write(None, FIRST, many(INLINE_PUT_MAX))
    assert decode_message(encode("w1", write).encode()) == Published(
        "w1", None, FIRST, write.joins, ()
    )


def test_a_put_beyond_the_limit_says_only_that_it_happened():
    write = Write(None, FIRST, many(INLINE_PUT_MAX + 1))
    assert decode_message(encode("w1", write).encode()) == Published("w1", None, FIRST, None, ())


def test_an_append_beyond_the_limit_carries_all_of_it():
    write = Write(FIRST, SECOND, many(INLINE_PUT_MAX + 1))
    assert decode_message(encode("w1", write).encode()) == Published(
        "w1", FIRST, SECOND, write.joins, ()
    )


def test_a_large_put_is_stored_whole(valkey_url):
    store = Store(connect(valkey_url), "{large}")
    store.write("w1", Write(None, FIRST, many(20_000)), lease_seconds=30.0)
    fetched = store.fetch("w1")
    store.close()
    assert fetched is not None
    version, presences = fetched
    assert (version, len(presences)) == (FIRST, 20_000)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"hello",
        b"\xff\xfe",
        b"7",
        b"null",
        b"{}",
        b"[]",
        b'["w2", "ann", "w1-1", [1]]',
        b'["w2", "ann", 7, {}]',
        b'["w1"]',
        b'["w1", "soon"]',
        b'["w1", null]',
        b'{"a": 1, "b": 2}',
        b'["w1", "*", "e1.0", []]',
        b'["w1", "*", "e1", [], []]',
        b'["w1", "*", 7, [], []]',
        b'["w1", null, "e1.0", [], []]',
        b'["w1", "*", "e1.0", 7, []]',
        b'["w1", "*", "e1.0", [7], []]',
        b'["w1", "*", "e1.0", [["r1", "blog"]], []]',
        b'["w1", "*", "e1.0", [["r1", "blog", "ann", {}, null, "more"]], []]',
        b'["w1", "*", "e1.0", [["r1", "blog", "ann", 7, null]], []]',
        b'["w1", "*", "e1.0", [["r1", ["blog"], "ann", {}, null]], []]',
        b'["w1", "*", "e1.0", [[["r1"], "blog", "ann", {}, null]], []]',
        b'["w1", "*", "e1.0", [["r1", "blog", "ann", {}, ["r0"]]], []]',
        b'["w1", "*", "e1.0", [["r1", "blog", "ann", null, null]], []]',
        b'["w1", "*", "e1.0", [], [["r1"]]]',
        b'["w1", "*", "e1.0", [], null]',
    ],
)
def test_garbage_on_the_channel_is_refused(payload):
    """So that the reader can log it and go on; any other error would end the reader."""
    with pytest.raises(ValueError):  # noqa: PT011 - json.loads words some of them
        decode_message(payload)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@given(anything)
def test_any_json_is_a_message_or_a_value_error(fields):
    """As another program may publish it: `NaN` and numbers without end are in it, too."""
    with contextlib.suppress(ValueError):
        decode_message(json.dumps(fields).encode())


@given(anything)
def test_any_json_is_a_presence_or_a_value_error(fields):
    with contextlib.suppress(ValueError):
        decode_presence("w1-1", fields)


def test_json_that_is_nested_too_deep_is_a_value_error():
    for read in (decode_message, load_json):
        with pytest.raises(ValueError, match="found "):
            read(b"[" * 100_000)


@pytest.mark.parametrize("lease", ["1e999", "1" + "0" * 400, "-1", "1.5", "true", "null", '"5"'])
def test_a_lease_that_is_no_number_of_milliseconds_is_a_value_error(lease):
    with pytest.raises(ValueError, match="a lease is no number"):
        decode_message(f'["w", {lease}]'.encode())
