"""Whoever may write in Redis can make numbers wrong, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from flask_presence.web.identity import key_of, token_of
from tests.server.open_stream import OpenStream
from tests.site import TOTAL, Site

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


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
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
