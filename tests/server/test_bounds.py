"""What a client, or an address, can use up: heads, connections, answers that it does not read."""

from __future__ import annotations

import contextlib
import resource
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.open_stream import OpenStream
from tests.site import ROOT, Site

MAX_HEAD_BYTES = 32 * 1024
MOST_CONNECTIONS = 20
FILE_LIMIT = 512
HEADS = 300
MOST_GROWTH_BYTES = 5 * 1024 * 1024


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    # The first write of its history loads 20 MB of code: no head's doing.
    with Site(workers=1, environ={"BLOG_HISTORY": "0"}) as site:
        yield site


def ask(site: Site, head: str) -> bytes:
    """Send a request; return all that comes until the end of the connection."""
    answer = b""
    with site.connect() as sock:
        with contextlib.suppress(ConnectionError):  # it may be refused before all is sent
            sock.sendall(head.encode())
        with contextlib.suppress(ConnectionError):
            while received := sock.recv(65_536):
                answer += received
    return answer


def write_head(path: str, fields: list[str]) -> str:
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *fields]
    return "".join(f"{line}\r\n" for line in lines) + "\r\n"


@pytest.mark.parametrize("path", ["/blog", "/live?page=index"])
class TestAHead:
    def test_of_fifty_fields_is_answered_and_one_more_is_refused(self, site, path):
        fields = [f"X-{number}: x" for number in range(48)]
        with site.connect() as sock:
            sock.sendall(write_head(path, fields).encode())
            assert sock.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")
        refused = ask(site, write_head(path, [*fields, "X-More: x"]))
        assert refused.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")

    def test_of_32_kib_is_answered_and_a_longer_one_is_refused(self, site, path):
        long = [f"X-{number}: ".ljust(7_900, "x") for number in range(4)]
        with site.connect() as sock:
            sock.sendall(write_head(path, long).encode())
            assert sock.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")
        refused = ask(site, write_head(path, [*long, "X-More: ".ljust(2_000, "x")]))
        assert refused.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


def test_each_request_of_a_connection_may_have_a_long_head(site):
    head = write_head("/healthz", ["X-Long: ".ljust(8_000, "x")] * 3)
    head = head.replace("GET", "HEAD").replace("close", "keep-alive")
    with site.connect() as sock:
        for _ in range(5):
            sock.sendall(head.encode())
            assert sock.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")


def write_largest(number: int) -> str:
    """Return a head of nearly 32 KiB that is like no other, in all that is looked at."""
    names = ("Accept-Encoding", "If-None-Match", "Cookie", "Referer", "X-Forwarded-For", "Range")
    tags = ",".join(f'"{number}-{count}"' for count in range(600))
    codings = ",".join(f"x{number}-{count};q=0.5" for count in range(350))
    said = [codings, tags, *(f"{name}{number}".ljust(3_800, "y") for name in names[2:])]
    fields = [f"{name}: {words}" for name, words in zip(names, said, strict=True)]
    path = f"/blog?x={str(number).ljust(3_000, 'z')}"
    fill = MAX_HEAD_BYTES - 300 - len(write_head(path, fields))
    return write_head(path, [*fields, "X: ".ljust(fill, "y")])


def test_no_head_stays_in_a_workers_memory(site):
    (pid,) = site.worker_pids()

    def ask_with(number: int) -> None:
        head = write_largest(number)
        assert MAX_HEAD_BYTES - 500 < len(head) < MAX_HEAD_BYTES
        assert b"200 OK" in ask(site, head)[:20]
        missing = head.replace("/blog?", f"/blog/{number}").replace("GET", "HEAD")
        assert b"404 NOT FOUND" in ask(site, missing)[:30]
        with site.connect() as sock:  # a stream, of a page that is not there
            sock.sendall(head.replace("/blog?x=", "/live?page=blog/").encode())
            assert sock.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")

    for _ in range(40):  # what is allocated once is there then
        ask_with(0)
    before = resident_bytes(pid)
    for number in range(1, HEADS):
        ask_with(number)
    assert resident_bytes(pid) - before < MOST_GROWTH_BYTES


def resident_bytes(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


class TestAnAddress:
    def test_has_so_many_connections_at_a_time_as_it_may_have_streams(self):
        """Beside its streams. Another address is answered meanwhile, and this one afterwards."""
        environ = {"BLOG_MAX_STREAMS_PER_ADDRESS": str(MOST_CONNECTIONS)}
        with Site(workers=1, environ=environ) as site, contextlib.ExitStack() as stack:
            stream = stack.enter_context(OpenStream(site))
            stream.read_until("1 reader online")
            held = [stack.enter_context(site.connect()) for _ in range(MOST_CONNECTIONS)]
            for sock in held:
                sock.sendall(b"GET /healthz HTTP/1.1\r\n")
            site.wait(lambda: ask(site, write_head("/healthz", [])) == b"", "one more is refused")
            other = stack.enter_context(
                socket.create_connection(("127.0.0.1", site.port), 5, ("127.0.0.2", 0))
            )
            other.sendall(write_head("/healthz", []).encode())
            assert other.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
            stack.close()
            site.wait(lambda: ask(site, write_head("/healthz", [])) != b"", "it is answered again")

    def test_behind_a_proxy_is_not_the_proxys(self):
        environ = {"BLOG_MAX_STREAMS_PER_ADDRESS": "2", "BLOG_PROXY_HOPS": "1"}
        with Site(workers=1, environ=environ) as site, contextlib.ExitStack() as stack:
            for _ in range(10):
                stack.enter_context(site.connect()).sendall(b"GET /healthz HTTP/1.1\r\n")
            assert ask(site, write_head("/healthz", [])).startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_answer_that_nobody_reads_is_thrown_away():
    """Ten seconds are one here. What the kernel holds of each is bounded, and then given up."""
    environ = {"BLOG_STALL_SECONDS": "1"}
    request = b"GET /static/vendor/htmx.org/dist/htmx.min.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with Site(workers=1, environ=environ) as site, contextlib.ExitStack() as stack:
        greedy = []
        for _ in range(20):
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
            sock.connect(("127.0.0.1", site.port))
            sock.sendall(request * 60)
            greedy.append(sock)
        assert "online" in site.fetch()
        site.wait(lambda: all(map(is_reset, greedy)), "all are reset", 10)
        assert "online" in site.fetch()
        assert "Traceback" not in site.read_whole_log()


def is_reset(sock: socket.socket) -> bool:
    """Tell whether the other side has reset a connection (tcp(7)), of which nothing is read."""
    (state,) = struct.unpack_from("B", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8))
    return bool(state == 7)  # TCP_CLOSE


class TestFewFiles:
    @pytest.fixture
    def site(self, tmp_path: Path) -> Iterator[Site]:
        """Start a blog that may have few files open, with a folder of posts of its own."""
        (tmp_path / "posts").mkdir()
        (tmp_path / "posts" / "one.md").write_text("---\ntitle: One\ndate: 2026-01-01\n---\nText.")
        config = tmp_path / "conf.py"
        config.write_text(
            "import resource\n"
            f"resource.setrlimit(resource.RLIMIT_NOFILE, ({FILE_LIMIT}, {FILE_LIMIT}))\n"
            f"exec(open({str(ROOT / 'gunicorn.conf.py')!r}).read())\n"
        )
        environ = {
            "GUNICORN_CMD_ARGS": f"--config={config}",
            "BLOG_POSTS_DIR": str(tmp_path / "posts"),
            "BLOG_PROXY_HOPS": "1",  # so that one address may have all
        }
        with Site(workers=1, environ=environ) as site:
            yield site

    def test_leave_some_for_the_blogs_own_work(self, site, tmp_path):
        """Connections come until no more are taken: posts are read, streams live on."""
        (pid,) = site.worker_pids()
        with contextlib.ExitStack() as stack:
            stream = stack.enter_context(OpenStream(site, "blog/one"))
            stream.read_until("1 reading now")
            stream.text = ""
            held = [stack.enter_context(site.connect()) for _ in range(FILE_LIMIT)]
            for sock in held:
                sock.sendall(b"GET /healthz HTTP/1.1\r\n")
            site.wait(lambda: "no more are accepted" in site.read_whole_log(), "it is full")
            assert len(list(Path(f"/proc/{pid}/fd").iterdir())) < FILE_LIMIT - 10
            post = tmp_path / "posts" / "half"
            post.write_text("---\ntitle: One\ndate: 2026-01-01\n---\nOther text.")
            post.rename(tmp_path / "posts" / "one.md")
            stream.read_until("This post was updated.")
        log = site.read_whole_log()
        assert log.count("no more are accepted") == 1
        assert "Traceback" not in log
        assert "Other text." in site.fetch("/blog/one")

    def test_that_run_out_are_one_line_of_the_log(self, site):
        (pid,) = site.worker_pids()
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE, (5, FILE_LIMIT))
        with site.connect() as sock:
            sock.sendall(write_head("/blog", []).encode())
            site.wait(lambda: "Too many open files" in site.read_whole_log(), "it is told")
            time.sleep(0.5)  # it tries again and again
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
            assert sock.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
        log = site.read_whole_log()
        assert log.count("no more are accepted") == 1
        assert "Traceback" not in log
