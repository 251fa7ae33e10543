"""What a server sent is read right however it is cut."""

from __future__ import annotations

import pytest

from bench.stream import ProtocolError, read_events, read_head

ONE = b'data: <b class="live-total">1 reader online</b>\n\n'
SEVEN = b"retry: 900\nid: x\ndata: <b>7 readers online</b>\ndata: <i></i>\n\n"
CRLF = b"data: <b>12 readers online</b>\r\n\r\n"
PING = b": ping\n\n"


def chunk(part: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(part), part)


def test_each_event_with_a_number_counts_once():
    assert read_events(ONE + SEVEN + CRLF, is_chunked=False).numbers == (1, 7, 12)


def test_a_ping_is_an_event_without_a_number():
    assert read_events(PING + ONE, is_chunked=False) == ((1,), len(PING + ONE))


@pytest.mark.parametrize("is_chunked", [False, True])
def test_bytes_cut_anywhere_give_the_same_numbers_as_whole(is_chunked):
    events = [ONE, PING, SEVEN, CRLF, ONE]
    whole = b"".join(map(chunk, events) if is_chunked else events)
    for cut in range(len(whole) + 1):
        first = read_events(whole[:cut], is_chunked=is_chunked)
        rest = read_events(whole[first.length :], is_chunked=is_chunked)
        assert first.numbers + rest.numbers == (1, 7, 12, 1), cut
        assert first.length + rest.length == len(whole)


def test_an_event_over_several_chunks_is_one():
    cut = chunk(SEVEN[:20]) + chunk(SEVEN[20:45]) + chunk(SEVEN[45:])
    assert read_events(cut, is_chunked=True) == ((7,), len(cut))


def test_an_event_whose_last_chunk_is_missing_is_not_read():
    assert read_events(chunk(SEVEN[:-1]), is_chunked=True) == ((), 0)


def test_the_end_of_a_chunked_stream_is_an_error():
    with pytest.raises(ProtocolError, match="ended a stream"):
        read_events(chunk(ONE) + b"0\r\n\r\n", is_chunked=True)


def test_bytes_that_are_no_chunk_are_an_error():
    with pytest.raises(ProtocolError, match="expected a chunk"):
        read_events(b"data: x\r\n", is_chunked=True)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"


def test_a_head_says_whether_chunks_follow():
    assert read_head(HEAD + b"\r\n" + ONE) == (len(HEAD) + 2, False)
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    assert read_head(chunked) == (len(chunked), True)


def test_a_head_is_waited_for():
    assert read_head(HEAD) is None


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/event-stream\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_an_answer_that_is_no_stream_is_an_error(head):
    with pytest.raises(ProtocolError, match="expected an event stream"):
        read_head(head)
