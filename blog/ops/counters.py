"""The metrics of streams, presence and pages: each told what happens, and counting it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from flask_presence.streams.observer import Ending, StreamObserver
from flask_presence.tracking import Observer, State

# A stream belongs to one of these pages, or to a post.
STREAM_PAGES = ("index", "about", "post")
ANSWERED_PAGES = ("index", "post", "about", "other")
REFUSALS = ("full", "draining", "threads")
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")

FAN_OUT_BUCKETS = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)
PACE_BUCKETS = (0.01, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
PAGE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class StreamMetrics(StreamObserver):
    """The streams: open ones, what they are sent, and how long that takes."""

    __slots__ = (
        "_ended",
        "_fan_out",
        "_frame_bytes",
        "_frames",
        "_open",
        "_opened",
        "_pace",
        "_refused",
    )

    def __init__(self, registry: CollectorRegistry) -> None:
        opened = Counter("viblog_streams_opened", "Streams opened.", ["page"], registry=registry)
        ended = Counter(
            "viblog_streams_ended",
            "Streams that have ended: left, too slow, asked to come back, or one tab too many.",
            ["ending"],
            registry=registry,
        )
        refused = Counter(
            "viblog_streams_refused",
            "Busy answers: no room, the worker stops, or the server has threads only.",
            ["reason"],
            registry=registry,
        )
        streams = live_gauge(registry, "viblog_streams", "Streams that are open now.", "page")
        self._open = {page: streams.labels(page) for page in STREAM_PAGES}
        self._opened = {page: opened.labels(page) for page in STREAM_PAGES}
        self._ended = {ending: ended.labels(ending.name.lower()) for ending in Ending}
        self._refused = {reason: refused.labels(reason) for reason in REFUSALS}
        self._frames = Counter(
            "viblog_frames",
            "Frames sent: first ones and changes; pings are none.",
            registry=registry,
        )
        self._frame_bytes = Counter(
            "viblog_frame_bytes", "Their bytes, without the heads of responses.", registry=registry
        )
        self._fan_out = Histogram(
            "viblog_fan_out_seconds",
            "Time a worker spends to send one change to all its streams, without its pauses.",
            buckets=FAN_OUT_BUCKETS,
            registry=registry,
        )
        self._pace = Histogram(
            "viblog_pace_seconds",
            "How long a change waits until its sending begins; the pace is BLOG_PACE_SECONDS.",
            buckets=PACE_BUCKETS,
            registry=registry,
        )

    def opened(self, page: str) -> None:
        """Count a stream."""
        kind = _kind_of_stream(page)
        self._opened[kind].inc()
        self._open[kind].inc()

    def ended(self, page: str, ending: Ending) -> None:
        """Count a stream out."""
        self._ended[ending].inc()
        self._open[_kind_of_stream(page)].dec()

    def refused(self, reason: str) -> None:
        """Count a busy answer."""
        self._refused[reason].inc()

    def sent(self, frames: int, frame_bytes: int) -> None:
        """Count frames of one size."""
        if frames:
            self._frames.inc(frames)
            self._frame_bytes.inc(frames * frame_bytes)

    def fanned_out(self, worked_seconds: float, waited_seconds: float) -> None:
        """Time a fan-out."""
        self._fan_out.observe(worked_seconds)
        self._pace.observe(waited_seconds)


class PresenceMetrics(Observer):
    """This worker's own presences, and how well it hears the others."""

    __slots__ = ("_deaf", "_gaps", "_joins", "_leaves", "_states")

    def __init__(self, registry: CollectorRegistry) -> None:
        self._joins = Counter(
            "viblog_joins",
            "Presences that joined: tabs, also those that come back.",
            registry=registry,
        )
        self._leaves = Counter(
            "viblog_leaves",
            "Presences that left; not those of a worker that was killed.",
            registry=registry,
        )
        self._gaps = Counter(
            "viblog_presence_gaps",
            "Gaps: others' messages that were lost, and made up for by a fetch.",
            registry=registry,
        )
        self._deaf = Counter(
            "viblog_presence_deaf",
            "Subscriptions that brought nothing any more, and were replaced.",
            registry=registry,
        )
        states = live_gauge(
            registry,
            "viblog_presence_workers",
            "Workers by how far their numbers can be believed.",
            "state",
        )
        self._states = {state: states.labels(state.value) for state in State}

    def changed(self, joins: int, leaves: int) -> None:
        """Count own presences in and out."""
        if joins:
            self._joins.inc(joins)
        if leaves:
            self._leaves.inc(leaves)

    def missed(self) -> None:
        """Count a gap."""
        self._gaps.inc()

    def went_deaf(self) -> None:
        """Count a subscription that was replaced."""
        self._deaf.inc()

    def note_state(self, state: State) -> None:
        """Note how far this worker's numbers can be believed."""
        for each, gauge in self._states.items():
            gauge.set(each is state)


class PageMetrics:
    """The answers to page requests: how long they take, and how they went."""

    def __init__(self, registry: CollectorRegistry) -> None:
        seconds = Histogram(
            "viblog_page_seconds",
            "Answers to requests that are no streams.",
            ["page"],
            buckets=PAGE_BUCKETS,
            registry=registry,
        )
        answers = Counter(
            "viblog_answers",
            "Answers, by the class of their status.",
            ["status"],
            registry=registry,
        )
        self._seconds = {page: seconds.labels(page) for page in ANSWERED_PAGES}
        self._answers = {status: answers.labels(status) for status in CLASSES}

    def answered(self, path: str, status: str, seconds: float) -> None:
        """Time an answer. `status` is what WSGI has: `200 OK`."""
        self._seconds[kind_of_answer(path)].observe(seconds)
        answers = self._answers.get(f"{status[:1]}xx")
        if answers is not None:
            answers.inc()


def kind_of_answer(path: str) -> str:
    """Return which kind of page a path is, one of a few."""
    if path.startswith("/blog/"):
        return "post"
    return {"/": "index", "/blog": "index", "/about": "about"}.get(path, "other")


def _kind_of_stream(page: str) -> str:
    return page if page in ("index", "about") else "post"


def live_gauge(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Gauge:
    """Return a gauge that is the sum of the workers that live."""
    return Gauge(name, text, labels, registry=registry, multiprocess_mode="livesum")
