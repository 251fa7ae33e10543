"""Searches are bounded: however many are asked for, pages and streams go on."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.open_stream import OpenStream
from tests.site import Site

POSTS = 1_000
AT_A_TIME = 150
WORDS = [f"word{number}" for number in range(12)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("posts")
    text = " ".join(WORDS) * 30
    for number in range(POSTS):
        head = f"---\ntitle: Post {number}\ndate: 2026-01-01\n---\n"
        (folder / f"p{number}.md").write_text(head + text)
    with Site(workers=1, environ={"BLOG_POSTS_DIR": str(folder)}) as site:
        site.wait(lambda: f"Found: {POSTS}" in site.fetch(search()), "all are indexed", 60)
        yield site


def search() -> str:
    return f"/search?q={'+'.join(WORDS)}"


@pytest.mark.full
def test_a_flood_of_searches_is_told_to_come_back_and_holds_up_nobody(site: Site) -> None:
    request = f"GET {search()} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    with OpenStream(site) as stream, contextlib.ExitStack() as stack:
        stream.read_until("1 reader online")
        socks = [stack.enter_context(site.connect()) for _ in range(AT_A_TIME)]
        for sock in socks:
            sock.settimeout(30)
            sock.sendall(request)
        with OpenStream(site) as other:
            other.read_until("2 readers online")
            stream.read_until("2 readers online")
        assert "online" in site.fetch("/about")
        answers = [sock.makefile("rb").read().decode() for sock in socks]
    statuses = [int(answer.split()[1]) for answer in answers]
    assert set(statuses) == {200, 503}
    # Two are looked for at a time and 20 wait; each that is answered makes room for another.
    assert statuses.count(200) >= 22
    for status, answer in zip(statuses, answers, strict=True):
        if status == 503:
            assert re.search(r"^Retry-After: 2\r$", answer, re.MULTILINE)
            assert "Many are searching just now." in answer
    assert f"Found: {POSTS}" in site.fetch(search())
    assert "Traceback" not in site.read_whole_log()
