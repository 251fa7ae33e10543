"""What is left of readers: all that is in Redis, told to it or logged is read and searched."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import threading

import pytest
import redis

from flask_presence.web.identity import key_of
from tests.server.open_stream import OpenStream
from tests.site import Site
from tests.valkey import Valkey

# Nothing of a reader looks like these, so what is found is theirs.
ADDRESSES = ["198.51.100.77", "2001:db8:dead:beef:1234:5678:9abc:def0"]
AGENT = "Mozilla/5.0 (KnownAgent; rv:77.7) Gecko/20100101"
# One for each address: a reader's tab that joins has the reader's others asked to come back, and
# these streams never do.
COOKIES = ["KnownCookieOfAReader-1", "KnownCookieOfAReader-2"]
REFERER = "https://known-referrer.example/from"
LANGUAGE = "tlh-KNOWN"
PARTS = [
    *ADDRESSES,
    "2001:db8:dead:beef",
    "2001:0db8",
    "KnownAgent",
    *COOKIES,
    "known-referrer",
    "tlh-KNOWN",
]


class Listener:
    """Everything that Redis is told, as it is told it (MONITOR): channels and dead keys, too."""

    def __init__(self, valkey: Valkey) -> None:
        self.heard: list[str] = []
        self._valkey = valkey
        self._thread = threading.Thread(target=self._listen)
        self._is_listening = threading.Event()

    def _listen(self) -> None:
        # A server that is told nothing for a while is no fault.
        client = redis.Redis.from_url(self._valkey.url, decode_responses=True, socket_timeout=None)
        with client, client.monitor() as monitor:
            self._is_listening.set()
            for heard in monitor.listen():
                self.heard.append(str(heard["command"]))
                if heard["command"] == "ECHO that-is-all":
                    return

    def __enter__(self) -> Listener:
        self._thread.start()
        self._is_listening.wait(5)
        return self

    def __exit__(self, *raised: object) -> None:
        self._valkey.client.echo("that-is-all")
        self._thread.join(5)


def read_everything(valkey: Valkey) -> str:
    """Return every key of the server with all that it holds."""
    client = valkey.client
    kept = []
    for key in client.scan_iter():
        is_hash = client.type(key) == "hash"  # the other one is the set of workers
        kept.append((key, client.hgetall(key) if is_hash else client.zrange(key, 0, -1)))
    return "\n".join(map(repr, kept))


def headers_of(address: str, *more: str) -> str:
    lines = [
        f"X-Forwarded-For: {address}",
        f"User-Agent: {AGENT}",
        f"Referer: {REFERER}",
        f"Accept-Language: {LANGUAGE}",
        *more,
    ]
    return "".join(f"{line}\r\n" for line in lines)


@pytest.fixture(scope="module")
def evidence(running_valkey: Valkey) -> dict[str, str]:
    """Have known readers read, and be refused; return all that is left of it, by place."""
    running_valkey.make_whole()
    environ = {
        "BLOG_REDIS_URL": running_valkey.url,
        "BLOG_PROXY_HOPS": "1",
        "BLOG_LOG_LEVEL": "debug",
        "BLOG_LINGER_SECONDS": "0.01",
        "BLOG_MAX_STREAMS_PER_ADDRESS": "4",
    }
    post = "blog/how-the-counter-works"
    tokens: list[str] = []  # of the tabs that came without a cookie
    with Listener(running_valkey) as listener, Site(workers=2, environ=environ) as site:
        with contextlib.ExitStack() as stack:
            for address, cookie in zip(ADDRESSES, COOKIES, strict=True):
                for more in ([], [f"Cookie: viblog_reader={cookie}"], ["Sec-GPC: 1"], []):
                    headers = headers_of(address, *more)
                    stream = stack.enter_context(OpenStream(site, post, headers=headers))
                    stream.read_until("online")
                    tokens += re.findall(r"^id: [\w-]+\.([\w-]+)$", stream.text, re.MULTILINE)
                refused = stack.enter_context(OpenStream(site, headers=headers_of(address)))
                refused.read_until("event: busy")
            # A page, one that is nowhere, one that fails to be asked for, and no HTTP at all.
            for asked in ("GET /blog", "GET /nowhere", "POST /blog", "GET /live?page=x", "BREW x"):
                ask(site, f"{asked} HTTP/1.1\r\nHost: localhost\r\n{headers_of(ADDRESSES[0])}\r\n")
            ask(site, f"KnownAgent {ADDRESSES[0]}\r\n\r\n")
            shown = f'"page":"{post}"'
            site.wait(lambda: read_everything(running_valkey).count(shown) == 8, "all are counted")
            kept = read_everything(running_valkey)
        site.wait(lambda: "page" not in read_everything(running_valkey), "all have left")
        log = site.read_whole_log()
    return {
        "keys": kept,
        "keys afterwards": read_everything(running_valkey),
        "commands": "\n".join(listener.heard),
        "log": log,
        "tokens": "\n".join(tokens),
    }


def ask(site: Site, request: str) -> None:
    """Send something, and wait for the answer."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as sock:
        sock.sendall(request.encode())
        assert sock.recv(65536)


@pytest.mark.parametrize("place", ["keys", "keys afterwards", "commands", "log"])
def test_nothing_of_a_reader_is_left(evidence, place):
    lines = evidence[place].lower().splitlines()
    assert [line for line in lines for part in PARTS if part.lower() in line] == []


def test_no_token_of_a_tab_is_left(evidence):
    """Only its tab has it: Redis has a hash of it, as of a cookie."""
    tokens = evidence["tokens"].split()
    assert len(set(tokens)) == 3 * len(ADDRESSES)
    for token in tokens:
        assert key_of(token) in evidence["keys"]
        for place in ("keys", "keys afterwards", "commands", "log"):
            assert token not in evidence[place], place


def test_the_session_was_seen_at_all(evidence):
    """Else nothing could be found in what was read."""
    assert evidence["keys"].count('"page":"blog/how-the-counter-works"') == 8
    assert "PUBLISH" in evidence["commands"].upper()
    assert '"page":"blog/how-the-counter-works"' in evidence["commands"].replace("\\", "")
    assert evidence["log"].count("streams: one opened") == 8
    assert "Invalid request" in evidence["log"]


def test_a_stream_that_is_closed_leaves_nothing(evidence):
    assert "page" not in evidence["keys afterwards"]


def test_what_is_kept_is_what_the_page_about_privacy_says(evidence):
    """Key, page and age; a reference of the tab's own, and the one it had before."""
    tabs = re.findall(r"\[\"readers\",\"(\w{18})\",({[^}]*}),(null|\"[\w-]+\")\]", evidence["keys"])
    assert len(tabs) == 8
    for _, meta, _ in tabs:
        assert set(json.loads(meta)) - {"face"} == {"page", "joined_at"}


def test_no_hash_of_an_address_is_there_either(evidence):
    """Not even one that could be found by trying all addresses out."""
    everything = "\n".join(evidence.values()).lower()
    for address in ADDRESSES:
        for algorithm in ("md5", "sha1", "sha256", "blake2b", "blake2s"):
            digest = hashlib.new(algorithm, address.encode()).hexdigest()
            assert digest[:16] not in everything, algorithm
