"""The event encoder, read back by a parser that is written from the standard alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from flask_presence.streams.event import PING, encode_event, with_return
from tests.fuzz.budget import fuzz

TEXTS = st.lists(
    st.sampled_from(["\r", "\n", "\r\n", "\n\n", "data: ", "event: x", "id: 1", ":", "retry: 1"])
    | st.sampled_from(
        ["\x00", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\ufeff", "</hx-partial>"]
    )
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    max_size=20,
).map("".join)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))


@dataclass
class Client:
    """HTML Living Standard, 9.2.6: bytes in, in pieces of any size; dispatched events out."""

    events: list[tuple[str, str, str]] = field(default_factory=list)  # type, data, last id
    retry_ms: int | None = None
    _line: bytearray = field(default_factory=bytearray)
    _ended_by_cr: bool = False
    _type: str = ""
    _lines: list[str] = field(default_factory=list)
    _id: str = ""

    def receive(self, piece: bytes) -> None:
        for byte in piece:
            if byte == 0x0A and self._ended_by_cr:
                self._ended_by_cr = False
            elif byte in (0x0A, 0x0D):
                self._ended_by_cr = byte == 0x0D
                self._take(self._line.decode())
                self._line.clear()
            else:
                self._ended_by_cr = False
                self._line.append(byte)

    def _take(self, line: str) -> None:
        if not line:
            if self._lines:
                self.events.append((self._type or "message", "\n".join(self._lines), self._id))
            self._type, self._lines = "", []
            return
        name, _, value = line.partition(":")
        value = value[1:] if value[:1] == " " else value
        if name == "data":
            self._lines.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry_ms = int(value)


def expected(text: str) -> str:
    """Say what a text is after the journey: its line ends are the format's."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def test_any_text_comes_out_as_one_event_and_nothing_else():
    def check(sent: tuple[str, str, int, str, list[int]]) -> None:
        text, name, retry_ms, event_id, cuts = sent
        client = Client()
        stream = PING + with_return(encode_event(text, event=name), retry_ms, event_id) + PING
        stream += encode_event("after")
        for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
            client.receive(stream[begin:end])
        assert client.events == [
            (name or "message", expected(text), event_id),
            ("message", "after", event_id),
        ]
        assert client.retry_ms == retry_ms

    fuzz(
        check,
        st.tuples(TEXTS, NAMES, st.integers(0, 10**6), NAMES, st.lists(st.integers(0, 200))),
    )


def test_no_name_and_no_id_with_a_line_end_is_sent():
    def check(sent: tuple[str, str, str]) -> None:
        before, sign, after = sent
        for write in (
            lambda: encode_event("", event=before + sign + after),
            lambda: with_return(b"data: 1\n\n", 1, before + sign + after),
        ):
            try:
                write()
            except ValueError:
                continue
            raise AssertionError("it was encoded")

    fuzz(check, st.tuples(NAMES, st.sampled_from("\r\n\0"), NAMES))
