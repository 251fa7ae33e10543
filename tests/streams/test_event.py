"""The wire format of server-sent events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_presence.streams.event import encode_event, join_events, with_return


def parse(stream: bytes) -> list[dict[str, str]]:
    """Read events as the HTML standard, section 9.2.6, has it."""
    text = stream.decode().replace("\r\n", "\n").replace("\r", "\n")
    events = []
    for block in text.split("\n\n")[:-1]:
        fields: dict[str, list[str]] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        events.append({name: "\n".join(values) for name, values in fields.items()})
    return events


def test_an_event_is_its_lines_and_an_empty_one():
    assert encode_event("5 readers") == b"data: 5 readers\n\n"


def test_name_and_retry_come_with_data():
    assert encode_event("", event="busy", retry_ms=700) == b"retry: 700\nevent: busy\ndata: \n\n"


def test_every_line_end_of_the_format_begins_a_data_line():
    assert encode_event("a\rb\r\nc\nd") == b"data: a\ndata: b\ndata: c\ndata: d\n\n"


def test_other_line_ends_stay_in_the_text():
    assert encode_event("a\u2028b\x0bc") == "data: a\u2028b\x0bc\n\n".encode()


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\0b"])
def test_a_name_with_a_line_end_is_refused(name):
    with pytest.raises(ValueError, match="expected no line end"):
        encode_event("", event=name)
    with pytest.raises(ValueError, match="expected no line end"):
        with_return(b"data: 1\n\n", 5, name)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_ends_its_event_or_begins_a_field(text):
    expected = text.replace("\r\n", "\n").replace("\r", "\n")
    assert parse(encode_event(text)) == [{"data": expected}]


def test_a_first_frame_says_how_to_come_back():
    frame = with_return(encode_event("1"), 1500, "w-1")
    assert parse(frame) == [{"retry": "1500", "id": "w-1", "data": "1"}]


def test_joined_events_are_one_that_has_the_data_of_all():
    joined = join_events(encode_event("a\nb"), b"", encode_event("c"))
    assert joined == b"data: a\ndata: b\ndata: c\n\n"
