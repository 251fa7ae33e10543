"""A request read without gunicorn means the same as with it; all others are left to gunicorn."""

from __future__ import annotations

import socket

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import create
from hypothesis import example, given
from hypothesis import strategies as st

from flask_presence.server.request import read_stream_request

BROWSERS = (
    b"GET /live?page=blog%2Fa&x=1 HTTP/1.1\r\n"
    b"Host: blog.example:8080\r\n"
    b"Connection: keep-alive\r\n"
    b'sec-ch-ua: "Chromium";v="156", "Not?A_Brand";v="99"\r\n'
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0\r\n"
    b"HX-Request: true\r\n"
    b"Accept: text/event-stream\r\n"
    b"Sec-Fetch-Site: same-origin\r\n"
    b"Last-Event-ID:\t a-1 \r\n"
    b"Cookie: viblog_reader=AAAAAAAAAAAAAAAAAAAAAA; other=\r\n"
    b"\r\n"
)
HOST = b"Host: a\r\n"


def read_with_gunicorn(head: bytes) -> dict[str, object]:
    """Return the environ that gunicorn makes of a request from a peer that it does not trust."""
    peer = ("192.0.2.1", 5000)
    parser = RequestParser(Config(), iter([head]), peer)
    left, right = socket.socketpair()
    with left, right:
        _, environ = create(next(parser), left, peer, ("127.0.0.1", 8000), parser.cfg)
    return dict(environ)


def assert_the_same(head: bytes, *, trusts_proxy: bool = False) -> None:
    environ = read_stream_request(head, "192.0.2.1", trusts_proxy=trusts_proxy)
    assert environ is not None
    theirs = read_with_gunicorn(head)
    assert environ == {key: theirs[key] for key in environ}
    headers = {key for key in theirs if key.startswith("HTTP_")} | {"CONTENT_TYPE"} & theirs.keys()
    assert headers <= environ.keys()


def test_a_browsers_request_means_what_gunicorn_reads():
    assert_the_same(BROWSERS)
    environ = read_stream_request(BROWSERS, "192.0.2.1", trusts_proxy=False)
    assert environ is not None
    assert environ["QUERY_STRING"] == "page=blog%2Fa&x=1"
    assert environ["HTTP_LAST_EVENT_ID"] == "a-1"


def test_a_stream_may_be_below_a_path():
    head = BROWSERS.replace(b"GET /live", b"GET /my.notes/live")
    environ = read_stream_request(head, "", trusts_proxy=False, path="/my.notes/live")
    assert environ is not None
    assert environ["PATH_INFO"] == "/my.notes/live"
    for other in (BROWSERS, head.replace(b"my.notes", b"my-notes")):
        assert read_stream_request(other, "", trusts_proxy=False, path="/my.notes/live") is None


def test_a_trusted_proxys_headers_are_passed_on():
    forwarded = b"X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n"
    head = BROWSERS.replace(b"HX-Request: true\r\n", forwarded)
    assert_the_same(head, trusts_proxy=True)
    assert read_stream_request(head, "192.0.2.1", trusts_proxy=False) is None


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [b"Host: a", b"Cookie: b=c", b"Accept:", b"X_Y: 1", b"Content-Length: 0", b": x", b" x"]
        ),
        st.from_regex(rb"[!-~]{1,12}:[\x00-\xff]{0,12}", fullmatch=True),
    ),
    max_size=6,
)
TARGETS = st.one_of(
    st.just(b"/live"), st.from_regex(rb"/live\?[\x00-\xff]{0,12}", fullmatch=True), st.binary()
)


@given(TARGETS, LINES)
@example(b"/live?page=a#b", [b"Host: a"])
@example(b"/live?\xe9", [b"Host: a"])
@example(b"/live", [b"Host: a", b"Content-Type: a/b"])
def test_what_is_understood_is_never_understood_otherwise(target, lines):
    """Nothing is taken for a request that gunicorn refuses or reads in another way."""
    head = b"".join(
        [b"GET ", target, b" HTTP/1.1\r\n", *[b"%b\r\n" % line for line in lines], b"\r\n"]
    )
    if read_stream_request(head, "192.0.2.1", trusts_proxy=False) is not None:
        assert_the_same(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET /live HTTP/1.1\r\n" + HOST,  # not all of it yet
        b"GET /live HTTP/1.1\r\n" + HOST + b"\r\nGET /",  # more than one
        b"GET /live HTTP/1.1\r\n\r\n",  # no host
        b"GET /live HTTP/1.0\r\n" + HOST + b"\r\n",
        b"HEAD /live HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /live/ HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /liv%65 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http://a/live HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /live?a#b HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /live HTTP/1.1\n" + HOST + b"\r\n",
        b"GET /live HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
        b"GET /live HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\n\r\n",
        b"GET /live HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n",
        b"GET /live HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\n\r\n",
        b"GET /live HTTP/1.1\r\n" + HOST + b"Upgrade: h2c\r\n\r\n",
        b"GET /live HTTP/1.1\r\n" + HOST + b"X_Forwarded_For: 192.0.2.9\r\n\r\n",
        b"GET /live HTTP/1.1\r\n" + HOST + b"X-Forwarded-Ssl: on\r\n\r\n",
        b"GET /live HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n",  # goes on in the next line
        b"GET /live HTTP/1.1\r\n" + HOST + b"A: \x00\r\n\r\n",
        b"GET /live HTTP/1.1\r\n" + HOST + b"A : b\r\n\r\n",
    ],
)
def test_what_needs_a_server_is_left_to_it(head):
    assert read_stream_request(head, "192.0.2.1", trusts_proxy=True) is None
