"""Whoever may write in Redis can make numbers wrong, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_presence.web.identity import key_of, token_of
from tests.server.open_stream import OpenStream
from tests.site import TOTAL, Site
from tests.valkey import Valkey

COOKIE = "A" * 21 + "_"
KEY = key_of(token_of(COOKIE))
POST = "blog/what-is-counted"
CHANNEL = "{viblog}:d"
ODD_PAGES: list[object] = [
    5,
    None,
    True,
    1.5,
    [],
    {},
    "blog/\ud800",
    "blog/" + "x" * 10_000,
    "\x1b]0;pwned\x07",
]
ODD_TIMES: list[object] = ["soon", None, 10**30, 10**400, -1, 1.5, [], {"a": 1}]
ODD_FIELDS: dict[str, list[object]] = {
    "face": [-1, 10**400, True, "0", [], "<b>"],
    "section": [5, [], "at-0000000<", "at-" + "0" * 10_000],
    "tab": ["", None, [], KEY],
    "ref": [[], ""],
    "huge": ["x" * 1_000_000],
}
ODD_ASKS = [json.dumps(["evil", KEY, ref, {"face": "<b>", "page": 5}]) for ref in ("", "evil-0")]
ODD_MESSAGES = [
    f'["w", 1{"0" * 400}]',
    *("null", "5", '"x"', "[]", "{}", '["w", 1e999]', '["w", null]', "[[], []]", "[" * 100_000),
    '["w","*","e.1",[["r",5]],[]]',
    '["w","*","e.1",[5],[]]',
    '["w","*","e.1",{"a":1},[]]',
    '["w","*",5,[],[]]',
]


@pytest.fixture
def site() -> Iterator[Site]:
    """Start a blog for one test: whom it invents is there until a lease ends."""
    with Site(workers=1, environ={"BLOG_SECTIONS": "1"}) as site:
        yield site


def join(number: int, **meta: object) -> str:
    """Return a message in which a worker of nobody's says who is there."""
    joined = [f"evil-{number}", "readers", KEY, {"page": "index", "joined_at": 1} | meta, None]
    return json.dumps([f"evil{number}", "*", "e.1", [joined], []])


MESSAGES = [
    *ODD_MESSAGES,
    *(join(number, page=page) for number, page in enumerate(ODD_PAGES)),
    *ODD_ASKS,
    *(
        join(1000 + number, page=POST, **{name: value})
        for number, (name, value) in enumerate(
            (name, value) for name, values in ODD_FIELDS.items() for value in values
        )
    ),
    *(join(100 + number, joined_at=time) for number, time in enumerate(ODD_TIMES)),
]


def test_pages_and_streams_go_on_whatever_is_published(site: Site) -> None:
    """A reader under the very key that was forged can come, return and leave, too."""
    cookie = f"Cookie: viblog_reader={COOKIE}\r\n"
    with OpenStream(site) as stream, site.embedded_redis() as redis:
        stream.read_until("1 reader online")
        for message in MESSAGES:
            redis.publish(CHANNEL, message.encode("utf-8", "surrogatepass"))
            assert TOTAL.search(site.fetch("/blog"))
        with OpenStream(site, headers=cookie) as first:
            first.read_until(" tabs<")
        returned = f"{cookie}Last-Event-ID: {first.event_id}\r\n"
        for _ in range(6):
            with OpenStream(site, headers=returned) as again:
                again.read_until(" tabs<")
        assert TOTAL.search(site.fetch("/"))
        with OpenStream(site, page=POST) as post:
            assert "<b>" not in post.read_until(" tabs<")
        assert json.loads(site.fetch("/now.json"))["online"] > 1
    with OpenStream(site) as other:
        other.read_until(" tabs<")
    log = site.read_whole_log()
    assert "Traceback" not in log
    assert log.count("WARNING") <= len(ODD_MESSAGES)


texts = st.text(st.characters(), max_size=4)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
versions = st.just("*") | st.builds("{}.{}".format, st.sampled_from("ef"), st.integers(0, 3))
metas = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("page", "joined_at", "face", "section", "tab"), anything)
)
keys = st.just(KEY) | texts
presences = st.tuples(st.just("readers") | texts, keys, metas | anything, st.none() | texts)
joins = st.builds(lambda ref, rest: [ref, *rest], texts, presences)
workers = st.sampled_from(["evil1", "evil2", "evil3"])
messages = st.one_of(
    anything,
    st.tuples(workers, versions, versions, st.none() | st.lists(joins | anything, max_size=3))
    .flatmap(lambda fields: st.tuples(*map(st.just, fields), st.lists(texts, max_size=2)))
    .map(list),
    st.tuples(workers | texts, keys, texts, metas | anything).map(list),
    st.tuples(workers | texts, st.integers() | anything).map(list),
)
slots = st.dictionaries(texts.filter(lambda ref: ref != "."), presences | anything, max_size=3)


def test_pages_go_on_whatever_json_is_published_or_is_in_a_slot(site: Site) -> None:
    """A line of the log for each at most: one for the message, one for what it says to fetch."""
    tried = []

    @settings(max_examples=120, deadline=None, derandomize=True)
    @given(messages, slots, versions | texts)
    def try_one(message: object, slot: dict[str, object], version: str) -> None:
        tried.append(message)
        fields = {ref.encode("utf-8", "surrogatepass"): json.dumps(slot[ref]) for ref in slot}
        fields[b"."] = version.encode("utf-8", "surrogatepass")  # type: ignore[assignment]
        redis.delete("{viblog}:w:evil1")
        redis.hset("{viblog}:w:evil1", mapping=fields)  # type: ignore[arg-type]
        redis.zadd("{viblog}:live", {"evil1": (time.time() + 60) * 1000})
        redis.publish(CHANNEL, json.dumps(message))
        redis.publish(CHANNEL, '["evil1","*","x.1",null,[]]')  # it is fetched
        for path in ("/blog", "/now"):
            assert "connection lost" in site.fetch(path)  # what is shown when a stream ends

    before = site.read_whole_log()
    with site.embedded_redis() as redis, OpenStream(site, headers=f"Cookie: a={COOKIE}\r\n") as one:
        one.read_until("id: ")
        try_one()
        redis.delete("{viblog}:w:evil1")
        with OpenStream(site, page=POST) as other:
            other.read_until("id: ")
    log = site.read_whole_log()[len(before) :]
    assert "Traceback" not in log
    assert log.count("\n") <= 2 * len(tried)
    assert [sign for sign in log if not sign.isprintable() and sign != "\n"] == []


def test_odd_names_are_passed_over_and_those_of_another_type_deleted(valkey: Valkey) -> None:
    """The blog finds them when it starts: it asks for all that are there."""
    redis, for_long = valkey.client, (time.time() + 1000) * 1000
    slots: dict[bytes, dict[str, bytes]] = {
        b"\xff": {".": b"e.1"},
        b"a\x1b]0;pwned\x07\nFORGED": {".": b"e.1", "r": b"5"},
        b"utf-8": {".": b"\xff.1"},
        b"large": {".": b"e." + b"1" * 5_000},
        b"none": {".": b"nothing"},
        b"bomb": {".": b"e.1", "r": b"[" * 100_000},
    }
    for name, fields in slots.items():
        redis.hset(b"{viblog}:w:" + name, mapping=fields)  # type: ignore[arg-type]
        redis.zadd("{viblog}:live", {name: for_long})
    redis.zadd("{viblog}:live", {"infinite": float("inf")})
    for name in (b"text", b"\xfe"):
        redis.zadd("{viblog}:live", {name: for_long})
        redis.set(b"{viblog}:w:" + name, "no hash")
    with Site(workers=1, environ={"BLOG_REDIS_URL": valkey.url}) as site:
        site.wait(lambda: "not live" not in site.fetch(), "it is live")
        assert not redis.exists("{viblog}:w:text", b"{viblog}:w:\xfe")
        redis.delete("{viblog}:live")
        redis.set("{viblog}:live", "no list")
        with OpenStream(site) as one, OpenStream(site, page=POST) as other:
            one.read_until("2 readers online")
            other.read_until("2 readers online")
            site.wait(lambda: redis.type("{viblog}:live") == "zset", "it is a list again", 10)
            site.wait(lambda: "not live" not in site.fetch(), "it is live again", 10)
        log = site.read_whole_log()
    assert "Traceback" not in log
    assert "\nFORGED" not in log
    assert log.count("which was none of ours") == 3
    assert log.count("in the slot of") == 2
