"""Ask every server for its page, in turn and in rounds, and measure its cost."""

from __future__ import annotations

import contextlib
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from bench.accounting import read_usage
from bench.server import Server

from .client import Answer, Question, WrongAnswerError, ask, ask_often
from .servers import blog, empty, files, lacks_nginx

BROWSER = "gzip, deflate, br, zstd"
INDEX, POST = "/blog", "/blog/how-the-counter-works"
# Open pages, so that there is something to count.
INDEX_READERS, POST_READERS = 2, 3
ONLINE, READING = ">5 readers online<", ">3 reading now<"
SETTLE_SECONDS = 5.0
WARM_UP_REQUESTS = 200
EMPTY_VIEW = "empty Flask view"

Tell = Callable[[str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often to ask each in one step, and in how many rounds; the median counts."""

    requests: int = 2_000
    rounds: int = 7


@dataclass(slots=True)
class Subject:
    """One row of the table: server and request, whether a promise covers it, and its cost."""

    title: str
    server: Server
    question: Question
    is_promised: bool = False
    length: int = 0
    kept_us: list[float] = field(default_factory=list)
    new_us: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Cost:
    """The figures of one subject: CPU of one request, bytes of the body."""

    title: str
    kept_us: float
    new_us: float
    length: int
    is_promised: bool


def measure(plan: Plan, tell: Tell, step: Callable[[], object]) -> tuple[list[Cost], list[str]]:
    """Measure all subjects; return the costs, and the missing subjects with the reason."""
    with contextlib.ExitStack() as stack:
        tell("starting the servers")
        subjects, missing = _start(stack)
        for subject in subjects:
            tell(f"{subject.title}: warming up")
            ask_often(subject.server.port, subject.question, WARM_UP_REQUESTS, keeps=True)
            subject.length = ask(subject.server.port, subject.question).length
        for number in range(1, plan.rounds + 1):
            for subject in subjects:
                tell(f"round {number} of {plan.rounds}: {subject.title}")
                subject.kept_us.append(_take(subject, plan.requests, keeps=True))
                subject.new_us.append(_take(subject, plan.requests, keeps=False))
            step()
    return [
        Cost(
            subject.title,
            statistics.median(subject.kept_us),
            statistics.median(subject.new_us),
            subject.length,
            subject.is_promised,
        )
        for subject in subjects
    ], missing


def _take(subject: Subject, count: int, *, keeps: bool) -> float:
    before = read_usage(subject.server.pids).cpu_ns
    ask_often(subject.server.port, subject.question, count, keeps=keeps)
    return (read_usage(subject.server.pids).cpu_ns - before) / 1000 / count


def _start(stack: contextlib.ExitStack) -> tuple[list[Subject], list[str]]:
    ours = stack.enter_context(Server(blog(), 100))
    uncached = stack.enter_context(Server(blog(BLOG_PAGE_CACHE_MEGABYTES="0"), 100))
    flask = stack.enter_context(Server(empty("flask_app"), 100))
    bare = stack.enter_context(Server(empty("callable_app"), 100))
    for server in (ours, uncached):
        for page, count in (("index", INDEX_READERS), (POST.lstrip("/"), POST_READERS)):
            for _ in range(count):
                stack.enter_context(_open_tab(server.port, page))
    post, index = Question(POST, texts=(READING, ONLINE)), Question(INDEX, texts=(ONLINE,))
    whole = [_ask_until_right(ours.port, question) for question in (post, index)]
    for question in (post, index):
        _ask_until_right(uncached.port, question)
    known = f'"{whole[0].etag.strip(chr(34))}-gzip"'
    subjects = [
        Subject("Viblog, a post, gzip", ours, as_browser(post, "gzip"), True),
        Subject("Viblog, a post, not compressed", ours, post, True),
        Subject("Viblog, a post, 304", ours, Question(POST, BROWSER, known, status=304), True),
        Subject("Viblog, the index, gzip", ours, as_browser(index, "gzip"), True),
        Subject("Viblog, the index, not compressed", ours, index, True),
        Subject("Viblog, a post, without the cache", uncached, post),
        Subject(EMPTY_VIEW, flask, Question("/", BROWSER)),
        Subject("empty WSGI callable", bare, Question("/", BROWSER)),
    ]
    if lack := lacks_nginx():
        return subjects, [f"nginx, the same pages as files; {lack}"]
    names = "post.html", "index.html"
    saved = {name: answer.body for name, answer in zip(names, whole, strict=True)}
    nginx = stack.enter_context(Server(files(saved), 100))
    for name, question in zip(names, (post, index), strict=True):
        asked = as_browser(replace(question, path=f"/{name}"), "gzip")
        subjects.append(Subject(f"nginx, {name} as a file, gzip", nginx, asked))
    return subjects, []


def as_browser(question: Question, coding: str) -> Question:
    """Return the question as a browser asks it, and the coding it is to be answered in."""
    return replace(question, accepts=BROWSER, coding=coding)


@contextlib.contextmanager
def _open_tab(port: int, page: str) -> Iterator[None]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(f"GET /live?page={page} HTTP/1.1\r\nHost: blog.example\r\n\r\n".encode())
        sock.recv(65_536)
        yield


def _ask_until_right(port: int, question: Question) -> Answer:
    """Ask until every open page is counted: a moment after the last one opened."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        answer = ask(port, question)
        lacking = [text for text in question.texts if text.encode() not in answer.body]
        if not lacking:
            return answer
        if time.monotonic() > deadline:
            raise WrongAnswerError(f"{question.path}: found no {lacking} in {SETTLE_SECONDS:g} s")
