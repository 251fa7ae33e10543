"""Front matter in all four formats: any text is a post or faults on its lines, and soon."""

from __future__ import annotations

import json
import time
import unicodedata
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from hypothesis import strategies as st

from blog.posts.reader import read_post
from tests.fuzz.budget import fuzz

FORMATS = {
    "yaml": ("---\n", "\n---\n"),
    "toml": ("+++\n", "\n+++\n"),
    "json": ("{", "}\n"),
    "elixir": ("%{", "}\n---\n"),
}
# What the formats are made of, so that the reader gets past the first character.
SIGNS = {
    "yaml": [": ", "- ", "[", "]", "{", "}", "&a ", "*a", "<<: ", "!!", "!!python/name:", "? "],
    "toml": [" = ", "[", "]", "[[", "]]", '"""', "'''", ".", "{", "}", "inf", "0x"],
    "json": ['"', ":", ",", "[", "]", "{", "}", "\\u", "\\ud800", "1e999", "null"],
    "elixir": ["~w(", ")", "~D[", "]", "~s(", '"""', ": ", "=>", "#{", "}", ",", "\\x{"],
}
COMMON = ["title", "date", "tags", "slug", "draft", "aliases", "image", "\n", " ", '"', "'", "#"]
COMMON += ["2026-11-24", "9999-99-99", "true", "-1", "\\", "\x00", "\x85", "\u2028", "\ufeff", "é"]
CPU_SECONDS = 1.0


def texts(signs: list[str]) -> st.SearchStrategy[str]:
    piece = st.sampled_from([*signs, *COMMON]) | st.text(max_size=8)
    repeated = st.tuples(piece, st.integers(1, 2000)).map(lambda pair: pair[0] * pair[1])
    return st.lists(piece | repeated, max_size=40).map("".join)


def check_file(content: bytes) -> None:
    began = time.process_time()
    reading = read_post(Path("posts/x.md"), PurePosixPath("x.md"), content)
    assert time.process_time() - began < CPU_SECONDS
    assert (reading.post is None) == bool(reading.faults)
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n") + 1
    for fault in reading.faults:
        assert 1 <= fault.line <= lines, fault
        assert fault.found
        assert fault.expected
        assert fault.mend
        assert "\n" not in str(fault)
    if reading.post is not None:
        json.dumps([reading.post.title, reading.post.tags], ensure_ascii=False).encode()
        assert reading.post.id.isascii()
        assert not set(reading.post.id) & set("/\\%?#. \r\n\0")
        for text in (reading.post.title, *reading.post.tags, *reading.post.authors):
            assert not [sign for sign in text if unicodedata.category(sign) == "Cc"], repr(text)
            ElementTree.fromstring(f"<title>{escape(text)}</title>")  # noqa: S314 - our own


@pytest.mark.parametrize("name", FORMATS)
def test_any_front_matter_is_a_post_or_faults(name):
    begin, end = FORMATS[name]

    def check(front: str) -> None:
        check_file(f"{begin}{front}{end}\nText.\n".encode("utf-8", "replace"))

    fuzz(check, texts(SIGNS[name]))


@pytest.mark.parametrize("name", FORMATS)
def test_any_title_is_a_title_or_a_fault(name):
    def check(title: str) -> None:
        quoted = json.dumps(title)
        line = {"yaml": f"title: {quoted}", "toml": f"title = {quoted}"}.get(name)
        line = line or ('"title": ' if name == "json" else "title: ") + quoted
        begin, end = FORMATS[name]
        check_file(f"{begin}{line}{end}\nText.\n".encode())

    fuzz(check, st.text(st.characters(exclude_categories=["Cs"])))


def test_any_bytes_are_a_post_or_faults():
    fuzz(check_file, st.binary(max_size=4096) | texts(["---\n", "+++\n", "%{", "{"]).map(encode))


def encode(text: str) -> bytes:
    return text.encode("utf-16")
